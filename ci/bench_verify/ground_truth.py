"""The recovery time actual against the truth: a service that is dark for exactly so many seconds.

Everything between the service and the figure is the drill's own: arrivals, canaries, client,
detector, schedule, history, observation and judgement. Only the scoring is a comparison of bytes:
the right answer is known, and a score's time does not enter the figure.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stub import Stub

from colordrill.clock import SystemClock, seconds_between
from colordrill.data import fixtures
from colordrill.fault.schedule import Schedule
from colordrill.history import History, read_history
from colordrill.picture import Judgement
from colordrill.recover.detector import OutageDetector
from colordrill.scenario.fault_spec import FaultSpec, Recovery
from colordrill.scenario.model import (
    Objectives,
    Pace,
    Scenario,
)
from colordrill.stack.comfyui import ComfyClient
from colordrill.verify.observe import observe
from colordrill.verify.rto import judge_rto
from colordrill.workload.arrivals import Arrivals, Stream
from colordrill.workload.canary import Canary, CanaryRunner
from colordrill.workload.photos import load_photos
from colordrill.workload.scoring import ScoringTask
from colordrill.workload.workflows import PERSON, load_workflows

DARK_S = (20.0, 5.0, 1.0)
ERROR_S_MAX = 0.100
INTERVAL_S = 0.025
SETTLE_S = 1.0
AT_ONCE = 5
POLL_S = 5.0
PHASES = 1000
FAULT = {"name": "dark", "target": "stub"}


@dataclass(frozen=True, slots=True)
class Repetition:
    """One outage: how long it really was, and what the drill's code measured."""

    dark_s: float
    true_s: float
    rta_s: float | None
    detail: str


class _Comparing:
    """Scores by comparing bytes, at once; stands in for the scoring worker."""

    def __init__(self, history: History, directory: Path, right: bytes) -> None:
        self._history = history
        self._directory = directory
        self._right = right

    def submit(self, task: ScoringTask) -> Future[Judgement]:
        """Judge one picture and write its note."""
        path = self._directory / task.image
        correct = path.read_bytes() == self._right
        path.unlink()
        judgement = Judgement(correct, () if correct else ("other bytes",), None)
        self._history.note(
            "score", op=task.op, correct=correct, reasons=list(judgement.reasons), scores=None
        )
        future: Future[Judgement] = Future()
        future.set_result(judgement)
        return future


def scenario(dark_s: float) -> Scenario:
    """An outage that a schedule ends, with canaries close together."""
    pace = Pace(
        canary_interval_s=INTERVAL_S,
        canary_limit_s=2.0,
        stability_s=SETTLE_S / 2,
        in_flight_max=128,
    )
    spec = FaultSpec(**FAULT, duration_s=dark_s)
    objectives = Objectives(rto_s=dark_s + 10.0, rpo_s=10.0)
    return Scenario("dark", "", "", (spec,), objectives, pace, recovery=Recovery.UNAIDED)


def repetition(dark_s: float, seed: int) -> Repetition:
    """Make a service dark for *dark_s* and measure that as a drill does."""
    photo = load_photos(fixtures() / "photos")["china"]
    workflow = load_workflows(fixtures() / "workflows")[PERSON]
    canary = Canary("person", workflow, photo, "golden", "photo")
    clock = SystemClock()
    drilled = scenario(dark_s)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stub(photo.content, workflow.ui_form) as stub,
        ComfyClient(stub.address) as client,
        History(Path(folder) / "history.jsonl", clock) as history,
    ):
        directory = Path(folder)
        (directory / "images").mkdir()
        detector = OutageDetector(drilled.pace.confirm_count)
        history.listen(detector.observe)
        scoring = _Comparing(history, directory, photo.content)
        runner = CanaryRunner(history, clock, scoring, directory)  # type: ignore[arg-type] # it has what a runner asks for
        limit_s = drilled.pace.canary_limit_s
        stream = Stream("canary", INTERVAL_S, lambda: runner.send(canary, client, limit_s=limit_s))
        with Arrivals((stream,), clock, history, drilled.pace.in_flight_max):
            # the fault comes at any moment between two canaries
            clock.pause(SETTLE_S + random.Random(seed).random() * INTERVAL_S)
            true_s = outage(FAULT, stub.darken, stub.lighten, history, clock, dark_s)
            clock.pause(SETTLE_S)
        observed = observe(read_history(directory / "history.jsonl"))
    check = judge_rto(observed, drilled).check
    rta_s = check.value if isinstance(check.value, float) else None
    return Repetition(dark_s, true_s, rta_s, check.detail)


def outage(
    fault: Mapping[str, str],
    darken: Callable[[], object],
    lighten: Callable[[], int],
    history: History,
    clock: SystemClock,
    dark_s: float,
) -> float:
    """Darken a service, have a schedule cure it; returns the true length of the outage.

    Args:
        fault: name and target, as the scenario has them.
        darken: makes it answer nothing.
        lighten: makes it answer again; returns the moment from which on it can.
        history: gets fault, evidence and heal.
        clock: the schedule's.
        dark_s: from the beginning of the injection to the cure.
    """
    truth: list[int] = []

    def cure() -> None:
        healing = history.invoke("heal", **fault, scheduled=True)
        truth.append(lighten())
        healing.ok(**fault, scheduled=True, detail="it answers")

    injection = history.invoke("fault", **fault, starts_clock=True)
    darken()
    schedule = Schedule(clock)
    schedule.at(injection.t_ns, dark_s, cure)
    schedule.start()
    injection.ok(**fault)
    history.note("evidence", **fault, seen=True, detail="no answer")
    schedule.join(dark_s + 10.0)
    return seconds_between(injection.t_ns, truth[0])


def measure(times: int) -> Iterator[tuple[float, Mapping[str, float], list[str]]]:
    """For each length of outage: the figures, and what was not measured."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(AT_ONCE, mp_context=context) as pool:
        futures = {
            dark_s: [pool.submit(repetition, dark_s, number) for number in range(times)]
            for dark_s in DARK_S
        }
        for dark_s, each in futures.items():
            done = [future.result() for future in each]
            errors = [abs(one.rta_s - one.true_s) for one in done if one.rta_s is not None]
            lacking = [one.detail for one in done if one.rta_s is None]
            yield dark_s, _figures(errors, done), lacking


def _figures(errors: list[float], done: list[Repetition]) -> dict[str, float]:
    p95_s = percentile(errors, 0.95)
    return {
        "error_p50_s": statistics.median(errors) if errors else float("inf"),
        "error_p95_s": p95_s,
        "error_max_s": max(errors, default=float("inf")),
        **polled(statistics.fmean(one.true_s for one in done)),
        "ratio": p95_s / ERROR_S_MAX,
        "bound": 1.0,
    }


def polled(true_s: float) -> dict[str, float]:
    """What somebody would report who asks /system_stats every 5 s, over all phases of the polling.

    The outage is seen where a poll falls into it; it ends with the first poll that is answered.
    """
    errors = []
    for number in range(PHASES):
        first_s = POLL_S * number / PHASES
        polls = [first_s + POLL_S * k for k in range(int(true_s / POLL_S) + 2)]
        if any(each < true_s for each in polls):
            errors.append(min(each for each in polls if each >= true_s) - true_s)
    seen = len(errors) / PHASES
    return {"poller_saw": seen, "poller_error_p95_s": percentile(errors, 0.95)}


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least *share* of *values* do not exceed; infinite for none."""
    if not values:
        return float("inf")
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
