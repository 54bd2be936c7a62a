from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from colordrill.history import Event, EventType
from colordrill.verify.observations import CanaryState, ReadOutcome
from colordrill.verify.observe import observe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unit.verify.conftest import Story

START_NS = 1_000_000_000_000


def test_an_empty_history_is_observed_as_empty() -> None:
    seen = observe([])
    assert seen.first_ns is None
    assert seen.last_ns is None
    assert seen.t_fault_ns is None
    assert seen.evidence_ns is None
    with pytest.raises(ValueError, match="without a fault"):
        seen.since_fault(0)


def test_the_fault_begins_just_before_the_first_disaster(story: Story) -> None:
    story.say(-9.0, "invoke", "fault", name="stale", target="dr", starts_clock=False)
    story.fault()
    story.say(5.0, "invoke", "fault", name="second", target="dr", starts_clock=True)
    seen = observe(story.events())
    assert seen.t_fault_ns == START_NS
    assert seen.since_fault(START_NS + 1_500_000_000) == 1.5
    assert [fault.name for fault in seen.faults] == ["stale", "host_power_loss", "second"]
    assert [fault.starts_clock for fault in seen.faults] == [False, True, True]
    assert seen.faults[1].injected_ns == START_NS + 500_000_000


def test_the_evidence_of_every_disaster_counts_and_of_latent_defects_none(story: Story) -> None:
    story.say(-9.0, "invoke", "fault", name="stale", target="dr", starts_clock=False)
    story.fault(seen=0.5)
    assert observe(story.events()).evidence_ns == START_NS + 500_000_000
    story.say(0.1, "invoke", "fault", name="second", target="dr", starts_clock=True)
    assert observe(story.events()).evidence_ns is None
    story.say(2.0, "note", "evidence", name="second", target="dr", seen=True, detail="")
    assert observe(story.events()).evidence_ns == START_NS + 2_000_000_000


def test_the_first_sighting_counts(story: Story) -> None:
    story.fault(seen=0.5)
    spec = story.scenario.faults[0]
    story.say(3.0, "note", "evidence", name=spec.name, target=spec.target, seen=True, detail="x")
    fault = observe(story.events()).faults[0]
    assert (fault.seen_ns, fault.seen_detail) == (START_NS + 500_000_000, "refused")


def test_only_a_detection_after_the_fault_counts_and_of_those_the_first(story: Story) -> None:
    story.say(-5.0, "note", "detect", canaries=[])
    story.fault()
    assert observe(story.events()).detected_ns is None
    story.say(3.0, "note", "detect", canaries=[])
    story.say(4.0, "note", "detect", canaries=[])
    assert observe(story.events()).detected_ns == START_NS + 3_000_000_000


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ({}, CanaryState.CORRECT),
        ({"correct": False}, CanaryState.WRONG),
        ({"correct": False, "cached": True}, CanaryState.WRONG),
        ({"answered": False}, CanaryState.UNANSWERED),
        ({"took": None}, CanaryState.UNDECIDED),
        ({"scored": False}, CanaryState.UNDECIDED),
        ({"correct": None}, CanaryState.UNDECIDED),
        ({"cached": True}, CanaryState.UNDECIDED),
    ],
)
def test_what_a_canary_says(story: Story, how: dict[str, bool], state: CanaryState) -> None:
    op = story.canary(1.0, **how)  # type: ignore[arg-type]
    (canary,) = observe(story.events()).canaries
    assert canary.state is state
    assert (canary.op, canary.name, canary.sent_ns) == (op, "person", START_NS + 1_000_000_000)


@pytest.mark.parametrize("cached", [None, 0, "no"])
def test_what_does_not_say_that_it_was_computed_proves_nothing(
    story: Story, cached: object
) -> None:
    op = story.say(1.0, "invoke", "canary", canary="person")
    story.say(2.0, "ok", "canary", op, site="dr", colorize_cached=cached)
    story.say(3.0, "note", "score", op=op, correct=True, reasons=[], scores={})
    assert observe(story.events()).canaries[0].state is CanaryState.UNDECIDED


@pytest.mark.parametrize("correct", ["yes", 1, 0])
def test_a_score_that_is_neither_true_nor_false_is_none(story: Story, correct: object) -> None:
    op = story.canary(1.0, scored=False)
    story.say(3.0, "note", "score", op=op, correct=correct)
    assert observe(story.events()).canaries[0].state is CanaryState.UNDECIDED


