"""Files that are brought back by hand: from which point, and which bytes they had when."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from colordrill.backup.answers import Program, names_told
from colordrill.backup.points import COPY_LIMIT_S, RecoveryPoint
from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import Target

LOOK_LIMIT_S = 120.0
NAMED_MAX = 20
OUTSIDE = 2
"""Exit code of the programs: a path is not in the site, not in the point, or of a wrong kind."""

_NEXT_STEP = (
    "`colordrill backup list` shows the points, --before TIME takes an older one; see whether the "
    "site and the backup server run"
)
_REPAIR = Program("colordrill-repair", _NEXT_STEP, {OUTSIDE: UsageProblem})
_VERSIONS = Program("colordrill-versions", _NEXT_STEP, {OUTSIDE: UsageProblem})

Digests = Mapping[str, str | None]
"""SHA-256 of files by their path; None where there is none, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """What came back, verified, or would come.

    Attributes:
        point: from which recovery point.
        brought: files that were absent or other.
        overwrites: those of them that somebody had written since the point was begun.
        newer: files of the named folders that were left, because somebody has written them since.
    """

    point: str
    brought: tuple[str, ...]
    overwrites: tuple[str, ...]
    newer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """Which bytes some files have in a point."""

    point: str
    files: Digests


@dataclass(frozen=True, slots=True)
class Choice:
    """Which recovery point is wanted; at most one of them. None: the newest.

    Attributes:
        point: this one and no other.
        before: the newest one whose copy had begun by then.
        drawn: one that is drawn at random; of those that are not known to be damaged.
        seed: repeats a draw among the same points.
    """

    point: str | None = None
    before: datetime | None = None
    drawn: bool = False
    seed: int | None = None


def site_paths(words: Sequence[str]) -> tuple[str, ...]:
    """*words* as paths relative to a site, each once.

    Raises:
        UsageProblem: one of them is not in a folder of the site, or leaves it.
    """
    paths = dict.fromkeys(each.rstrip("/") for each in words)
    for path in paths:
        parts = path.split("/")
        if parts[0] not in set(SiteFolder) or {"", ".", ".."} & set(parts):
            raise UsageProblem(
                f"{path!r} is not in one of the site's folders",
                f"name it relative to the site, as workflows/person.json; the folders are "
                f"{', '.join(SiteFolder)}",
            )
    return tuple(paths)


def points_by(choice: Choice, points: Sequence[RecoveryPoint]) -> tuple[RecoveryPoint, ...]:
    """The points that may be taken, in the order in which they are tried.

    Args:
        choice: what is wanted.
        points: those that there are, newest first; never none.

    Raises:
        UsageProblem: there is no such point.
        EnvironmentProblem: there is none that could be drawn.
    """
    if choice.point is not None:
        named = [each for each in points if each.id == choice.point]
        if not named:
            known = [each.id for each in points[:NAMED_MAX]]
            raise UnknownName("recovery point", choice.point, known)
        return tuple(named)
    if choice.before is not None:
        until = [each for each in points if each.begun <= choice.before]
        if not until:
            raise UsageProblem(
                f"no recovery point was begun by {choice.before.isoformat()}",
                f"the oldest one is {points[-1].id}",
            )
        return tuple(until)
    if choice.drawn:
        return (_drawn(choice, points),)
    return tuple(points)


def _drawn(choice: Choice, points: Sequence[RecoveryPoint]) -> RecoveryPoint:
    sound = [each for each in reversed(points) if each.condition != "damaged"]
    if not sound:
        raise EnvironmentProblem(
            f"each of the {len(points)} recovery points is known to be damaged",
            "see `colordrill backup list`",
        )
    return random.Random(choice.seed).choice(sound)


def points_of_other_bytes(
    versions: Sequence[Version], now: Digests
) -> tuple[tuple[str, ...], dict[str, str | None]]:
    """The points in which each file has other bytes than *now*, and since when it has not.

    Args:
        versions: of each point, oldest first.
        now: what the site has.

    Returns:
        The ids, newest first, and for each file the oldest of the newest points in a row that have
        the present bytes; None where the newest point has others.

    Raises:
        UsageProblem: there is no such point.
    """
    since = {path: _since(versions, path, digest) for path, digest in now.items()}
    other = [each.point for each in versions if _all_other(each.files, now)]
    if not other:
        raise UsageProblem(
            f"no recovery point holds other bytes of {', '.join(map(repr, now))} than the site has",
            "see whether the path is right; `colordrill backup list` shows how far the points go",
        )
    return tuple(reversed(other)), since


def _all_other(held: Digests, now: Digests) -> bool:
    return all(held[path] is not None and held[path] != digest for path, digest in now.items())


def _since(versions: Sequence[Version], path: str, digest: str | None) -> str | None:
    since = None
    for each in reversed(versions):
        if each.files[path] != digest:
            break
        since = each.point
    return since


def bring_back(
    target: Target, agent: Part, point: str, paths: Sequence[str], *, dry_run: bool = False
) -> BroughtBack:
    """Bring *paths* of *point* back into *agent*'s site, which may hold data; each is verified.

    A folder brings back what is absent or damaged in it, a named file is brought back whatever is
    there now. What is not in the point stays as it is.

    Args:
        target: the stack.
        agent: of the site.
        point: the published recovery point.
        paths: folders and files, relative to the site.
        dry_run: only say what would come.

    Raises:
        UsageProblem: a path is outside the site, or not in the point.
        PointDamaged: the point is not what its manifest says; nothing was replaced.
        EnvironmentProblem: the link failed, and nothing was replaced; or a file cannot be written.
    """
    words = [*(["--dry-run"] if dry_run else []), point, "--", *paths]
    failed = f"nothing more comes from recovery point {point}"
    told = _REPAIR.told(target, agent, words, failed, COPY_LIMIT_S)
    with _REPAIR.summary(failed, told):
        lists = (names_told(told[key]) for key in ("brought", "overwrites", "newer"))
        return BroughtBack(point, *lists)


def digests_now(target: Target, agent: Part, paths: Sequence[str]) -> Digests:
    """Which bytes the files *paths* have at *agent*'s site now.

    Raises:
        UsageProblem: one of them is a folder.
        EnvironmentProblem: the site cannot be looked at.
    """
    failed = "the site's files cannot be looked at"
    told = _VERSIONS.told(target, agent, ["site", "--", *paths], failed, LOOK_LIMIT_S)
    with _VERSIONS.summary(failed, told):
        return _digests(told, paths)


def versions(target: Target, paths: Sequence[str]) -> tuple[Version, ...]:
    """Which bytes the files *paths* have in each published point, oldest first.

    Raises:
        EnvironmentProblem: the backup server does not tell.
    """
    failed = "the recovery points cannot be looked at"
    told = _VERSIONS.told(target, Part.BACKUP, ["points", "--", *paths], failed, LOOK_LIMIT_S)
    with _VERSIONS.summary(failed, told):
        return tuple(Version(str(each["point"]), _digests(each["files"], paths)) for each in told)


def _digests(told: Any, paths: Sequence[str]) -> Digests:
    return {path: None if told[path] is None else str(told[path]) for path in paths}
