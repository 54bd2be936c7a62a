from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.errors import RecordProblem
from colordrill.recover.failback_past import WayBack
from colordrill.recover.incidents import JOURNAL, Incident, Journal, Past, read_past
from fakes.clock import ManualClock

BEGUN = "2026-11-22T20:15:30.123+00:00"
P1, P2, P3 = (f"20261122T20153{second}.123Z" for second in (0, 4, 8))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, ManualClock())


def test_without_a_journal_nothing_has_happened(tmp_path: Path) -> None:
    assert read_past(tmp_path) == Past()


def test_what_was_written_is_read_back(journal: Journal, tmp_path: Path) -> None:
    journal.begin(1, forced=True)
    journal.start(tmp_path)
    journal.step("start")
    journal.ended("start", "did it")
    journal.step("mount")
    journal.restore(P1, "rsync")
    journal.restore(P2, "rsync")

    past = read_past(tmp_path)

    assert past.starts == 1
    assert past.last == Incident(
        1,
        BEGUN,
        forced=True,
        restored=(P1, P2),
        ended=("start",),
        broken_off="mount",
        kept_by="rsync",
    )


def test_users_may_be_at_the_dr_site_from_the_beginning_of_the_switch_on(
    journal: Journal, tmp_path: Path
) -> None:
    journal.begin(1, forced=False)
    journal.step("switch")

    past = read_past(tmp_path)

    assert past.last is not None
    assert (past.last.switching, past.last.closed) == (True, False)


def test_points_of_every_incident_are_known_each_once_the_newest_restore_last(
    journal: Journal, tmp_path: Path
) -> None:
    for number, other in ((1, P2), (2, P3)):
        journal.begin(number, forced=False)
        journal.restore(P1, "rsync")
        journal.restore(other, "rsync")
        journal.close()

    past = read_past(tmp_path)

    assert past.restored == (P2, P1, P3)
    assert [each.closed for each in past.incidents] == [True, True]


def test_a_refused_restore_makes_its_point_nobodys_and_undoes_no_earlier_one(
    journal: Journal, tmp_path: Path
) -> None:
    journal.begin(1, forced=False)
    for point in (P1, P2, P1):
        journal.restore(point, "rsync")
    journal.refused(P1)
    assert read_past(tmp_path).restored == (P1, P2)

    journal.refused(P1)

    with pytest.raises(RecordProblem, match="not its own"):
        read_past(tmp_path)


def test_a_torn_last_line_is_passed_over_and_cut_off_by_the_next(
    journal: Journal, tmp_path: Path
) -> None:
    journal.begin(1, forced=False)
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"event": "clo')
    assert read_past(tmp_path).last == Incident(1, BEGUN)

    journal.step("start")

    past = read_past(tmp_path)
    assert past.last is not None
    assert past.last.broken_off == "start"


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[]",
        b"null",
        b"{}",
        b'{"event": "step", "step": "start"}',
        b'{"event": "begin", "incident": "x", "wall": "", "forced": false}',
        b'{"event": "begin", "incident": 1, "wall": "yesterday", "forced": false}',
        # no zone: it cannot be compared with any other time
        b'{"event": "begin", "incident": 1, "wall": "2026-11-22T20:15:30", "forced": false}',
        b'{"event": "begin", "incident": Infinity, "wall": "2026-11-22T20:15:30Z", "forced": true}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_not_a_journals_is_never_gone_on_from(line: bytes, tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(line + b"\n")

    with pytest.raises(RecordProblem, match="not its own") as caught:
        read_past(tmp_path)

    assert "move the file away" in caught.value.next_step


@pytest.mark.parametrize("point", ["", "P1", "20261399T201530.123Z", "../x"])
def test_a_restore_of_what_is_no_point_is_never_gone_on_from(
    point: str, journal: Journal, tmp_path: Path
) -> None:
    journal.begin(1, forced=False)
    journal.restore(point, "rsync")

    with pytest.raises(RecordProblem, match="not its own"):
        read_past(tmp_path)


def test_an_event_that_no_journal_has_is_refused(journal: Journal, tmp_path: Path) -> None:
    journal.begin(1, forced=False)
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"event": "dance", "wall": "2026-11-22T20:15:30Z"}\n')

    with pytest.raises(RecordProblem, match="dance"):
        read_past(tmp_path)


def test_a_full_disk_does_not_undo_a_step_that_has_ended(tmp_path: Path) -> None:
    absent = Journal(tmp_path / "absent", ManualClock())

    absent.ended("start", "did it")

    with pytest.raises(RecordProblem, match="cannot be written"):
        absent.step("mount")


def ended(journal: Journal) -> None:
    journal.begin(1, forced=False)
    journal.restore(P1, "rsync")
    journal.close()


def failback_told(directory: Path) -> WayBack | None:
    past = read_past(directory)
    assert past.last is not None
    assert past.last.closed
    return past.last.failback


def test_a_journal_without_a_failback_has_none(journal: Journal, tmp_path: Path) -> None:
    ended(journal)

    assert failback_told(tmp_path) is None


def test_a_failback_is_read_back_phase_by_phase(journal: Journal, tmp_path: Path) -> None:
    ended(journal)
    journal.failback("begin")
    journal.failback("merge", P2)
    journal.failback("merge", P3)
    assert failback_told(tmp_path) == WayBack(BEGUN, merged=(P2, P3))

    journal.failback("switch")
    assert failback_told(tmp_path) == WayBack(BEGUN, synced=P3, switched_at=BEGUN)
    assert read_past(tmp_path).restored == (P1, P3)

    journal.failback("empty")
    journal.failback("done")
    assert read_past(tmp_path).restored == ()


@pytest.mark.parametrize("by_recovery", [True, False])
def test_after_a_switch_that_was_taken_back_the_sites_have_a_point_in_common(
    journal: Journal, tmp_path: Path, by_recovery: bool
) -> None:
    ended(journal)
    journal.failback("begin")
    journal.failback("merge", P2)
    journal.failback("switch")
    if by_recovery:
        journal.step("switch")
    else:
        journal.failback("back")

    assert failback_told(tmp_path) == WayBack(BEGUN, synced=P2)
    assert read_past(tmp_path).restored == (P1,)


def test_what_was_restored_after_a_failback_is_at_the_dr_site(
    journal: Journal, tmp_path: Path
) -> None:
    ended(journal)
    for phase in ("begin", "switch", "empty", "done"):
        journal.failback(phase)
    journal.begin(2, forced=False)
    journal.restore(P2, "rsync")

    assert read_past(tmp_path).restored == (P2,)


@pytest.mark.parametrize("phases", [("merge",), ("back",), ("begin", "elsewhere")])
def test_a_failback_that_no_journal_has_written_is_refused(
    journal: Journal, tmp_path: Path, phases: tuple[str, ...]
) -> None:
    ended(journal)
    for phase in phases:
        journal.failback(phase)

    with pytest.raises(RecordProblem, match="not its own"):
        read_past(tmp_path)
