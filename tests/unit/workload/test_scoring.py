"""The scoring worker: a real process that judges files and writes its notes to the history."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from colordrill.data import fixtures
from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.history import Event, History
from colordrill.picture import Judgement
from colordrill.scenario.model import Objectives
from colordrill.workload.scoring import ScoringFailed, ScoringTask, ScoringWorker

LIMIT_S = 60.0


@pytest.fixture
def worker(history: History, tmp_path: Path) -> Iterator[ScoringWorker]:
    photo = (fixtures() / "photos" / "astronaut.png").read_bytes()
    for name in ("photo.png", "golden.png", "uncoloured.png"):
        (tmp_path / name).write_bytes(photo)
    with ScoringWorker(history, tmp_path, Objectives(rto_s=60.0, rpo_s=10.0)) as worker:
        yield worker


def task(image: str, op: str = "canary-000001") -> ScoringTask:
    return ScoringTask(op, image, "golden.png", "photo.png", {}, "difference.png")


def test_each_picture_is_judged_and_noted_under_its_canary(
    worker: ScoringWorker, events: list[Event]
) -> None:
    futures = [worker.submit(task("uncoloured.png", f"canary-00000{n}")) for n in (1, 2)]

    worker.drain(LIMIT_S)

    notes = [event.data for event in events if event.kind == "score"]
    assert [data["op"] for data in notes] == ["canary-000001", "canary-000002"]
    # the file holds no prompt: whatever its colours, it is not the picture that was asked for
    assert all(data["correct"] is not True and data["reasons"] for data in notes)
    assert worker.judgement(futures[0], LIMIT_S).correct is notes[0]["correct"]


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\n", b"<html>"])
def test_a_picture_that_is_none_never_counts_as_correct(
    worker: ScoringWorker, events: list[Event], tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "broken.png").write_bytes(content)
    worker.submit(task("broken.png"))

    worker.drain(LIMIT_S)

    (note,) = [event.data for event in events if event.kind == "score"]
    assert note["correct"] is not True
    assert note["reasons"]


def test_its_memory_is_told(worker: ScoringWorker) -> None:
    assert 0.0 < worker.peak_memory_mb() < 600.0


def test_a_judgement_that_does_not_come_is_given_up(worker: ScoringWorker) -> None:
    never: Future[Judgement] = Future()

    with pytest.raises(WaitExpired, match="scoring worker"):
        worker.judgement(never, 0.0)


def test_a_picture_that_a_dead_worker_cannot_take_is_an_environment_problem(
    worker: ScoringWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BrokenProcessPool("terminated abruptly")

    monkeypatch.setattr(worker._pool, "submit", broken)

    with pytest.raises(ScoringFailed, match="terminated abruptly"):
        worker.submit(task("uncoloured.png"))


def test_a_worker_that_died_is_an_environment_problem(worker: ScoringWorker) -> None:
    dead: Future[Judgement] = Future()
    dead.set_exception(RuntimeError("the process ended"))

    with pytest.raises(EnvironmentProblem, match="the process ended"):
        worker.judgement(dead, LIMIT_S)
