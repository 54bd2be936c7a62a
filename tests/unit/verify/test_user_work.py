from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict

if TYPE_CHECKING:
    from unit.verify.conftest import Story


NAME = "user_work"
KINDS = ["upload", "submit", "complete", "fetch", "edit"]
UNENDED: list[tuple[float | None, str]] = [(None, "ok"), (20.0, "unknown")]


def switched(story: Story) -> Story:
    """The switch has ended at 10 s; nobody has worked since."""
    story.fault()
    story.runbook()
    return story


def drill(story: Story) -> Story:
    """After the switch a user saved a workflow, and another's picture was delivered."""
    switched(story).item("workflows/saved.json", 12.0)
    story.job("delivered", 13.0, 15.0)
    return story


def work(
    story: Story, kind: str, began: float, ended: float | None = 20.0, type_: str = "fail"
) -> str:
    return story.operation(kind, began, ended, type_, item="output/x.png", job="x")


def test_a_saved_workflow_and_a_delivered_picture_pass(story: Story) -> None:
    check = drill(story).check(NAME)
    assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 0, 0)
    assert check.detail == "4 operations of users began after the switch, 0 were refused"


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_refused_fails_and_is_named(story: Story, kind: str) -> None:
    op = work(drill(story), kind, 16.0)
    check = story.check(NAME)
    assert (check.verdict, check.value, check.bound) == (Verdict.FAIL, 1, 0)
    assert check.detail.endswith(f"1 were refused: {op}")


def test_a_site_that_only_colours_fails_by_this_check_alone(healthy: Story) -> None:
    work(healthy, "edit", 16.0)
    work(healthy, "edit", 17.0)
    assert healthy.failed() == {NAME}
    assert healthy.check(NAME).value == 2


def test_a_refusal_stands_whatever_else_is_lacking(story: Story) -> None:
    work(switched(story), "fetch", 16.0)
    work(story, "upload", 16.0, None)
    story.say(17.0, "note", "client_error", stream="job", error="x")
    assert story.check(NAME).verdict is Verdict.FAIL


@pytest.mark.parametrize(("ended", "type_"), UNENDED)
@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_without_an_answer_makes_it_unknown(
    story: Story, kind: str, ended: float | None, type_: str
) -> None:
    op = work(drill(story), kind, 16.0, ended, type_)
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.UNKNOWN, None)
    assert f"without an answer: {op}" in check.detail


def test_without_a_delivered_picture_it_is_unknown(story: Story) -> None:
    switched(story).item("workflows/saved.json", 12.0)
    story.operation("submit", 13.0, 13.1, job="a", workflow="person")
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert check.detail.endswith("0 were refused; no fetch succeeded")


def test_without_a_saved_workflow_it_is_unknown(story: Story) -> None:
    switched(story).job("delivered", 13.0, 15.0)
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert check.detail.endswith("0 were refused; no edit succeeded")


def test_without_any_work_it_is_unknown(story: Story) -> None:
    check = switched(story).check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert check.detail.startswith("0 operations of users")
    assert check.detail.endswith("no fetch and no edit succeeded")


@pytest.mark.parametrize(("began", "verdict"), [(9.999, Verdict.PASS), (10.0, Verdict.FAIL)])
def test_work_counts_that_began_with_the_switch_or_later(
    story: Story, began: float, verdict: Verdict
) -> None:
    work(drill(story), "edit", began)
    assert story.check(NAME).verdict is verdict


@pytest.mark.parametrize("began", [-1.0, 0.0, 5.0])
@pytest.mark.parametrize(("ended", "type_"), [*UNENDED, (20.0, "fail")])
def test_work_that_began_before_the_switch_is_not_its_matter(
    story: Story, began: float, ended: float | None, type_: str
) -> None:
    work(drill(story), "fetch", began, ended, type_)
    check = story.check(NAME)
    assert check.verdict is Verdict.PASS
    assert check.detail.startswith("4 operations")


def test_work_that_succeeded_before_the_switch_proves_nothing(story: Story) -> None:
    switched(story).item("workflows/early.json", 10.0)
    story.job("early", 9.0, 9.5)
    assert "no fetch and no edit succeeded" in story.check(NAME).detail


@pytest.mark.parametrize(("ended", "type_"), [(10.0, "fail"), (10.0, "unknown"), (None, "ok")])
def test_without_a_switch_that_succeeded_it_is_unknown(
    story: Story, ended: float | None, type_: str
) -> None:
    story.fault()
    story.operation("step", 9.0, ended, type_, step="switch", detail="")
    work(story, "edit", 16.0)
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert check.detail == "the public address was never switched"


def test_where_the_runbook_stopped_before_the_switch_it_is_unknown(story: Story) -> None:
    story.fault()
    story.runbook(correct=False)
    work(story, "edit", 16.0)
    assert story.check(NAME).detail == "the public address was never switched"


def test_the_last_switch_that_succeeded_counts(story: Story) -> None:
    work(drill(story), "edit", 16.0)
    story.operation("step", 29.0, 30.0, "fail", step="switch", detail="refused")
    assert story.check(NAME).verdict is Verdict.FAIL
    story.operation("step", 39.0, 40.0, step="switch", detail="switched")
    assert "no fetch and no edit succeeded" in story.check(NAME).detail


@pytest.mark.parametrize("second", [-5.0, 5.0, 15.0])
@pytest.mark.parametrize("kind", ["client_error", "turned_away"])
def test_a_workload_that_was_disturbed_proves_nothing(
    story: Story, kind: str, second: float
) -> None:
    drill(story).say(second, "note", kind, stream="job", error="ValueError()")
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert f"clients were disturbed: {kind} of job" in check.detail


@pytest.mark.parametrize("kind", ["canary", "snapshot", "readback"])
def test_what_users_did_not_do_is_not_its_matter(story: Story, kind: str) -> None:
    drill(story).operation(kind, 16.0, 17.0, "fail", point="p", item="x")
    assert story.check(NAME).verdict is Verdict.PASS


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.before()
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert "no disaster" in check.detail
