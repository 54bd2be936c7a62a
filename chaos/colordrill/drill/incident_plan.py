"""What a recovery would do now: a dry run, which only looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from colordrill.backup.point_ids import begun_at
from colordrill.clock import Clock, SystemClock
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.incident import PURPOSE, Order
from colordrill.drill.incident_refusals import refuse_other_service, told_by
from colordrill.drill.incident_world import file_at_dr, look, public_client
from colordrill.errors import EnvironmentProblem, ExitCode
from colordrill.record.journal import RECOVERIES
from colordrill.recover.choosing import candidates
from colordrill.recover.course import Course, Way, course_of
from colordrill.recover.incidents import Past, read_past
from colordrill.recover.keepers import Resumable, keepers_of
from colordrill.recover.primary import PRIMARY, Health, answers
from colordrill.recover.probes import Deviation, deviations
from colordrill.recover.readiness.left_rehearsal import refuse_written_since
from colordrill.recover.readiness.rehearsal import MARKER
from colordrill.recover.sources import first_configuration, place_of
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Part


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recovery would do.

    Attributes:
        stack: its run id.
        way: ``begin``, ``resume`` or ``nothing``.
        why: why that.
        primary: what is known of the primary without sending it anything to colour.
        refused: False: it would not be; None: only canaries could tell.
        point: what would be restored first.
        point_age_s: its age now, by the wall clock.
        point_kept_by: who would be asked for it: ``rsync``, the backup server, or ``restic``, off
            site.
        fails: a step is known to fail; its text says why.
        differs: where the DR container is not what the point's configuration says.
        steps: what each step would do.
    """

    stack: str
    way: str
    why: str
    primary: str | None
    refused: bool | None
    point: str | None
    point_age_s: float | None
    point_kept_by: str | None
    fails: bool
    differs: tuple[str, ...]
    steps: dict[str, str]

    @property
    def exit_code(self) -> ExitCode:
        """0: it would go on; 3: that depends on canaries, and none is sent; 4: it would fail."""
        if self.fails:
            return ExitCode.ENVIRONMENT
        return ExitCode.UNKNOWN if self.refused is None else ExitCode.PASS


def plan(settings: Settings, order: Order) -> Plan:
    """Look, and say what a recovery would do; nothing is changed.

    Raises:
        UsageProblem: what was asked for makes no sense.
        EnvironmentProblem: a recovery could not begin.
    """
    clock = SystemClock()
    with attached_stack(order.stack, PURPOSE) as stack, public_client(stack) as public:
        past, world = read_past(stack.directory), look(stack, public)
        course = course_of(past, world, chosen=order.wish.given)
        if course.way is Way.NOTHING:
            why = course.why
            nothing = (None, None, None)
            return Plan(stack.run_id, course.way.value, why, None, False, *nothing, False, (), {})
        keepers = keepers_of(stack.target, world.unlisted)
        wished = candidates(keepers, order.wish, course)
        refuse_other_service(settings, told_by(keepers, wished))
        primary, refused = _primary(stack, order, course, clock, settings.service.port)
        found = _deviations(stack, wished)
        point, kept_by = _tried_first(wished)
        mount, fails = _mount(stack, past, course, wished)
        record = f"close the journal; the record goes to {settings.out / RECOVERIES}"
        return Plan(
            stack=stack.run_id,
            way=course.way.value,
            why=course.why,
            primary=primary,
            refused=refused,
            point=point,
            point_age_s=_age_s(point, clock.wall()) if point else None,
            point_kept_by=kept_by,
            fails=fails,
            differs=tuple(f"{each.probe}: {each}" for each in found),
            steps={
                "start": _start(stack, recreated=bool(found)),
                "mount": mount,
                "verify": "send a canary of every kind to the DR site itself, judge the pictures",
                "switch": "make the DR site the gateway's only active one, and see it answer",
                "record": record,
            },
        )


