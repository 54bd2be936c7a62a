"""The recovery time actual against the truth on the real service: a link that is down for 5 s.

Canaries are real jobs there: the first correct picture comes up to an interval and a job's time
after the cure. That is the bound, with the job's time as it was measured on the healthy service.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ground_truth import outage, percentile, polled

from colordrill.clock import SystemClock, seconds_between
from colordrill.drill.assets import Assets
from colordrill.drill.provision import place_canaries
from colordrill.drill.standing import HealthyStack
from colordrill.fault.registry import build_fault
from colordrill.history import EventType, History, read_history
from colordrill.recover.detector import OutageDetector
from colordrill.scenario.fault_spec import FaultSpec, Recovery
from colordrill.scenario.model import Objectives, Pace, Scenario
from colordrill.verify.observe import observe
from colordrill.verify.rto import judge_rto
from colordrill.workload.arrivals import Arrivals, Stream
from colordrill.workload.canary import Canary, CanaryRunner
from colordrill.workload.scoring import ScoringWorker

DARK_S = 5.0
HEALTHY_JOBS = 10
SCORED_LIMIT_S = 60.0
SEED = 1
PACE = Pace(canary_interval_s=1.0, confirm_count=1, stability_s=3.0)
SPEC = FaultSpec("network_down", "gateway-primary", duration_s=DARK_S)
SCENARIO = Scenario(
    "dark",
    "",
    "",
    (SPEC,),
    Objectives(rto_s=DARK_S + 20.0, rpo_s=10.0),
    PACE,
    recovery=Recovery.UNAIDED,
)

CLOCK = SystemClock()


def measure(
    stack: HealthyStack, assets: Assets, times: int
) -> tuple[Mapping[str, float], list[str]]:
    """The figures, and what was not measured."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "images").mkdir()
        placed = place_canaries(assets, stack.client, CLOCK, directory, SCENARIO.objectives, SEED)
        person = next(each for each in placed if each.name == "person")
        jobs_s = _healthy_jobs(stack, person, directory)
        found = [_repetition(stack, person, directory, number) for number in range(times)]
    errors = [abs(rta_s - true_s) for true_s, rta_s, _ in found if rta_s is not None]
    lacking = [detail for _, rta_s, detail in found if rta_s is None]
    bound_s = PACE.canary_interval_s + percentile(jobs_s, 0.95)
    p95_s = percentile(errors, 0.95)
    figures = {
        "ratio": p95_s / bound_s,
        "bound": 1.0,
        "bound_s": bound_s,
        "error_p50_s": statistics.median(errors) if errors else float("inf"),
        "error_p95_s": p95_s,
        **polled(statistics.fmean(true_s for true_s, _, _ in found)),
    }
    return figures, lacking


def _healthy_jobs(stack: HealthyStack, canary: Canary, directory: Path) -> list[float]:
    """Seconds of canaries on the healthy service, at the pace of the outages."""
    path = directory / "healthy.jsonl"
    with (
        History(path, CLOCK) as history,
        ScoringWorker(history, directory, SCENARIO.objectives) as scoring,
    ):
        runner = CanaryRunner(history, CLOCK, scoring, directory)
        stream = _canaries(stack, canary, runner)
        with Arrivals((stream,), CLOCK, history, PACE.in_flight_max):
            CLOCK.pause(HEALTHY_JOBS * PACE.canary_interval_s)
        scoring.drain(SCORED_LIMIT_S)
    began = {}
    ended = []
    for event in read_history(path):
        if event.kind == "canary" and event.type is EventType.INVOKE:
            began[event.id] = event.t_ns
        elif event.kind == "canary" and event.type is EventType.OK:
            ended.append(seconds_between(began[event.id], event.t_ns))
    return ended


def _repetition(
    stack: HealthyStack, canary: Canary, directory: Path, number: int
) -> tuple[float, float | None, str]:
    """One outage: its true length, what was measured, and what was said."""
    fault = build_fault(SPEC)
    path = directory / f"outage-{number}.jsonl"
    with (
        History(path, CLOCK) as history,
        ScoringWorker(history, directory, SCENARIO.objectives) as scoring,
    ):
        detector = OutageDetector(PACE.confirm_count)
        history.listen(detector.observe)
        runner = CanaryRunner(history, CLOCK, scoring, directory)
        with Arrivals((_canaries(stack, canary, runner),), CLOCK, history, PACE.in_flight_max):
            before = fault.healthy(stack.target)
            if not before.seen:
                return 0.0, None, f"the link was not whole before the outage: {before.detail}"
            # the fault comes at another moment between two canaries each time
            CLOCK.pause(2.0 + PACE.canary_interval_s * number / 7)

            def lighten() -> int:
                fault.heal(stack.target)
                return CLOCK.now_ns()

            named = {"name": SPEC.name, "target": SPEC.target}
            inject = partial(fault.inject, stack.target)
            true_s = outage(named, inject, lighten, history, CLOCK, DARK_S)
            CLOCK.pause(PACE.stability_s + 3 * PACE.canary_interval_s)
        scoring.drain(SCORED_LIMIT_S)
        observed = observe(tuple(read_history(path)))
    check = judge_rto(observed, SCENARIO).check
    rta_s = check.value if isinstance(check.value, float) else None
    return true_s, rta_s, check.detail


def _canaries(stack: HealthyStack, canary: Canary, runner: CanaryRunner) -> Stream:
    limit_s = PACE.canary_limit_s
    return Stream(
        "canary",
        PACE.canary_interval_s,
        lambda: runner.send(canary, stack.client, limit_s=limit_s),
    )
