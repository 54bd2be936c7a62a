"""`colordrill recover` on a world that is not as it should be: unknown, foreign, or half gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.recover.incidents import read_past
from colordrill.recover.readiness.rehearsal import MARKER
from colordrill.stack.target import Executed
from unit.recover.broken import DR, PRIMARY, Incident, broken_stack
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster


@pytest.fixture
def broken(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incident:
    return broken_stack(disaster, tmp_path, monkeypatch)


def refusing(*_: Any) -> Executed:
    return Executed(1, "", "no")


def test_files_that_look_like_a_points_are_not_its_own_before_a_restore_of_it_was_begun(
    broken: Incident,
) -> None:
    broken.site.files = {"input/a.png": POINTS[-1], "output/theirs.png": "a user"}
    before = dict(broken.site.files)

    first = broken.start()
    del broken.site.files["output/theirs.png"], before["output/theirs.png"]
    second = broken.start()

    assert (first.exit_code, second.exit_code) == (4, 4)
    assert "no restore is known to have put there" in str(second.problem)
    assert broken.site.files == before
    assert read_past(broken.directory).restored == ()


def test_an_active_dr_site_is_fenced_before_it_is_restored(broken: Incident) -> None:
    broken.gateway.off = {"primary"}
    active_at_restore: list[set[str]] = []

    def restore(part: Any, command: Any) -> Executed:
        active_at_restore.append({"primary", "dr"} - broken.gateway.off)
        return broken.site.restore(part, command)

    broken.disaster.target.programs["colordrill-restore"] = restore

    recovery = broken.start()

    assert (recovery.exit_code, recovery.point) == (0, POINTS[-1])
    assert active_at_restore == [set()]
    broken.expect_one_healthy_site()


def test_a_gateway_that_does_not_let_go_of_the_dr_site_keeps_it_from_being_restored(
    broken: Incident,
) -> None:
    broken.gateway.off = {"primary"}
    usual = broken.gateway.run

    def deaf(part: Any, command: Any) -> Executed:
        maint = command[1].endswith("dr state maint")
        return Executed(0, "\n", "") if maint else usual(part, command)

    broken.disaster.target.programs["haproxy-command"] = deaf

    recovery = broken.start()

    assert recovery.exit_code == 4
    assert "leave the DR site alone and still has it as active" in str(recovery.problem)
    assert broken.site.files == {}


@pytest.mark.parametrize("look", [None, refusing])
def test_an_active_dr_site_that_may_hold_files_is_used_as_it_is(
    broken: Incident, look: Any
) -> None:
    broken.gateway.off = {"primary"}
    broken.site.files = {"output/theirs.png": "a user"}
    if look is not None:
        broken.disaster.target.programs["find"] = look

    recovery = broken.start()

    assert (recovery.exit_code, recovery.point) == (0, None)
    assert broken.site.files == {"output/theirs.png": "a user"}


def test_what_was_not_certain_is_not_done_when_it_is_started_again(broken: Incident) -> None:
    with pytest.MonkeyPatch.context() as patched:
        broken.engine_loses_the_primary(patched)
        assert broken.start().exit_code == 3

        again = broken.start()

    assert (again.exit_code, again.resumed) == (3, True)
    assert broken.start().exit_code == 0
    assert broken.start().outcome == "nothing to do"


def test_a_primary_that_was_started_behind_an_active_dr_site_is_fenced_again(
    broken: Incident,
) -> None:
    broken.start()
    broken.site.files["output/theirs.png"] = "a user"
    broken.primary_runs()

    recovery = broken.start()

    assert (recovery.exit_code, recovery.resumed) == (0, True)
    assert "fenced again" in recovery.why
    assert broken.running() == (False, True)
    assert broken.site.files["output/theirs.png"] == "a user"


def test_a_rehearsal_that_cannot_be_ended_keeps_the_recovery_from_beginning(
    broken: Incident,
) -> None:
    marker = broken.directory / MARKER
    marker.write_text("rehearsal-0123abcd")
    broken.disaster.target.programs["python3"] = refusing

    with pytest.raises(EnvironmentProblem, match="a rehearsal was killed here"):
        broken.start()

    assert marker.exists()
    assert broken.gateway.off == {"dr"}
    assert ("stop", str(PRIMARY)) not in broken.disaster.target.calls


def test_a_rehearsal_that_was_killed_is_ended_before_the_dr_site_is_restored(
    broken: Incident,
) -> None:
    marker = broken.directory / MARKER
    marker.write_text("rehearsal-0123abcd")
    broken.site.files = {"output/a.png": "a rehearsal"}
    programs, usual = broken.disaster.target.programs, broken.disaster.write_probe
    programs["python3"] = _emptying(broken)
    # what it left at the primary is looked for there
    programs["sh"] = lambda part, command: (
        Executed(0, "", "") if "tidy" in command else usual(part, command)
    )

    assert broken.start().exit_code == 0

    assert not marker.exists()
    broken.expect_one_healthy_site()


def _emptying(broken: Incident) -> Any:
    """Nobody has written since; the second program empties the site."""

    def program(_part: Any, command: Any) -> Executed:
        if "json.dumps" in command[2]:
            return Executed(0, "[]", "")
        broken.site.files = {}
        return Executed(0, "", "")

    return program


@pytest.mark.parametrize("points", [(), None])
def test_a_dr_site_that_keeps_its_data_needs_no_backup_server(
    broken: Incident, points: tuple[str, ...] | None
) -> None:
    broken.start()
    broken.disaster.target.kill([DR])
    broken.disaster.target.programs["cat"] = refusing
    if points is None:
        broken.disaster.target.programs["colordrill-points"] = refusing
    else:
        broken.disaster.points = points

    assert broken.start().exit_code == 0

    broken.expect_one_healthy_site()


def test_points_that_cannot_be_listed_keep_a_restore_from_beginning(broken: Incident) -> None:
    broken.disaster.target.programs["colordrill-points"] = refusing

    with pytest.raises(EnvironmentProblem, match="cannot be listed"):
        broken.start()

    assert broken.gateway.off == {"dr"}


def test_where_the_newest_points_configuration_is_unreadable_the_one_before_tells_it(
    broken: Incident,
) -> None:
    usual = broken.disaster.read_configuration

    def read(part: Any, command: Any) -> Executed:
        return refusing() if POINTS[-1] in command[1] else usual(part, command)

    broken.disaster.target.programs["cat"] = read

    recovery = broken.start()

    assert (recovery.exit_code, recovery.point) == (0, POINTS[-1])
    assert any(f"{POINTS[-1]} holds no readable configuration" in line for line in broken.said)


def test_where_no_points_configuration_is_readable_the_start_step_says_so(
    broken: Incident,
) -> None:
    broken.disaster.target.programs["cat"] = refusing

    recovery = broken.start()

    assert recovery.exit_code == 4
    assert "no readable configuration" in str(recovery.problem)
