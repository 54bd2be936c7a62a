"""`colordrill recover` where the backup server is no help: it goes on from off site by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colordrill.drill import incident_plan
from colordrill.drill.incident import Order
from colordrill.drill.incident_plan import Plan, plan
from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.recover.incidents import JOURNAL, read_past
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from unit.recover.broken import DR, Incident, broken_stack
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

OLD = "20261122T201510.123Z"
BETWEEN = "20261122T201532.123Z"


@pytest.fixture
def broken(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incident:
    """Copies are off site of the backup server's oldest point, and of one that it has no more."""
    disaster.offsite = (OLD, POINTS[0])
    monkeypatch.setattr(incident_plan, "SystemClock", lambda: disaster.clock)
    return broken_stack(disaster, tmp_path, monkeypatch)


def planned() -> Plan:
    return plan(Settings(), Order())


def mounted(broken: Incident) -> str:
    """The detail of the step that restores, of a start that goes to its end."""
    recovery = broken.start()
    assert recovery.exit_code == 0, recovery
    broken.expect_one_healthy_site()
    return next(str(each["detail"]) for each in recovery.steps if each["name"] == "mount")


def test_a_whole_point_on_the_backup_server_is_preferred_and_off_site_is_not_asked(
    broken: Incident,
) -> None:
    asked: list[object] = []

    def ask(_part: Part, command: object) -> Executed:
        asked.append(command)
        return Executed(1, "", "no")

    broken.disaster.target.programs["colordrill-offsite"] = ask

    recovery = broken.start()

    assert (recovery.point, recovery.point_kept_by, asked) == (POINTS[-1], "rsync", [])


def test_without_a_backup_server_the_newest_copy_is_restored_and_the_record_says_so(
    broken: Incident,
) -> None:
    broken.disaster.target.kill([Part.BACKUP])

    recovery = broken.start()

    assert (recovery.exit_code, recovery.point, recovery.point_kept_by) == (0, POINTS[0], "restic")
    broken.expect_one_healthy_site()
    detail = next(str(each["detail"]) for each in recovery.steps if each["name"] == "mount")
    assert f"recovery point {POINTS[0]} from off site (restic), 2 files" in detail
    assert "passed over rsync: backup does not run" in detail


def test_where_every_point_is_damaged_the_newest_whole_copy_is_restored(broken: Incident) -> None:
    broken.site.damaged = set(POINTS)
    broken.site.damaged_offsite = {POINTS[0]}

    detail = mounted(broken)

    assert all(f"passed over {point}" in detail for point in POINTS)
    assert f"recovery point {OLD} from off site" in detail


def test_points_that_are_known_to_be_damaged_are_not_tried(broken: Incident) -> None:
    broken.disaster.known_damaged = set(POINTS)

    detail = mounted(broken)

    assert broken.site.taken_from == ["restic"]
    assert "its last verification found 1 files damaged" in detail


def test_a_link_that_breaks_in_mid_restore_is_passed_over_with_what_it_left(
    broken: Incident,
) -> None:
    broken.site.cut_off = True

    assert "exit code 10" in mounted(broken)

    assert set(broken.site.files.values()) == {POINTS[0]}


def test_where_no_point_is_whole_anywhere_the_step_fails_and_names_all(broken: Incident) -> None:
    broken.site.damaged = set(POINTS)
    broken.site.damaged_offsite = {OLD, POINTS[0]}

    recovery = broken.start()

    assert recovery.exit_code == 4
    assert all(point in str(recovery.problem) for point in (*POINTS, OLD))
    assert (recovery.active, broken.site.files) == ((), {})


def test_where_nobody_has_a_point_nothing_is_begun(broken: Incident) -> None:
    broken.disaster.points, broken.disaster.offsite = (), ()

    with pytest.raises(EnvironmentProblem, match=r"no recovery point; .*no recovery point off"):
        broken.start()

    assert not (broken.directory / JOURNAL).exists()


@pytest.mark.parametrize("up", [True, False])
def test_a_point_that_is_only_off_site_can_be_named(up: bool, broken: Incident) -> None:
    if not up:
        broken.disaster.target.kill([Part.BACKUP])

    recovery = broken.start(point=OLD)

    assert (recovery.exit_code, recovery.point, recovery.point_kept_by) == (0, OLD, "restic")


def test_a_named_point_that_is_damaged_is_taken_from_off_site_and_no_other_is(
    broken: Incident,
) -> None:
    broken.site.damaged = {POINTS[0]}
    recovery = broken.start(point=POINTS[0])
    assert (recovery.point, recovery.point_kept_by) == (POINTS[0], "restic")


def test_a_named_point_that_is_damaged_everywhere_is_not_replaced(broken: Incident) -> None:
    broken.site.damaged = broken.site.damaged_offsite = {POINTS[0]}

    assert broken.start(point=POINTS[0]).exit_code == 4

    assert broken.site.taken_from == []