def test_the_runbooks_canaries_are_kept_apart(story: Story) -> None:
    story.canary(1.0)
    story.canary(2.0, kind="verifycan")
    seen = observe(story.events())
    assert (len(seen.canaries), len(seen.runbook_canaries)) == (1, 1)


@pytest.mark.parametrize(
    ("readings", "outcome"),
    [
        (["unknown", "present"], ReadOutcome.PRESENT),
        (["present", "unknown"], ReadOutcome.PRESENT),
        (["lost", "present"], ReadOutcome.LOST),
        (["present", "lost"], ReadOutcome.LOST),
        (["corrupt", "lost"], ReadOutcome.CORRUPT),
        (["nonsense"], ReadOutcome.UNKNOWN),
        ([], ReadOutcome.UNKNOWN),
    ],
)
def test_of_several_readings_the_graver_stands(
    story: Story, readings: list[str], outcome: ReadOutcome
) -> None:
    story.item("workflows/a.json", -5.0, None)
    story.fault()
    for number, reading in enumerate(readings):
        story.operation("readback", 20.0 + number, 20.5 + number, item="workflows/a.json",
                        outcome=reading)  # fmt: skip
    assert observe(story.events()).items[0].outcome is outcome


def test_a_reading_that_could_not_tell_says_why(story: Story) -> None:
    story.item("workflows/a.json", -5.0, None)
    story.fault()
    assert observe(story.events()).items[0].detail == "it was not read back"
    story.operation("readback", 20.0, 21.0, item="workflows/a.json", outcome="unknown",
                    detail="status 503")  # fmt: skip
    assert observe(story.events()).items[0].detail == "status 503"


def test_a_reading_before_the_fault_says_nothing(story: Story) -> None:
    story.item("workflows/a.json", -5.0, None)
    story.operation("readback", -4.0, -3.0, item="workflows/a.json", outcome="present")
    story.fault()
    assert observe(story.events()).items[0].outcome is ReadOutcome.UNKNOWN


@pytest.mark.parametrize("type_", ["fail", "unknown"])
def test_a_reading_that_did_not_succeed_says_nothing(story: Story, type_: str) -> None:
    story.item("workflows/a.json", -5.0, None)
    story.fault()
    story.operation("readback", 4.0, 5.0, type_, item="workflows/a.json", outcome="present")
    assert observe(story.events()).items[0].outcome is ReadOutcome.UNKNOWN


@pytest.mark.parametrize("type_", ["fail", "unknown"])
@pytest.mark.parametrize("kind", ["upload", "edit", "submit", "complete", "fetch"])
def test_only_what_succeeded_is_acknowledged(story: Story, kind: str, type_: str) -> None:
    story.operation(kind, 1.0, 2.0, type_, item="x", job="j")
    seen = observe(story.events())
    assert (seen.items, seen.jobs, seen.completed, seen.delivered) == ((), (), 0, 0)


def test_an_item_keeps_its_first_acknowledgement_and_its_last_sum(story: Story) -> None:
    story.operation("upload", 1.0, 2.0, item="input/a.png", sha256="01")
    story.operation("upload", 3.0, 4.0, item="input/a.png", sha256="02")
    (item,) = observe(story.events()).items
    assert (item.acked_ns, item.sha256) == (START_NS + 2_000_000_000, "02")


def test_a_job_is_followed_from_acceptance_to_delivery(story: Story) -> None:
    story.job("done", 1.0, 3.0)
    story.job("lost", 2.0, None, given_up=9.0)
    story.job("open", 2.5, None)
    story.job("refused", 2.6, None, given_up=8.0, refused=True)
    seen = observe(story.events())
    done, lost, pending, refused = seen.jobs
    assert (done.accepted_ns, done.completed_ns) == (START_NS + 10**9, START_NS + 3 * 10**9)
    assert done.delivered_ns == START_NS + 3_100_000_000
    assert (done.given_up_ns, lost.given_up_ns) == (None, START_NS + 9 * 10**9)
    assert (pending.given_up_ns, refused.given_up_ns) == (None, START_NS + 8 * 10**9)
    assert [job.refused for job in seen.jobs] == [False, False, False, True]
    assert (seen.completed, seen.delivered) == (1, 1)
    (item,) = seen.items
    assert (item.name, item.sha256) == ("output/done.png", "00")


