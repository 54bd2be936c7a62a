"""What a start of the failback has to do: begin, go on, or nothing; and where it must not begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from colordrill.backup.merging import Past as MergePast
from colordrill.backup.point_ids import point_id
from colordrill.errors import UsageProblem
from colordrill.recover.course import Way, World
from colordrill.recover.failback_past import Failback
from colordrill.recover.incidents import Incident, Past
from colordrill.stack.parts import Site

RECOVER = "`colordrill recover` brings the service back at the DR site"


@dataclass(frozen=True, slots=True)
class FailbackCourse:
    """What is to be done, and why.

    Attributes:
        way: begin, resume or nothing.
        incident: the one that ended at the DR site.
        why: for people.
        switched: an earlier start had begun to switch, and users may be at the primary since: the
            sites are not merged again, and nobody is sent back.
        past: what is known of the DR site, for the merge.
    """

    way: Way
    incident: Incident
    why: str
    switched: bool
    past: MergePast


def failback_course(past: Past, world: World) -> FailbackCourse:
    """Decide from the journal and from what the stack says.

    Raises:
        UsageProblem: users are not at a DR site where a recovery has ended.
        EnvironmentProblem: it depends on the recovery points, and they cannot be listed.
    """
    last = past.last
    if last is None or not last.closed:
        began = "was ever begun" if last is None else "has ended"
        raise UsageProblem(
            f"no recovery {began} on this stack: there is nothing to go back from", RECOVER
        )
    back = last.failback
    if back is not None and back.done and world.active == {Site.PRIMARY}:
        why = f"the failback begun at {back.begun_at} is over, and the primary is the active site"
        return FailbackCourse(Way.NOTHING, last, why, switched=True, past=_merge_past(last, world))
    switched = _resumed(back, world) if back is not None else False
    if back is None and world.active != {Site.DR}:
        raise _not_at_dr(world)
    if world.unlisted is not None:
        raise world.unlisted
    if back is None:
        way, why = Way.BEGIN, f"the recovery begun at {last.begun_at} ended at the DR site"
    else:
        way, why = Way.RESUME, f"the failback begun at {back.begun_at} was broken off"
    return FailbackCourse(way, last, why, switched, _merge_past(last, world))


def _resumed(back: Failback, world: World) -> bool:
    """Whether users may be at the primary since an earlier start.

    Raises:
        UsageProblem: what that start has left is not there any more.
    """
    at_dr = world.active == {Site.DR}
    if back.done or (back.emptying and at_dr):
        raise UsageProblem(
            f"the failback begun at {back.begun_at} had emptied the DR site, or begun to: nothing "
            f"of it is merged into the primary; {_seen(world)}",
            "send users to the primary again (docs/how-to/fail-back.md)",
        )
    if back.switched_at is not None and Site.DR not in world.active:
        return True
    if not at_dr and world.active:
        raise _not_at_dr(world)
    return False


def _not_at_dr(world: World) -> UsageProblem:
    return UsageProblem(
        f"the DR site is not the only active one: {_seen(world)}", f"{RECOVER}, and then fail back"
    )


def _seen(world: World) -> str:
    return f"the gateway sends users to {' and '.join(sorted(world.active)) or 'nobody'}"


def _merge_past(last: Incident, world: World) -> MergePast:
    """What the DR site stood on, of what the backup server still holds."""
    back = last.failback
    bases = last.restored[-1:] if back is None or back.synced is None else (back.synced,)
    kept = [each for each in bases if each in world.points]
    merged = () if back is None else tuple(each for each in back.merged if each in world.points)
    began = datetime.fromisoformat(last.begun_at).astimezone(UTC)
    return MergePast(kept[0] if kept else None, merged, point_id(began))
