from __future__ import annotations

import pytest

from colordrill.errors import (
    ColordrillError,
    EnvironmentProblem,
    ExitCode,
    GoldenProblem,
    RecordProblem,
    ServiceProblem,
    UnknownName,
    UsageProblem,
    WaitExpired,
)


def test_a_message_carries_the_cause_and_then_the_next_step() -> None:
    assert str(EnvironmentProblem("no engine", "start Docker")) == (
        "no engine\n  next step: start Docker"
    )
    assert str(EnvironmentProblem("no engine")) == "no engine"


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (ColordrillError, ExitCode.ENVIRONMENT),
        (UsageProblem, ExitCode.USAGE),
        (EnvironmentProblem, ExitCode.ENVIRONMENT),
        (WaitExpired, ExitCode.ENVIRONMENT),
        (ServiceProblem, ExitCode.ENVIRONMENT),
        (GoldenProblem, ExitCode.ENVIRONMENT),
        (RecordProblem, ExitCode.ENVIRONMENT),
    ],
)
def test_each_problem_has_the_exit_code_that_the_interface_fixes(
    problem: type[ColordrillError], code: ExitCode
) -> None:
    assert problem("cause").exit_code is code


def test_exit_codes_are_the_fixed_numbers() -> None:
    assert {each.name: each.value for each in ExitCode} == {
        "PASS": 0,
        "FAIL": 1,
        "USAGE": 2,
        "UNKNOWN": 3,
        "ENVIRONMENT": 4,
        "INTERRUPTED": 130,
    }


def test_an_unknown_name_lists_what_there_is_and_the_nearest() -> None:
    problem = UnknownName("scenario", "host_power_los", ["disk_corruption", "host_power_loss"])

    assert problem.nearest == "host_power_loss"
    assert "did you mean 'host_power_loss'?" in str(problem)
    assert "known: disk_corruption, host_power_loss" in str(problem)
    assert problem.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("name", ["", "zzzzzzzz", "\x00\n", "x" * 10_000, "人物"])
def test_a_name_like_nothing_gets_the_list_without_a_guess(name: str) -> None:
    problem = UnknownName("fault", name, ["host_power_loss"])

    assert problem.nearest is None
    assert "did you mean" not in str(problem)
    assert "host_power_loss" in str(problem)


def test_an_empty_catalogue_says_that_it_is_empty() -> None:
    assert "known: none" in str(UnknownName("fault", "x", []))


def test_a_service_problem_keeps_status_and_site() -> None:
    problem = ServiceProblem("404", status=404, site="dr")

    assert (problem.status, problem.site) == (404, "dr")
