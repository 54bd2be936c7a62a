"""What keeps `colordrill recover` from being begun: whoever starts it must know the primary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colordrill.drill import operating
from colordrill.drill.assets import load_assets
from colordrill.drill.incident import Order, recover
from colordrill.drill.incident_plan import plan
from colordrill.errors import ExitCode, GoldenProblem, RecordProblem, UsageProblem, WaitExpired
from colordrill.picture import Judgement
from colordrill.recover.incidents import JOURNAL
from colordrill.recover.primary import PrimaryNotJudged
from colordrill.scenario.settings import Settings
from colordrill.stack.target import Executed
from colordrill.workload import scoring
from colordrill.workload.canary import Canary
from colordrill.workload.scoring import ScoringFailed, ScoringWorker
from unit.recover.broken import Incident, broken_stack

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

WRONG = Judgement(correct=False, reasons=("chroma SSIM 0.19 is below 0.985",), scores=None)
NOT_JUDGED = Judgement(correct=None, reasons=("the scorer crashed",), scores=None)
RIGHT = Judgement(correct=True, reasons=(), scores=None)
CHECKPOINT = "models/ddcolor/ddcolor_nano.safetensors"


@pytest.fixture
def broken(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incident:
    return broken_stack(disaster, tmp_path, monkeypatch)


def expect_untouched(broken: Incident) -> None:
    assert broken.gateway.off == {"dr"}
    assert broken.running() == (True, False)
    assert not (broken.directory / JOURNAL).exists()


def judged_once(broken: Incident, found: Judgement | Exception) -> None:
    """Let the first picture be judged so, and all later ones be right."""
    judgements = iter([found])

    def judgement(future: Future[Judgement], timeout_s: float) -> Judgement:
        first = next(judgements, RIGHT)
        if isinstance(first, Exception):
            raise first
        return first

    broken.disaster.scoring.judgement = judgement  # type: ignore[method-assign]


def weights_in_newest_point(broken: Incident, digest: str | None) -> None:
    files = {} if digest is None else {CHECKPOINT: digest}
    told = Executed(0, json.dumps({"files": files, "bytes": {}}), "")
    broken.disaster.target.programs["python3"] = lambda *_: told


@pytest.mark.parametrize(
    ("configured", "given", "named"),
    [
        ({"SERVICE_PORT": "8199"}, {}, "SERVICE_PORT"),
        ({"SERVICE_COMMAND": "python main.py"}, {}, "SERVICE_COMMAND"),
        ({"SERVICE_ENTRYPOINT": "/init"}, {}, "SERVICE_ENTRYPOINT"),
        ({"MOUNT_MODELS": "/opt/ComfyUI/models"}, {}, "MOUNT_MODELS"),
        ({"NODE_CLASS_TYPE": "DDColor"}, {}, "NODE_CLASS_TYPE"),
        ({"DEVICE": "cuda"}, {}, "DEVICE"),
        ({"COMFY_KEY": "secret"}, {}, "COMFY_KEY"),
        ({}, {"environment.COMFY_KEY": "secret"}, "COMFY_KEY"),
        ({"COMFY_KEY": "secret"}, {"environment.COMFY_KEY": "other"}, "COMFY_KEY"),
    ],
)
def test_options_of_another_service_than_the_stacks_give_up_no_primary(
    broken: Incident, configured: dict[str, str], given: dict[str, str], named: str
) -> None:
    broken.primary_runs()
    broken.disaster.configured |= configured
    settings = Settings(out=broken.out, service_values=given)

    for start in (
        lambda: recover(settings, Order(force=True), broken.said.append, broken.disaster.clock),
        lambda: plan(settings, Order()),
    ):
        with pytest.raises(UsageProblem, match=f"another service: {named} differ") as caught:
            start()

        assert "same --service options" in caught.value.next_step
        assert "secret" not in str(caught.value)
    expect_untouched(broken)
    assert broken.disaster.primary.requests == []


def test_what_a_recovery_does_not_take_from_the_options_is_not_compared(broken: Incident) -> None:
    broken.disaster.configured |= {"SERVICE_USER": "1000", "MODEL_SIZE": "680"}
    described = broken.disaster.target.parts
    for part in described.values():
        environment = {**part.description.environment, "MODEL_SIZE": "680"}
        part.description = replace(part.description, environment=environment)

    assert broken.start().exit_code == 0


@pytest.mark.parametrize(
    "found",
    [
        NOT_JUDGED,
        WaitExpired("waited 30 s for the scoring worker"),
        ScoringFailed("the scoring worker died"),
    ],
)
def test_a_primary_whose_pictures_could_not_be_judged_is_not_given_up_unasked(
    broken: Incident, found: Judgement | Exception
) -> None:
    broken.primary_runs()
    judged_once(broken, found)

    with pytest.raises(PrimaryNotJudged, match="the primary delivers pictures") as caught:
        broken.start()

    assert caught.value.exit_code is ExitCode.UNKNOWN
    assert "--force" in caught.value.next_step
    expect_untouched(broken)
    assert broken.start(force=True).exit_code == 0
    broken.expect_one_healthy_site()


class DeadPool:
    """Of a process that ended as soon as it had begun."""

    def __init__(self, **_: object) -> None:
        self._tasks = 0

    def submit(self, *_: object, **__: object) -> Future[object]:
        self._tasks += 1
        if self._tasks > 1:
            raise BrokenProcessPool("a process in the pool was terminated abruptly")
        return Future()

    def shutdown(self, **_: object) -> None:
        """Nothing to end."""


def test_a_scoring_worker_that_died_gives_up_no_primary(
    broken: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.primary_runs()
    monkeypatch.setattr(scoring, "ProcessPoolExecutor", DeadPool)
    monkeypatch.setattr(operating, "ScoringWorker", ScoringWorker)

    with pytest.raises(PrimaryNotJudged, match="the scoring worker died"):
        broken.start()

    expect_untouched(broken)


def test_a_picture_that_cannot_be_written_down_says_nothing_of_the_primary(
    broken: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.primary_runs()

    def without_folder(_assets: object, directory: Path) -> Sequence[Canary]:
        (directory / "images").rmdir()
        return broken.disaster.operator.canaries

    monkeypatch.setattr(operating, "golden_canaries", without_folder)

    with pytest.raises(RecordProblem, match=r"the picture .* cannot be written"):
        broken.start()

    expect_untouched(broken)


def test_a_primary_that_differs_by_its_weights_alone_is_not_given_up(broken: Incident) -> None:
    broken.primary_runs()
    judged_once(broken, WRONG)
    weights_in_newest_point(broken, "0" * 64)

    with pytest.raises(GoldenProblem, match="another checkpoint") as caught:
        broken.start()

    assert "--force" in caught.value.next_step
    expect_untouched(broken)


@pytest.mark.parametrize("known", [True, False])
def test_a_primary_that_colours_wrongly_with_the_goldens_weights_is_given_up(
    broken: Incident, known: bool
) -> None:
    broken.primary_runs()
    judged_once(broken, WRONG)
    weights_in_newest_point(broken, load_assets().golden_weights if known else None)

    assert broken.start().exit_code == 0

    broken.expect_one_healthy_site()


def test_a_wrong_primary_that_nobody_is_sent_to_is_given_up_whatever_its_weights(
    broken: Incident,
) -> None:
    broken.primary_runs()
    broken.gateway.off = {"primary", "dr"}
    judged_once(broken, WRONG)
    weights_in_newest_point(broken, "0" * 64)

    assert broken.start().exit_code == 0