def test_what_users_began_after_the_fault_is_kept_in_order_of_its_end(story: Story) -> None:
    story.operation("edit", -2.0, 3.0, item="workflows/before.json")
    story.fault()
    story.operation("edit", 1.0, None, item="workflows/open.json")
    story.operation("upload", 2.0, 6.0, "unknown", item="input/a.png")
    story.operation("submit", 3.0, 5.0, "fail", job="b")
    story.operation("fetch", 4.0, 4.5, job="c", item="output/c.png")
    story.canary(5.0)
    work = observe(story.events()).work
    assert [(each.kind, each.outcome) for each in work] == [
        ("fetch", EventType.OK),
        ("submit", EventType.FAIL),
        ("upload", EventType.UNKNOWN),
        ("edit", None),
    ]
    assert work[0].began_ns == START_NS + 4 * 10**9
    assert work[0].op.startswith("fetch-")


def test_without_a_fault_no_work_is_kept(story: Story) -> None:
    story.item("workflows/a.json", 1.0)
    story.operation("edit", 2.0, None, item="workflows/b.json")
    assert observe(story.events()).work == ()


def test_what_the_workload_could_not_do_is_kept(story: Story) -> None:
    story.say(-5.0, "note", "turned_away", stream="job")
    story.say(5.0, "note", "client_error", stream="edit", error="ValueError()")
    assert observe(story.events()).disturbances == ("turned_away of job", "client_error of edit")


def test_phases_sabotages_steps_and_points_are_kept(story: Story) -> None:
    story.say(-30.0, "note", "phase", phase="steady")
    story.say(-1.0, "note", "sabotage", name="slow_start")
    story.snapshot("p1", -9.0, took=None)
    story.operation("step", 1.0, 2.0, "fail", step="start", detail="no image")
    story.operation("step", 3.0, None, step="mount")
    seen = observe(story.events())
    assert seen.phases == (("steady", START_NS - 30 * 10**9),)
    assert seen.sabotages == ("slow_start",)
    assert (seen.points[0].published, seen.points[0].ended_ns) == (False, None)
    start, mount = seen.steps
    assert (start.ok, start.detail, start.point) == (False, "no image", None)
    assert (mount.ok, mount.ended_ns) == (None, None)


@pytest.mark.parametrize(
    ("lines", "contradiction"),
    [
        ([(1.0, "invoke"), (2.0, "ok"), (3.0, "ok")], "canary c ends twice"),
        ([(1.0, "invoke"), (2.0, "invoke")], "canary c begins twice"),
        ([(1.0, "ok")], "canary c ends and never began"),
        ([(2.0, "invoke"), (1.0, "ok")], "time runs backwards at canary c"),
        ([(1.0, "invoke"), (1.0, "ok")], None),
    ],
)
def test_what_no_true_history_holds_is_noticed(
    lines: list[tuple[float, str]], contradiction: str | None
) -> None:
    events = [
        Event(round(second * 1e9), "", EventType(type_), "canary", "c", {"site": "dr"})
        for second, type_ in lines
    ]
    assert observe(events).contradiction == contradiction


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (None, False)])
def test_two_scores_contradict_and_false_stands(
    story: Story, first: bool | None, second: bool
) -> None:
    op = story.canary(1.0, correct=first)
    story.say(9.0, "note", "score", op=op, correct=second)
    seen = observe(story.events())
    assert seen.contradiction == f"canary {op} has two different scores"
    assert seen.canaries[0].state is CanaryState.WRONG


def test_the_same_score_twice_is_no_contradiction(story: Story) -> None:
    op = story.canary(1.0)
    story.say(9.0, "note", "score", op=op, correct=True)
    seen = observe(story.events())
    assert seen.contradiction is None
    assert seen.canaries[0].state is CanaryState.CORRECT


def test_a_long_history_fits_in_memory() -> None:
    """100,000 lines within 25 MB, so that 2,000,000 stay within 500 MB."""

    def lines() -> Iterator[Event]:
        yield Event(0, "", EventType.INVOKE, "fault", "f",
                    {"name": "n", "target": "t", "starts_clock": True})  # fmt: skip
        for number in range(12_500):
            item, job = f"output/job-{number}.png", f"job-{number}"
            for kind in ("submit", "complete", "fetch", "readback"):
                op = f"{kind}-{number:06d}"
                data = {"job": job, "item": item, "outcome": "present", "detail": "",
                        "sha256": f"{number:064d}"}  # fmt: skip
                yield Event(2 * number, "", EventType.INVOKE, kind, op, data)
                yield Event(2 * number + 1, "", EventType.OK, kind, op, data)

    tracemalloc.start()
    try:
        seen = observe(lines())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(seen.items) == 12_500
    assert peak < 25e6
