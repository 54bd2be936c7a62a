"""What a start of the failback came to, and its file ``failback.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from colordrill.backup.merging import Merged
from colordrill.errors import ExitCode

RECORD = "failback.json"


class FailbackEnd(Enum):
    """How a start of the failback ended."""

    RETURNED = "failed back"
    NOTHING = "nothing to do"
    WRONG = "the primary colours wrongly"
    NOT_JUDGED = "nobody can tell how the primary colours"
    FAILED = "failed"
    BROKEN_OFF = "broken off"

    @property
    def exit_code(self) -> ExitCode:
        """The command's."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    FailbackEnd.RETURNED: ExitCode.PASS,
    FailbackEnd.NOTHING: ExitCode.PASS,
    FailbackEnd.WRONG: ExitCode.FAIL,
    FailbackEnd.NOT_JUDGED: ExitCode.UNKNOWN,
    FailbackEnd.FAILED: ExitCode.ENVIRONMENT,
    FailbackEnd.BROKEN_OFF: ExitCode.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Files:
    """What became of files of the primary, by path relative to the site, sorted.

    Attributes:
        brought: the DR site's, which were absent or different at the primary.
        kept: which only the primary has, or has changed.
        conflicts: names under which the primary's are kept beside the DR site's.
        deleted: which were deleted at the DR site, and not changed at the primary.
    """

    brought: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


def files_of(passes: Sequence[Merged]) -> Files | None:
    """What all *passes* of a merge did together; None where there was none."""
    if not passes:
        return None
    return Files(
        brought=_together(each.brought for each in passes),
        kept=passes[-1].kept,
        conflicts=passes[-1].conflicts,
        deleted=_together(each.deleted for each in passes),
    )


def _together(lists: Any) -> tuple[str, ...]:
    return tuple(sorted({name for names in lists for name in names}))


@dataclass(frozen=True, slots=True)
class Failback:
    """What a start of the failback came to; every field is a key of ``failback.json``.

    Times are wall times (ISO 8601, UTC), durations seconds; None where nothing is known of it.

    Attributes:
        stack: its run id.
        outcome: see `FailbackEnd`.
        exit_code: the command's.
        active: the sites that the gateway sends to at the end.
        why: why it was begun, gone on with, or not.
        resumed: an earlier start was gone on with.
        base: the point that the DR site was restored from; None: not known, or gone.
        point: what the DR site held when users left it.
        files: what the merge did in this start.
        began_at: of this start.
        took_s: this start, by the monotonic clock.
        users_waited_s: from when nobody was served to when the primary was active.
        steps: ``name, outcome, took_s, detail`` of each.
        problem: what ended it early.
        record: the directory with this, the history, pictures and logs.
    """

    stack: str
    outcome: str
    exit_code: int
    active: tuple[str, ...]
    why: str
    resumed: bool
    base: str | None
    point: str | None
    files: Files | None
    began_at: str
    took_s: float
    users_waited_s: float | None
    steps: tuple[dict[str, Any], ...]
    problem: str | None
    record: str | None