def _primary(
    stack: AttachedStack, order: Order, course: Course, clock: Clock, port: int
) -> tuple[str | None, bool | None]:
    """What is known of the primary, and whether that is a reason to refuse."""
    if course.on_dr:
        return None, False
    finding = answers(stack.target, clock, port)
    if finding.health is Health.BROKEN or order.force or course.forced:
        return finding.detail, False
    told = (
        f"{finding.detail}; if its canaries are right a recovery is refused without --force, and a "
        "dry run sends none, because each one leaves a photo and a picture"
    )
    return told, None


def _tried_first(wished: Sequence[Resumable]) -> tuple[str | None, str | None]:
    """The first point that nothing is known to be wrong with, and who keeps it."""
    for each in wished:
        if each.newest() is None:
            continue
        for point, known in each.worth_trying():
            if not known:
                return point, each.keeper.name
    return None, None


def _deviations(stack: AttachedStack, wished: Sequence[Resumable]) -> tuple[Deviation, ...]:
    """Where the DR container would be created anew; with data that are kept it stays as it is."""
    if not wished:
        return ()
    wanted = first_configuration(wished, lambda _said: None)
    return deviations(wanted, stack.target.description(Part.DR_COLORIZATION))


def _start(stack: AttachedStack, *, recreated: bool) -> str:
    target = stack.target
    created = "create the DR container anew and start it" if recreated else "start the DR container"
    running = target.state(Part.DR_COLORIZATION).running and not recreated
    stopped = not target.state(PRIMARY).running
    ended = "take back what a killed rehearsal of readiness left, " if _rehearsed(stack) else ""
    return (
        f"{ended}have the gateway leave the primary alone, "
        f"{'see that its service stays down' if stopped else 'stop its service'}, "
        f"{'leave the DR container as it runs' if running else created}"
    )


def _mount(
    stack: AttachedStack, past: Past, course: Course, wished: Sequence[Resumable]
) -> tuple[str, bool]:
    """What the step would do, and whether it is known to fail."""
    if course.keep_data:
        return "leave the DR site's data: users may have written to it", False
    held = file_at_dr(stack.target)
    point, kept_by = _tried_first(wished)
    if point is None or kept_by is None:
        return "this would FAIL: every recovery point is known to be damaged", True
    told = f"restore {point}, {place_of(kept_by)}, and verify every file{_else(wished, kept_by)}"
    if not held:
        return f"{told}; the DR site is empty", False
    if _rehearsed(stack):
        return _after_rehearsal(stack, told)
    if past.restored:
        told += (
            f"; the DR site holds files: what a restore of {', '.join(past.restored)} left is kept "
            "or taken away, and if there is anything else the step fails"
        )
        return told, False
    return f"{told}; this would FAIL: the DR site holds files that no recovery put there", True


def _else(wished: Sequence[Resumable], kept_by: str) -> str:
    """What is tried where that point is damaged."""
    names = [each.keeper.name for each in wished]
    rest = wished[names.index(kept_by) :]
    older = [f"{len(rest[0].points()) - 1} older ones"] if len(rest[0].points()) > 1 else []
    others = older + [f"those {place_of(each.keeper.name)}" for each in rest[1:]]
    return f"; where it is damaged, {' and then '.join(others)} are tried" if others else ""


def _rehearsed(stack: AttachedStack) -> bool:
    """Whether a rehearsal of readiness was killed: no other can be under way now."""
    return (stack.directory / MARKER).exists()


def _after_rehearsal(stack: AttachedStack, told: str) -> tuple[str, bool]:
    """What a killed rehearsal left is emptied first, unless somebody has written there since."""
    try:
        refuse_written_since(stack.target, stack.directory / MARKER)
    except EnvironmentProblem as error:
        return f"{told}; this would FAIL: {error.cause}", True
    return f"{told}; a rehearsal of readiness was killed, and what it left is emptied first", False


def _age_s(point: str, now: datetime) -> float:
    return (now - begun_at(point)).total_seconds()
