"""By which strategy a drill takes its recovery points, and from where it restores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from colordrill.drill.strategies import restores_alone, restores_off_site, scheduled
from colordrill.errors import EnvironmentProblem
from colordrill.history import History
from colordrill.scenario.catalogue import find_scenario
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.target import FakePart, FakeTarget


@pytest.fixture
def asked() -> list[tuple[Part, str]]:
    return []


@pytest.fixture
def target(asked: list[tuple[Part, str]]) -> FakeTarget:
    def storage(part: Part, command: Sequence[str]) -> Executed:
        asked.append((part, " ".join(command)))
        return Executed(0, "", "")

    parts = {part: FakePart() for part in Part}
    names = ("colordrill-points-storage", "colordrill-offsite-storage")
    return FakeTarget(parts, dict.fromkeys(names, storage))


def test_a_drill_by_rsync_makes_no_bucket(
    target: FakeTarget, asked: list[tuple[Part, str]], history: History, clock: ManualClock
) -> None:
    scenario = find_scenario("host_power_loss")

    schedule = scheduled(scenario, target, history, clock)

    assert (schedule.strategy, schedule.published, asked) == (None, None, [])
    assert restores_alone(scenario, target) is None
    assert restores_off_site(scenario, target) is None


def test_a_drill_by_s3_makes_both_buckets_and_restores_from_them_alone(
    target: FakeTarget, asked: list[tuple[Part, str]], history: History, clock: ManualClock
) -> None:
    scenario = find_scenario("host_power_loss_s3")

    schedule = scheduled(scenario, target, history, clock)

    assert asked == [
        (Part.DR_STORAGE, "colordrill-points-storage replica"),
        (Part.PRIMARY_STORAGE, "colordrill-points-storage source"),
    ]
    alone = restores_alone(scenario, target)
    assert schedule.strategy is not None
    assert alone is not None
    assert (schedule.strategy.name, alone.name, schedule.published) == ("s3", "s3", None)


def test_a_drill_by_restic_copies_each_point_and_restores_from_off_site_alone(
    target: FakeTarget, asked: list[tuple[Part, str]], history: History, clock: ManualClock
) -> None:
    scenario = find_scenario("host_power_loss_restic")

    schedule = scheduled(scenario, target, history, clock)

    assert asked == [(Part.DR_STORAGE, "colordrill-offsite-storage make")]
    alone = restores_alone(scenario, target)
    assert schedule.strategy is None
    assert schedule.published is not None
    assert alone is not None
    assert alone.name == "restic"


def test_a_storage_that_is_down_ends_the_drill_before_anything_is_taken(
    target: FakeTarget, history: History, clock: ManualClock
) -> None:
    target.kill([Part.DR_STORAGE])

    with pytest.raises(EnvironmentProblem):
        scheduled(find_scenario("host_power_loss_s3"), target, history, clock)


def test_copies_of_a_drill_by_rsync_are_asked_where_the_backup_server_is_no_help(
    target: FakeTarget,
) -> None:
    scenario = replace(find_scenario("host_power_loss"), offsite_every=2)

    found = restores_off_site(scenario, target)

    assert restores_alone(scenario, target) is None
    assert found is not None
    assert found.name == "restic"
