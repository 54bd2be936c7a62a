"""The copies off site are judged by what the DR site itself could read of them."""

from __future__ import annotations

import pytest

from colordrill.outcome import Verdict
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.ready_stack import POINT, ReadyStack
from unit.recover.readiness.conftest import DAY_S, checks_of, named

FAILED, DAMAGED, SILENT, TIMED_OUT = 1, 5, 6, 124
LOCK = '[{"by": "elsewhere:17", "since": "2026-11-22T20:00:00Z"}]'


def test_a_young_copy_that_the_dr_site_reads_passes_and_is_named(stack: ReadyStack) -> None:
    check = checks_of(stack)["off_site"]

    assert check.verdict is Verdict.PASS
    assert f"newest of 1: {POINT}" in check.detail


def test_a_copy_that_is_too_old_fails(stack: ReadyStack) -> None:
    stack.clock.advance(DAY_S)

    check = checks_of(stack)["off_site"]

    assert check.verdict is Verdict.FAIL
    assert "86430 instead of 86400" in check.detail


def test_a_copy_from_the_future_says_nothing_of_its_age(stack: ReadyStack) -> None:
    stack.copies.append("20271122T201500.123Z")

    assert named(checks_of(stack), Verdict.FAIL) == {"off_site"}


def test_a_stack_that_was_never_copied_off_site_is_not_ready(stack: ReadyStack) -> None:
    stack.copies.clear()

    checks = checks_of(stack)

    assert named(checks, Verdict.FAIL) == {"off_site"}
    assert checks["off_site"].detail == "a copy off site: there is none"


@pytest.mark.parametrize(
    ("verb", "says", "told"),
    [
        ("list", Executed(FAILED, "", "the key does not open the off-site repository"), "the key"),
        ("list", Executed(FAILED, "", "Access Key Id does not exist"), "Access Key"),
        ("list", Executed(DAMAGED, "", "the list cannot be read"), "cannot be read"),
        ("read", Executed(DAMAGED, "", "it is not what its manifest says"), "manifest"),
        ("read", Executed(FAILED, "", "restic dump failed"), "restic dump"),
        ("locks", Executed(0, LOCK, ""), "locked by elsewhere:17 since 2026-11-22T20:00:00Z"),
    ],
)
def test_what_the_store_refuses_or_holds_wrongly_fails_it_alone(
    verb: str, says: Executed, told: str, stack: ReadyStack
) -> None:
    stack.offsite_says[verb] = says

    checks = checks_of(stack)

    assert named(checks, Verdict.FAIL) == {"off_site"}, checks
    assert told in checks["off_site"].detail
    assert not named(checks, Verdict.UNKNOWN)


@pytest.mark.parametrize("verb", ["list", "read", "locks"])
@pytest.mark.parametrize(
    "says",
    [
        Executed(SILENT, "", "the off-site store cannot be reached"),
        Executed(TIMED_OUT, "", ""),
        Executed(127, "", "no such program"),
        Executed(0, "no summary", ""),
    ],
)
def test_where_nobody_could_look_it_is_unknown(
    verb: str, says: Executed, stack: ReadyStack
) -> None:
    stack.offsite_says[verb] = says

    checks = checks_of(stack)

    assert named(checks, Verdict.UNKNOWN) == {"off_site"}
    assert not named(checks, Verdict.FAIL)


def test_without_the_dr_sites_agent_it_is_unknown(stack: ReadyStack) -> None:
    stack.target.parts[Part.DR_AGENT].running = False

    assert "off_site" in named(checks_of(stack), Verdict.UNKNOWN)
