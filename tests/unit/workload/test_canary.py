from __future__ import annotations

import json
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from colordrill.errors import RecordProblem
from colordrill.history import Event, History
from colordrill.picture import Judgement
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.arrivals import GivenUp
from colordrill.workload.canary import Canary, CanaryRunner
from colordrill.workload.photos import Photo
from colordrill.workload.scoring import ScoringTask, ScoringWorker
from colordrill.workload.workflows import Workflow
from fakes.clock import ManualClock
from fakes.service import Reply, ScriptedService, as_json, comfyui

LIMIT_S = 12.0


class Scoring:
    """Takes the pictures to judge and judges none."""

    def __init__(self) -> None:
        self.tasks: list[ScoringTask] = []

    def submit(self, task: ScoringTask) -> Future[Judgement]:
        self.tasks.append(task)
        return Future()


@pytest.fixture
def scoring() -> Scoring:
    return Scoring()


@pytest.fixture
def canary(workflow: Workflow, picture: bytes) -> Canary:
    photo = Photo("astronaut.png", picture)
    return Canary("person", workflow, photo, "images/golden-person.png", "images/input-person.png")


@pytest.fixture
def runner(history: History, clock: ManualClock, scoring: Scoring, tmp_path: Path) -> CanaryRunner:
    (tmp_path / "images").mkdir()
    return CanaryRunner(history, clock, cast("ScoringWorker", scoring), tmp_path)


def test_a_canarys_picture_is_kept_and_handed_to_the_scoring(
    runner: CanaryRunner,
    canary: Canary,
    client: ComfyClient,
    scoring: Scoring,
    events: list[Event],
    tmp_path: Path,
    picture: bytes,
) -> None:
    assert runner.send(canary, client, limit_s=LIMIT_S) is not None

    started, ended = events
    assert (started.kind, started.type.value) == ("canary", "invoke")
    assert ended.data["site"] == "primary"
    assert ended.data["colorize_cached"] is False
    assert (tmp_path / ended.data["image"]).read_bytes() == picture
    (task,) = scoring.tasks
    assert (task.op, task.image, task.golden) == (started.id, ended.data["image"], canary.golden)


def test_a_picture_that_cannot_be_written_is_a_problem_of_the_record(
    runner: CanaryRunner, canary: Canary, client: ComfyClient, scoring: Scoring, tmp_path: Path
) -> None:
    (tmp_path / "images").rmdir()

    with pytest.raises(RecordProblem, match=r"the picture .* cannot be written"):
        runner.send(canary, client, limit_s=LIMIT_S)

    assert scoring.tasks == []


def test_each_canary_uploads_under_a_fresh_name_and_saves_under_a_fresh_prefix(
    runner: CanaryRunner, canary: Canary, client: ComfyClient, service: ScriptedService
) -> None:
    for _ in range(3):
        runner.send(canary, client, limit_s=LIMIT_S)

    prompts = [json.loads(r.body)["prompt"] for r in service.requests if r.path == "/prompt"]
    inputs = [node["inputs"] for prompt in prompts for node in prompt.values()]
    assert len({each["image"] for each in inputs if isinstance(each.get("image"), str)}) == 3
    assert len({each["filename_prefix"] for each in inputs if "filename_prefix" in each}) == 3


def test_a_picture_from_the_result_cache_is_told_as_such(
    runner: CanaryRunner,
    canary: Canary,
    client: ComfyClient,
    service: ScriptedService,
    events: list[Event],
    picture: bytes,
) -> None:
    service.answer = comfyui(picture, cached=(canary.workflow.colorize_node(),))

    runner.send(canary, client, limit_s=LIMIT_S)

    assert events[-1].data["colorize_cached"] is True


@pytest.mark.parametrize(
    ("path", "reply", "end"),
    [
        ("/userdata/", Reply(404), "fail"),
        ("/userdata/", Reply(502), "unknown"),
        ("/userdata/", Reply(200, b"<html>"), "fail"),
        ("/userdata/", Reply(200, b"[]"), "fail"),
        ("/upload/image", Reply(503), "fail"),
        ("/prompt", Reply(502), "unknown"),
        ("/history/", Reply(503), "fail"),
        ("/history/", Reply(502), "unknown"),
        ("/view", Reply(404), "fail"),
        ("/view", Reply(body=b"x" * 1000, cut=True), "unknown"),
        ("/prompt", Reply(200, b"<html>"), "fail"),
        ("/upload/image", Reply(200, b"{}"), "fail"),
    ],
)
def test_a_canary_takes_the_first_failure_as_its_answer(
    runner: CanaryRunner,
    canary: Canary,
    client: ComfyClient,
    service: ScriptedService,
    scoring: Scoring,
    events: list[Event],
    path: str,
    reply: Reply,
    end: str,
) -> None:
    usual = service.answer
    service.answer = lambda request: reply if request.path.startswith(path) else usual(request)

    reasons: list[str] = []

    assert runner.send(canary, client, limit_s=LIMIT_S, unanswered=reasons.append) is None

    assert (events[-1].type.value, len(events)) == (end, 2)
    assert events[-1].data["error"]
    assert reasons == [events[-1].data["error"]]
    assert scoring.tasks == []


def test_a_canary_without_its_picture_at_the_limit_is_unanswered(
    runner: CanaryRunner,
    canary: Canary,
    client: ComfyClient,
    service: ScriptedService,
    events: list[Event],
    clock: ManualClock,
) -> None:
    usual = service.answer
    service.answer = lambda request: (
        as_json({}) if request.path.startswith("/history/") else usual(request)
    )

    assert runner.send(canary, client, limit_s=LIMIT_S) is None

    assert events[-1].type.value == "unknown"
    assert clock.elapsed_s == pytest.approx(LIMIT_S, abs=0.11)


def test_a_canary_that_is_given_up_stays_undecided(
    runner: CanaryRunner,
    canary: Canary,
    client: ComfyClient,
    service: ScriptedService,
    events: list[Event],
    clock: ManualClock,
) -> None:
    usual = service.answer
    service.answer = lambda request: (
        as_json({}) if request.path.startswith("/history/") else usual(request)
    )
    given_up = threading.Event()
    clock.at(1.0, given_up.set)

    with pytest.raises(GivenUp):
        runner.send(canary, client, limit_s=LIMIT_S, given_up=given_up)

    assert [event.type.value for event in events] == ["invoke"]
    assert clock.elapsed_s < 2.0


def test_another_kind_site_and_limit_can_be_asked_for(
    runner: CanaryRunner,
    canary: Canary,
    client: ComfyClient,
    service: ScriptedService,
    events: list[Event],
    picture: bytes,
) -> None:
    service.answer = comfyui(picture, site=None)

    runner.send(canary, client, kind="verifycan", site="dr", limit_s=60.0)

    assert {event.kind for event in events} == {"verifycan"}
    assert events[-1].data["site"] == "dr"


def test_the_gateways_header_counts_more_than_what_was_expected(
    runner: CanaryRunner, canary: Canary, client: ComfyClient, events: list[Any]
) -> None:
    runner.send(canary, client, limit_s=LIMIT_S, site="dr")

    assert events[-1].data["site"] == "primary"
