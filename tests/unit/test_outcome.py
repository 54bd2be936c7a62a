from __future__ import annotations

import itertools

import pytest

from colordrill.errors import ExitCode
from colordrill.outcome import Actuals, Check, Counts, Outcome, Verdict, worst


def check(verdict: Verdict) -> Check:
    return Check("rto", verdict, None, None, "")


def test_nothing_checked_is_unknown() -> None:
    assert worst([]) is Verdict.UNKNOWN
    assert Outcome((), Actuals(), Counts()).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("verdicts", list(itertools.product(Verdict, repeat=3)))
def test_the_worst_verdict_wins_in_any_order(verdicts: tuple[Verdict, ...]) -> None:
    expected = next(
        each for each in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS) if each in verdicts
    )

    outcome = Outcome(tuple(map(check, verdicts)), Actuals(), Counts())

    assert outcome.verdict is expected


def test_each_verdict_has_its_exit_code() -> None:
    assert [each.exit_code for each in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN)] == [
        ExitCode.PASS,
        ExitCode.FAIL,
        ExitCode.UNKNOWN,
    ]
