"""A site that holds data takes over what was written at the other one meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from colordrill.backup.points import COPY_LIMIT_S, DAMAGED, PointDamaged
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, Target

PROGRAM = "colordrill-merge"


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the site whose state is merged.

    Attributes:
        base: the recovery point that it was restored from; None: nobody knows, or it is gone. Then
            nothing is deleted, and whatever differs is a conflict.
        merged: its points of which a merge was begun before.
        mark: the id that names of files say which are kept beside; the same at each start.
    """

    base: str | None
    merged: tuple[str, ...]
    mark: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, or would do; paths are relative to the site, sorted.

    Attributes:
        point: the other site's state.
        brought: files of it that were absent or different here.
        kept: files that only this site has, or has changed.
        conflicts: names under which this site's files are kept beside the other's.
        deleted: files that were deleted there and not changed here.
    """

    point: str
    brought: tuple[str, ...]
    kept: tuple[str, ...]
    conflicts: tuple[str, ...]
    deleted: tuple[str, ...]

    def __str__(self) -> str:
        """For people."""
        return (
            f"{len(self.brought)} files brought, {len(self.kept)} of the site's own kept, "
            f"{len(self.conflicts)} in conflict and kept beside, {len(self.deleted)} deleted"
        )


def merge_point(target: Target, agent: Part, point: str, past: Past, canaries: str) -> Merged:
    """Merge the published *point* of the other site into *agent*'s; every file is verified.

    Broken off at any moment and done again it comes to the same. A merge or restore that is under
    way there is waited for.

    Args:
        target: the stack.
        agent: of the site that takes over.
        point: the other site's state.
        past: what is known of the other site.
        canaries: what the names of photos and pictures begin with that are left out.

    Raises:
        PointDamaged: a point is not what its manifest says.
        EnvironmentProblem: it could not be merged.
    """
    return _merged(target, agent, [point, *_words(past, canaries)])


def plan_merge(
    target: Target, source: Part, agent: Part, point: str, past: Past, canaries: str
) -> Merged:
    """What a merge of *source*'s site, as it is now, into *agent*'s would do; changes neither.

    Args:
        target: the stack.
        source: the agent of the site whose state would be merged.
        agent: of the site that would take over.
        point: an id that no point has; a list of hashes is under it on the backup server, and stays
            there until it is swept.
        past: as of `merge_point`.
        canaries: as of `merge_point`.

    Raises:
        EnvironmentProblem: they could not be compared.
    """
    command = ["colordrill-snapshot", point, "--manifest-only"]
    listed = target.execute(source, command, timeout_s=COPY_LIMIT_S)
    if listed.exit_code != 0:
        raise EnvironmentProblem(f"{source} could not list its site: {_said(listed)}")
    words = [point, *_words(past, canaries), "--dry-run", "--unpublished"]
    return _merged(target, agent, words)


def _words(past: Past, canaries: str) -> list[str]:
    words = [word for each in past.merged for word in ("--merged", each)]
    base = [] if past.base is None else ["--base", past.base]
    return [*base, *words, "--mark", past.mark, "--canaries", canaries]


def _merged(target: Target, agent: Part, words: Sequence[str]) -> Merged:
    point, failed = words[0], f"recovery point {words[0]} could not be merged in {agent}"
    done = target.execute(agent, [PROGRAM, *words], timeout_s=COPY_LIMIT_S)
    if done.exit_code != 0:
        kind = PointDamaged if done.exit_code == DAMAGED else EnvironmentProblem
        raise kind(f"{failed}: {_said(done)}", "nothing is lost: start it again")
    try:
        told = json.loads(done.stdout)
        return Merged(point, *(_names(told[name]) for name in _LISTS))
    except (ValueError, LookupError, TypeError) as error:
        raise EnvironmentProblem(
            f"{failed}: it printed {done.stdout[:200]!r}, which is not its summary"
        ) from error


_LISTS = ("brought", "kept", "conflicts", "deleted")


def _names(told: Any) -> tuple[str, ...]:
    if not isinstance(told, list):
        raise TypeError(told)
    # a name may hold bytes that are no text
    return tuple(str(each).encode("utf-8", "backslashreplace").decode() for each in told)


def _said(done: Executed) -> str:
    return done.stderr.strip() or f"exit code {done.exit_code}"
