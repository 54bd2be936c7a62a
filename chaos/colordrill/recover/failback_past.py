"""What the journal says of the way back to the primary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from colordrill.backup.point_ids import begun_at


@dataclass(frozen=True, slots=True)
class Failback:
    """The way back to the primary, as far as it was taken.

    Attributes:
        begun_at: wall time of its first start, ISO 8601 UTC.
        merged: points of the DR site whose merge into the primary was begun, in order; those up to
            a switch are left out.
        synced: the point that both sites had in common when a switch was begun.
        switched_at: when the switch to the primary was begun: users may have written there since;
            None also where they were sent to the DR site again.
        emptying: the DR site is being emptied: what lies there is not whole.
        done: the DR site is empty.
    """

    begun_at: str
    merged: tuple[str, ...] = ()
    synced: str | None = None
    switched_at: str | None = None
    emptying: bool = False
    done: bool = False


def failback_told(back: Failback | None, entry: dict[str, Any], wall: str) -> Failback | None:
    """What is known after one more line of the journal.

    Args:
        back: what was known before it.
        entry: the line.
        wall: when it was written.

    Raises:
        ValueError: no journal has written that; also LookupError or EnvironmentProblem.
    """
    phase = entry["phase"]
    if phase == "begin":
        return Failback(wall)
    if back is None:
        raise ValueError(phase)
    match phase:
        case "merge":
            point = str(entry["point"])
            # it is compared with other points by when they were begun
            begun_at(point)
            return replace(back, merged=(*back.merged, point))
        case "switch":
            synced = back.merged[-1] if back.merged else back.synced
            return replace(back, merged=(), synced=synced, switched_at=wall)
        case "back":
            return to_dr_again(back)
        case "empty":
            return replace(back, emptying=True)
        case "done":
            return replace(back, done=True)
    raise ValueError(phase)


def to_dr_again(back: Failback | None) -> Failback | None:
    """Users are sent to the DR site again."""
    return None if back is None else replace(back, switched_at=None)