def test_a_named_point_is_tried_whatever_its_verification_said(broken: Incident) -> None:
    broken.disaster.known_damaged = {POINTS[-1]}

    assert broken.start(point=POINTS[-1]).point_kept_by == "rsync"


def test_a_point_that_may_be_on_a_server_that_is_down_is_not_called_unknown(
    broken: Incident,
) -> None:
    broken.disaster.target.kill([Part.BACKUP])

    with pytest.raises(EnvironmentProblem, match="is not off site, and"):
        broken.start(point=POINTS[-1])


def test_a_point_that_is_nowhere_is_refused_with_those_of_both(broken: Incident) -> None:
    with pytest.raises(UnknownName) as raised:
        broken.start(point="20200101T000000.000Z")

    assert all(point in raised.value.next_step for point in (OLD, *POINTS))


@pytest.mark.parametrize(
    ("second", "point", "kept_by"),
    [
        (20, OLD, "restic"),
        (31, POINTS[0], "rsync"),
        (33, BETWEEN, "restic"),
        (40, POINTS[-1], "rsync"),
    ],
)
def test_a_time_chooses_among_both(second: int, point: str, kept_by: str, broken: Incident) -> None:
    broken.disaster.offsite = (OLD, POINTS[0], BETWEEN)

    recovery = broken.start(before=datetime(2026, 11, 22, 20, 15, second, tzinfo=UTC))

    assert (recovery.point, recovery.point_kept_by) == (point, kept_by)


def test_a_time_before_every_point_is_refused_with_the_oldest_of_both(broken: Incident) -> None:
    with pytest.raises(UsageProblem) as raised:
        broken.start(before=datetime(2020, 1, 1, tzinfo=UTC))

    assert OLD in raised.value.next_step


@pytest.mark.parametrize("down", [True, False])
def test_killed_at_any_moment_and_started_again_it_ends_with_one_healthy_active_site(
    down: bool, broken: Incident
) -> None:
    if down:
        broken.disaster.target.kill([Part.BACKUP])
    broken.site.damaged = set(POINTS)
    moment = 0
    while broken.killed_at(moment):
        recovery = broken.start()

        assert recovery.exit_code == 0, (moment, recovery)
        broken.expect_one_healthy_site()
        assert set(broken.site.files.values()) == {POINTS[0]}
        (broken.directory / JOURNAL).unlink()
        broken.disaster.target.stop(DR)
        broken.gateway.restarted()
        broken.site.files = {}
        moment += 1
    assert moment > 30


def test_a_resumed_recovery_stays_with_its_copy_when_the_server_is_back(broken: Incident) -> None:
    broken.disaster.target.kill([Part.BACKUP])
    broken.disaster.offsite = (OLD,)
    broken.kill_in("verify")
    broken.disaster.target.start(Part.BACKUP)

    recovery = broken.start()

    assert (recovery.point, recovery.point_kept_by) == (OLD, "restic")
    assert read_past(broken.directory).restored == (OLD,)


def test_a_resumed_recovery_asks_first_who_was_asked_last(broken: Incident) -> None:
    """Else what came would go for points that were found to be damaged."""
    broken.site.damaged = set(POINTS)
    broken.kill_in("verify")
    restores: list[object] = []
    usual = broken.disaster.target.programs["colordrill-restore"]

    def restore(part: Part, command: Sequence[str]) -> Executed:
        restores.append(command)
        return usual(part, command)

    broken.disaster.target.programs["colordrill-restore"] = restore

    recovery = broken.start()

    assert (recovery.point, recovery.point_kept_by, restores) == (POINTS[0], "restic", [])


def test_a_site_that_somebody_wrote_to_is_neither_restored_from_here_nor_from_there(
    broken: Incident,
) -> None:
    broken.disaster.target.kill([Part.BACKUP])
    broken.kill_in("verify")
    broken.site.files["output/theirs.png"] = "a user"
    before = dict(broken.site.files)

    recovery = broken.start()

    assert recovery.exit_code == 4
    assert "no restore is known to have put there" in str(recovery.problem)
    assert broken.site.files == before


def test_a_dry_run_says_from_where_the_point_would_come(broken: Incident) -> None:
    found = planned()

    assert (found.point, found.point_kept_by) == (POINTS[-1], "rsync")
    assert "on the backup server, and verify every file" in found.steps["mount"]
    assert "1 older ones and then those off site (restic) are tried" in found.steps["mount"]


def test_a_dry_run_without_a_backup_server_names_the_copy(broken: Incident) -> None:
    broken.disaster.target.kill([Part.BACKUP])

    found = planned()

    assert (found.point, found.point_kept_by, found.exit_code) == (POINTS[0], "restic", 0)
    assert f"restore {POINTS[0]}, off site (restic)" in found.steps["mount"]


def test_a_dry_run_says_that_every_point_is_known_to_be_damaged(broken: Incident) -> None:
    broken.disaster.known_damaged, broken.disaster.offsite = set(POINTS), ()

    found = planned()

    assert (found.point, found.exit_code) == (None, 4)
    assert "this would FAIL: every recovery point" in found.steps["mount"]
