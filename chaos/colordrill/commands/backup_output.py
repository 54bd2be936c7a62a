"""What `colordrill backup` prints: for people, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from colordrill.backup.keeping import Forgotten
    from colordrill.backup.points import RecoveryPoint, Verification
    from colordrill.drill.backup_schedule import ScheduleState
    from colordrill.drill.backups import Freshness

NAMED_MAX = 5


def complain(text: str) -> None:
    """A line for people, where it does not mix with what a script reads."""
    click.echo(text, err=True)


def listing_fields(
    points: Sequence[RecoveryPoint], schedule: ScheduleState | None, fresh: Freshness
) -> dict[str, Any]:
    """What is published, who takes points, and how old the newest is, as JSON has it."""
    told = schedule and {**dataclasses.asdict(schedule), "running": schedule.running}
    listed = [point_fields(each) for each in points]
    return {"points": listed, "schedule": told, **dataclasses.asdict(fresh)}


def point_fields(point: RecoveryPoint) -> dict[str, Any]:
    """A point as JSON has it; what is not known of it is null."""
    known = not point.problem
    return {
        "point": point.id,
        "begun_at": point.begun.isoformat(timespec="milliseconds"),
        "strategy": point.strategy if known else None,
        "files": point.files if known else None,
        "bytes": point.size_bytes if known else None,
        "condition": point.condition,
        "verified": None if point.verified is None else verification_fields(point.verified),
        "problem": point.problem or None,
    }


def verification_fields(verified: Verification) -> dict[str, Any]:
    """The result of a verification as JSON has it."""
    return {
        "at": verified.at.isoformat(),
        "outcome": "damaged" if verified.damaged_files else "whole",
        "damaged_files": verified.damaged_files,
        "damaged": list(verified.damaged),
    }


def forgotten_fields(forgotten: Forgotten) -> dict[str, Any]:
    """What was removed as JSON has it."""
    kept = [{"point": point, "reasons": list(why)} for point, why in forgotten.kept.items()]
    return {
        "kept": kept,
        "removed": list(forgotten.removed),
        "in_use": list(forgotten.in_use),
        "swept": list(forgotten.swept),
        "held_back": forgotten.held_back or None,
    }


def condition(point: str, verified: Verification) -> str:
    """The result of a verification in a line."""
    if not verified.damaged_files:
        return f"{point} is whole"
    names = ", ".join(map(repr, verified.damaged[:NAMED_MAX]))
    more = ", ..." if verified.damaged_files > NAMED_MAX else ""
    return f"{point} is DAMAGED, {verified.damaged_files} files: {names}{more}"


def print_points(points: Sequence[RecoveryPoint]) -> None:
    """A line for each point."""
    if not points:
        click.echo("there are no recovery points")
    for each in points:
        held = f"{each.strategy:8} {each.files:>7} files {each.size_bytes / 1e6:>10.1f} MB"
        if each.problem:
            said = f"DAMAGED  {each.problem}"
        elif each.verified is None:
            said = "not verified"
        elif each.verified.damaged_files:
            said = f"DAMAGED  {each.verified.damaged_files} files, seen {each.verified.at}"
        else:
            said = f"whole, verified {each.verified.at}"
        click.echo(f"{each.id}  {'' if each.problem else held}  {said}")


def print_kept(forgotten: Forgotten) -> None:
    """Which points stay, and why."""
    for point, reasons in forgotten.kept.items():
        click.echo(f"{point} stays: {', '.join(reasons)}")


def print_forgotten(forgotten: Forgotten, verb: str) -> None:
    """What is gone, or would go, and what could not go now."""
    if forgotten.held_back:
        complain(f"no point is removed: {forgotten.held_back}")
    for point in forgotten.removed:
        click.echo(f"{point} {verb}")
    for point in forgotten.in_use:
        click.echo(f"{point} is in use: it goes the next time")
    for point in forgotten.swept:
        click.echo(f"{point} was never published: its leftovers are gone")


def lateness(age_s: float | None, max_age_s: float | None) -> str:
    """Why the newest point is late."""
    if age_s is None:
        return f"late: there is no sound point, and one at most {max_age_s:g} s old is wanted"
    if age_s < 0:
        return (
            f"late: the newest sound point is {-age_s:.0f} s in the future; was the clock set back?"
        )
    return f"late: the newest sound point is {age_s:.0f} s old, at most {max_age_s:g} s are wanted"
