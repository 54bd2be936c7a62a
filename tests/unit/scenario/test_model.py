from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from colordrill.errors import UsageProblem
from colordrill.scenario.fault_spec import (
    SCHEDULE_MAX_S,
    TIMES_MAX,
    Detection,
    FaultSpec,
    Recovery,
    StrategyKind,
)
from colordrill.scenario.model import Objectives, Scenario

DOWN = FaultSpec("network_down", "gateway-primary")
LOSS = FaultSpec("host_power_loss", "primary")


def scenario(*faults: FaultSpec, **different: Any) -> Scenario:
    objectives = Objectives(rto_s=60.0, rpo_s=10.0)
    return Scenario("mine", "title", "description", faults, objectives, **different)


ABSURD = [math.nan, math.inf, -math.inf, -0.1, SCHEDULE_MAX_S + 1, 365 * 86_400.0]


@pytest.mark.parametrize("name", ["at_s", "pause_s", "duration_s"])
@pytest.mark.parametrize("value", ABSURD)
def test_a_time_that_is_absurd_is_refused_by_its_name(name: str, value: float) -> None:
    schedule: dict[str, Any] = {"times": 2, "duration_s": 1.0, name: value}

    with pytest.raises(UsageProblem, match=name):
        replace(DOWN, **schedule)


def test_a_duration_of_nothing_is_refused() -> None:
    with pytest.raises(UsageProblem, match="duration_s"):
        replace(DOWN, duration_s=0.0)


@pytest.mark.parametrize("times", [0, -1, TIMES_MAX + 1, 2.5, 2.0, math.nan, True, "2", None])
def test_times_are_a_whole_number_within_bounds(times: Any) -> None:
    with pytest.raises(UsageProblem, match="times must be a whole number"):
        replace(DOWN, duration_s=1.0, times=times)


def test_what_happens_several_times_needs_a_duration() -> None:
    with pytest.raises(UsageProblem, match=r"network_down happens 2 times.*duration_s"):
        replace(DOWN, times=2)


@pytest.mark.parametrize("schedule", [{"at_s": 1.0}, {"duration_s": 1.0}])
def test_a_latent_defect_has_no_schedule(schedule: dict[str, Any]) -> None:
    with pytest.raises(UsageProblem, match="is latent"):
        FaultSpec("dr_image_stale", "dr-colorization", latent=True, **schedule)


@pytest.mark.parametrize(
    ("schedule", "ends_s"),
    [
        ({}, None),
        ({"at_s": 3.0}, None),
        ({"duration_s": 5.0}, 5.0),
        ({"at_s": 3.0, "duration_s": 5.0}, 8.0),
        ({"duration_s": 2.0, "times": 4, "pause_s": 1.0}, 11.0),
        ({"at_s": 1.0, "duration_s": 2.0, "times": 2}, 5.0),
    ],
)
def test_when_the_last_undoing_is_due(schedule: dict[str, Any], ends_s: float | None) -> None:
    assert replace(DOWN, **schedule).ends_s == ends_s


def test_a_drill_without_faults_has_no_disaster() -> None:
    with pytest.raises(UsageProblem, match="no disaster"):
        scenario()


def test_a_drill_of_latent_defects_alone_has_no_disaster() -> None:
    with pytest.raises(UsageProblem, match="no disaster"):
        scenario(replace(LOSS, latent=True))


def test_the_first_disaster_begins_at_once() -> None:
    with pytest.raises(UsageProblem, match="must begin at 0 s"):
        scenario(replace(DOWN, latent=True), replace(LOSS, at_s=1.0))


def test_a_later_disaster_may_come_first_in_the_list() -> None:
    assert scenario(replace(DOWN, at_s=3.0), LOSS).faults[1] is LOSS


def test_the_same_fault_twice_on_one_target_is_refused() -> None:
    with pytest.raises(UsageProblem, match="injects network_down on gateway-primary twice"):
        scenario(DOWN, replace(DOWN, at_s=3.0, parameters={"direction": "to"}))


def test_the_same_fault_on_two_targets_is_a_composition() -> None:
    assert len(scenario(DOWN, replace(DOWN, target="primary-backup")).faults) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_an_absurd_flush_interval_is_refused(value: float) -> None:
    with pytest.raises(UsageProblem, match="unflushed_max_s"):
        scenario(LOSS, unflushed_max_s=value)


def test_what_a_scrub_finds_somebody_must_repair() -> None:
    with pytest.raises(UsageProblem, match="a scrub finds somebody must repair"):
        scenario(LOSS, recovery=Recovery.UNAIDED, detection=Detection.SCRUB)


@pytest.mark.parametrize("recovery", [Recovery.IN_PLACE, Recovery.UNAIDED])
@pytest.mark.parametrize("strategy", [StrategyKind.S3, StrategyKind.RESTIC])
def test_only_a_failover_restores_from_anything_but_the_backup_server(
    recovery: Recovery, strategy: StrategyKind
) -> None:
    with pytest.raises(UsageProblem, match="the backup server's points"):
        scenario(LOSS, recovery=recovery, strategy=strategy, offsite_every=1)


def test_restic_keeps_no_point_where_none_is_copied() -> None:
    with pytest.raises(UsageProblem, match="without offsite_every"):
        scenario(LOSS, strategy=StrategyKind.RESTIC)


def test_points_in_a_bucket_are_not_copied_by_the_backup_server() -> None:
    with pytest.raises(UsageProblem, match="copies the backup server's points"):
        scenario(LOSS, strategy=StrategyKind.S3, offsite_every=1)


@pytest.mark.parametrize(
    ("recovery", "site"),
    [(Recovery.FAILOVER, "dr"), (Recovery.IN_PLACE, "primary"), (Recovery.UNAIDED, "primary")],
)
def test_who_must_answer_after_recovery(recovery: Recovery, site: str) -> None:
    assert scenario(LOSS, recovery=recovery).expected_site == site


@pytest.mark.parametrize(
    "schedule",
    [
        {"at_s": True},
        {"at_s": "5"},
        {"at_s": 10**400},
        {"duration_s": 3000.0, "times": 2},
        {"duration_s": 10.0, "times": 100, "pause_s": 100.0},
    ],
    ids=str,
)
def test_a_schedule_is_of_numbers_and_ends_within_an_hour(schedule: dict[str, Any]) -> None:
    with pytest.raises(UsageProblem):
        FaultSpec("process_killed", "primary-colorization", **schedule)
