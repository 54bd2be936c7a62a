from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict

if TYPE_CHECKING:
    from unit.verify.conftest import Story


NAME = "backup_promise"


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.snapshot("p1", -8.0)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("took", "verdict"), [(4.0, Verdict.PASS), (4.001, Verdict.FAIL)])
def test_a_backup_longer_than_declared_fails(story: Story, took: float, verdict: Verdict) -> None:
    story.fault()
    story.snapshot("quick", -20.0)
    story.snapshot("slow", -10.0, took=took)
    check = story.check(NAME)
    assert (check.verdict, check.value, check.bound) == (verdict, took, 4.0)
    assert verdict is Verdict.PASS or "slow took 4.00 s" in check.detail


def test_a_failed_backup_before_the_fault_fails(story: Story) -> None:
    story.fault()
    story.snapshot("broken", -10.0, type_="fail")
    check = story.check(NAME)
    assert check.verdict is Verdict.FAIL
    assert "broken failed" in check.detail


@pytest.mark.parametrize("type_", ["fail", "ok"])
def test_a_backup_that_the_fault_interrupted_counts_only_until_then(
    story: Story, type_: str
) -> None:
    story.fault()
    story.snapshot("whole", -10.0)
    story.snapshot("cut", -1.0, took=9.0, type_=type_)
    story.snapshot("later", 0.0, took=9.0, type_=type_)
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.PASS, 1.0)
    assert "1 backups before the fault" in check.detail


def test_a_backup_that_was_overdue_at_the_fault_fails(story: Story) -> None:
    story.fault()
    story.snapshot("stuck", -5.0, took=None)
    assert story.check(NAME).verdict is Verdict.FAIL


def test_without_a_finished_backup_it_is_unknown(story: Story) -> None:
    story.fault()
    story.snapshot("cut", -1.0, took=None)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_the_fault_itself_is_the_boundary(story: Story) -> None:
    story.fault()
    story.snapshot("ends at the fault", -2.0, took=2.0, type_="fail")
    story.snapshot("begins at the fault", 0.0, took=1.0, type_="fail")
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    story.snapshot("whole", -9.0)
    assert story.check(NAME).verdict is Verdict.PASS
