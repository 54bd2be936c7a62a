"""A site that holds data takes over what was written at the other one meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from colordrill.backup.answers import Program, names_told
from colordrill.backup.points import COPY_LIMIT_S
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

_LISTS = ("brought", "kept", "conflicts", "deleted")
_PROGRAM = Program("colordrill-merge", "nothing is lost: start it again")
_LISTING = Program("colordrill-snapshot", "see whether the backup server can be reached from there")


@dataclass(frozen=True, slots=True)
class Ancestry:
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


def merge_point(
    target: Target, agent: Part, point: str, ancestry: Ancestry, canaries: str
) -> Merged:
    """Merge the published *point* of the other site into *agent*'s; every file is verified.

    Broken off at any moment and done again it comes to the same. A merge or restore that is under
    way there is waited for.

    Args:
        target: the stack.
        agent: of the site that takes over.
        point: the other site's state.
        ancestry: what is known of the other site.
        canaries: what the names of photos and pictures begin with that are left out.

    Raises:
        PointDamaged: a point is not what its manifest says.
        EnvironmentProblem: it could not be merged.
    """
    return _merged(target, agent, [point, *_words(ancestry, canaries)])


def plan_merge(
    target: Target, source: Part, agent: Part, point: str, ancestry: Ancestry, canaries: str
) -> Merged:
    """What a merge of *source*'s site, as it is now, into *agent*'s would do; changes neither.

    Args:
        target: the stack.
        source: the agent of the site whose state would be merged.
        agent: of the site that would take over.
        point: an id that no point has; a list of hashes is under it on the backup server, and stays
            there until it is swept.
        ancestry: as of `merge_point`.
        canaries: as of `merge_point`.

    Raises:
        EnvironmentProblem: they could not be compared.
    """
    words = [point, "--manifest-only"]
    _LISTING.told(target, source, words, f"{source} could not list its site", COPY_LIMIT_S)
    words = [point, *_words(ancestry, canaries), "--dry-run", "--unpublished"]
    return _merged(target, agent, words)


def _words(ancestry: Ancestry, canaries: str) -> list[str]:
    words = [word for each in ancestry.merged for word in ("--merged", each)]
    base = [] if ancestry.base is None else ["--base", ancestry.base]
    return [*base, *words, "--mark", ancestry.mark, "--canaries", canaries]


def _merged(target: Target, agent: Part, words: Sequence[str]) -> Merged:
    point, failed = words[0], f"recovery point {words[0]} could not be merged in {agent}"
    told = _PROGRAM.told(target, agent, words, failed, COPY_LIMIT_S)
    with _PROGRAM.summary(failed, told):
        return Merged(point, *(names_told(told[name]) for name in _LISTS))
