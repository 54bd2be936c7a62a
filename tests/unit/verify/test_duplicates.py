from __future__ import annotations

from typing import TYPE_CHECKING

from colordrill.outcome import Verdict
from colordrill.verify.observe import observe
from unit.verify.conftest import at_ns

if TYPE_CHECKING:
    from unit.verify.conftest import Story

NAME = "duplicates"


def test_every_job_once_and_every_output_by_one_job_passes(story: Story) -> None:
    story.fault()
    story.job("a", 1.0, 2.0)
    story.job("b", 1.5, 3.0)
    check = story.check(NAME)
    assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 0, 0)
    assert check.detail == "2 jobs were completed once each, every output by one job"


def test_an_output_that_two_jobs_were_given_fails(story: Story) -> None:
    story.fault()
    story.job("a", 1.0, 2.0)
    story.job("b", 1.5, None)
    story.operation("complete", 2.5, 3.0, job="b", item="output/a.png", cached=[])
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.FAIL, 1)
    assert "output/a.png was given to a and to b" in check.detail


def test_a_delivery_of_anothers_output_fails(story: Story) -> None:
    story.fault()
    story.job("a", 1.0, 2.0)
    story.operation("fetch", 4.0, 4.1, job="b", item="output/a.png", sha256="00")
    assert story.check(NAME).verdict is Verdict.FAIL


def test_a_job_that_was_completed_twice_fails(story: Story) -> None:
    story.fault()
    story.job("a", 1.0, 2.0)
    story.operation("complete", 3.0, 4.0, job="a", item="output/a-again.png", cached=[])
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.FAIL, 1)
    assert "job a was completed again" in check.detail


def test_a_job_that_was_accepted_twice_fails_and_keeps_its_first_time(story: Story) -> None:
    story.fault()
    story.job("a", -1.0, 2.0)
    story.operation("submit", 0.5, 1.0, job="a", workflow="person")
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.FAIL, 1)
    assert "job a was accepted again" in check.detail
    (job,) = observe(story.events()).jobs
    assert job.accepted_ns == at_ns(-1.0)


def test_it_fails_without_a_fault_too(story: Story) -> None:
    story.job("a", 1.0, 2.0)
    assert story.check(NAME).verdict is Verdict.UNKNOWN
    story.operation("complete", 3.0, 4.0, job="a", item="output/a.png", cached=[])
    assert story.check(NAME).verdict is Verdict.FAIL


def test_an_output_that_is_delivered_twice_to_its_own_job_is_none(story: Story) -> None:
    story.fault()
    story.job("a", 1.0, 2.0)
    story.operation("fetch", 3.0, 3.1, job="a", item="output/a.png", sha256="00")
    assert story.check(NAME).verdict is Verdict.PASS


def test_a_completion_that_was_refused_is_none(story: Story) -> None:
    story.fault()
    story.job("a", 1.0, 2.0)
    story.operation("complete", 3.0, 4.0, "fail", job="a", item="output/a.png")
    story.operation("fetch", 3.0, 4.0, "fail", job="b", item="output/a.png")
    assert story.check(NAME).verdict is Verdict.PASS


def test_no_completed_job_is_unknown(story: Story) -> None:
    story.fault()
    story.job("a", 1.0, None, given_up=9.0)
    assert story.check(NAME).detail == "no job was completed"
    assert story.check(NAME).verdict is Verdict.UNKNOWN
