"""Files that are brought back by hand: from which point, and which bytes they had when."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from colordrill.backup.points import COPY_LIMIT_S, DAMAGED, PointDamaged, RecoveryPoint
from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import Target

LOOK_LIMIT_S = 120.0
NAMED_MAX = 20
OUTSIDE = 2
"""Exit code of the programs: a path is not in the site, not in the point, or of a wrong kind."""

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
        points: those that there are, oldest first.

    Raises:
        UsageProblem: there is no such point.
        EnvironmentProblem: there is no point, or none that could be drawn.
    """
    if not points:
        raise EnvironmentProblem("there is no recovery point", "see `colordrill backup list`")
    if choice.point is not None:
        named = [each for each in points if each.id == choice.point]
        if not named:
            known = [each.id for each in points[-NAMED_MAX:]]
            raise UnknownName("recovery point", choice.point, known)
        return tuple(named)
    if choice.before is not None:
        until = [each for each in points if each.begun <= choice.before]
        if not until:
            raise UsageProblem(
                f"no recovery point was begun by {choice.before.isoformat()}",
                f"the oldest one is {points[0].id}",
            )
        return tuple(reversed(until))
    if choice.drawn:
        return (_drawn(choice, points),)
    return tuple(reversed(points))


def _drawn(choice: Choice, points: Sequence[RecoveryPoint]) -> RecoveryPoint:
    sound = [each for each in points if each.condition != "damaged"]
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
    """Bring *paths* of *point* back into *agent*'s site, as `repair_from`; or say what would come.

    Raises:
        UsageProblem: a path is not in the point.
        PointDamaged: the point is not what its manifest says; nothing was replaced.
        EnvironmentProblem: the link failed, and nothing was replaced; or a file cannot be written.
    """
    options = ["--dry-run"] if dry_run else []
    command = ["colordrill-repair", *options, point, "--", *paths]
    told = _told(target, agent, command, f"nothing more comes from recovery point {point}")
    try:
        lists = (_names(told[key]) for key in ("brought", "overwrites", "newer"))
        return BroughtBack(point, *lists)
    except (LookupError, TypeError) as error:
        raise _nonsense(command, told) from error


def digests_now(target: Target, agent: Part, paths: Sequence[str]) -> Digests:
    """Which bytes the files *paths* have at *agent*'s site now.

    Raises:
        UsageProblem: one of them is a folder.
        EnvironmentProblem: the site cannot be looked at.
    """
    command = ["colordrill-versions", "site", "--", *paths]
    told = _told(target, agent, command, "the site's files cannot be looked at")
    try:
        return _digests(told, paths)
    except (LookupError, TypeError) as error:
        raise _nonsense(command, told) from error


def versions(target: Target, paths: Sequence[str]) -> tuple[Version, ...]:
    """Which bytes the files *paths* have in each published point, oldest first.

    Raises:
        EnvironmentProblem: the backup server does not tell.
    """
    command = ["colordrill-versions", "points", "--", *paths]
    told = _told(target, Part.BACKUP, command, "the recovery points cannot be looked at")
    try:
        return tuple(Version(str(each["point"]), _digests(each["files"], paths)) for each in told)
    except (LookupError, TypeError) as error:
        raise _nonsense(command, told) from error


def _digests(told: Any, paths: Sequence[str]) -> Digests:
    return {path: None if told[path] is None else str(told[path]) for path in paths}


def _names(told: Any) -> tuple[str, ...]:
    if not isinstance(told, list):
        raise TypeError(type(told).__name__)
    return tuple(map(str, told))


def _told(target: Target, part: Part, command: list[str], failed: str) -> Any:
    """What a program of the backup image printed."""
    limit_s = COPY_LIMIT_S if command[0] == "colordrill-repair" else LOOK_LIMIT_S
    done = target.execute(part, command, timeout_s=limit_s)
    why = done.stderr.strip() or f"exit code {done.exit_code}"
    if done.exit_code == OUTSIDE:
        raise UsageProblem(why, "`colordrill backup list` shows the points; --dry-run what comes")
    if done.exit_code == DAMAGED:
        raise PointDamaged(f"{failed}: {why}", "take an older point: --before TIME")
    if done.exit_code != 0:
        raise EnvironmentProblem(
            f"{failed}: {why}", f"see whether {part} and the backup server run, then start again"
        )
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise _nonsense(command, done.stdout[:200]) from error


def _nonsense(command: Sequence[str], told: object) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{command[0]} printed {str(told)[:200]!r}, which is not its summary",
        "was the stack brought up by another version? bring one up anew",
    )
