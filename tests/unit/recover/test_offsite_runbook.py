"""A failover restores from off site where the backup server is no help, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.backup.restic import ResticStrategy
from colordrill.history import EventType
from colordrill.recover.runbook import FailoverRunbook
from colordrill.recover.steps import RunbookEnd
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

OLD = "20261122T201510.123Z"


@pytest.fixture
def runbook(disaster: Disaster) -> FailoverRunbook:
    """One whose operator has copies off site, of the oldest point and of one before it."""
    disaster.offsite = (OLD, POINTS[0])
    return FailoverRunbook(disaster.operator, ResticStrategy(disaster.target))


def mounted(disaster: Disaster) -> dict[str, Any]:
    steps = [e.data for e in disaster.events if e.kind == "step" and e.type is EventType.OK]
    return dict(steps[1])


def test_a_whole_point_on_the_backup_server_is_preferred(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    assert runbook.run() is RunbookEnd.DONE

    assert disaster.restored == [POINTS[-1]]
    assert "off site" not in mounted(disaster)["detail"]


def test_where_every_point_is_damaged_the_newest_copy_off_site_is_restored(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    disaster.damaged = set(POINTS)

    assert runbook.run() is RunbookEnd.DONE

    assert disaster.restored == [f"{POINTS[0]} from off site"]
    step = mounted(disaster)
    assert step["point"] == POINTS[0]
    assert f"recovery point {POINTS[0]} from off site (restic), 3 files" in step["detail"]
    assert all(f"passed over {point}" in step["detail"] for point in POINTS)


def test_without_a_backup_server_the_newest_copy_off_site_is_restored(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    disaster.target.kill([Part.BACKUP])

    assert runbook.run() is RunbookEnd.DONE

    assert disaster.restored == [f"{POINTS[0]} from off site"]
    assert "passed over rsync: " in mounted(disaster)["detail"]


def test_a_backup_server_that_the_dr_site_cannot_reach_is_passed_over(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    failed = Executed(1, "", "rsync failed with exit code 10; the site is empty again")
    disaster.target.programs["colordrill-restore"] = lambda _part, _command: failed

    assert runbook.run() is RunbookEnd.DONE

    assert disaster.restored == [f"{POINTS[0]} from off site"]
    assert "exit code 10" in mounted(disaster)["detail"]


def test_a_dr_site_that_takes_nothing_gets_no_older_point_and_no_users(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    tried: list[str] = []

    def full(_part: Part, command: Sequence[str]) -> Executed:
        tried.append(command[1])
        return Executed(7, "", "this site cannot take it: No space left on device (28)")

    disaster.target.programs["colordrill-restore"] = full

    assert runbook.run() is not RunbookEnd.DONE

    assert (tried, disaster.restored) == ([disaster.points[-1]], [])
    (failed,) = (e.data for e in disaster.events if e.kind == "step" and e.type is EventType.FAIL)
    assert "No space left on device" in str(failed)


def test_an_empty_backup_server_is_passed_over(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    disaster.points = ()

    assert runbook.run() is RunbookEnd.DONE

    assert disaster.restored == [f"{POINTS[0]} from off site"]


def test_a_damaged_copy_off_site_is_passed_over_for_the_one_before(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    disaster.damaged = set(POINTS)
    disaster.damaged_offsite = {POINTS[0]}

    assert runbook.run() is RunbookEnd.DONE

    assert disaster.restored == [f"{OLD} from off site"]


def test_where_nothing_is_whole_anywhere_the_runbook_fails_and_names_all_of_it(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    disaster.damaged = set(POINTS)
    disaster.damaged_offsite = {OLD, POINTS[0]}

    assert runbook.run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("mount", "fail")
    assert all(point in disaster.last_detail() for point in (*POINTS, OLD))
    assert disaster.restored == []
    assert disaster.commands == []


def test_where_no_point_is_anywhere_nothing_is_started(
    disaster: Disaster, runbook: FailoverRunbook
) -> None:
    disaster.points, disaster.offsite = (), ()

    assert runbook.run() is RunbookEnd.FAILED

    assert disaster.steps() == [("start", "fail")]
    assert "no recovery point off site" in disaster.last_detail()
    assert not disaster.target.state(Part.DR_COLORIZATION).running
