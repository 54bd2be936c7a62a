"""What a recovery would do now: a dry run, which only looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from colordrill.backup.point_ids import begun_at
from colordrill.backup.rsync import RsyncStrategy
from colordrill.clock import Clock, SystemClock
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.incident import FOLDER, PURPOSE, Order, look, public_client
from colordrill.errors import EnvironmentProblem, ExitCode
from colordrill.recover.choosing import candidates
from colordrill.recover.course import Course, Way, course_of
from colordrill.recover.incidents import Past, read_past
from colordrill.recover.primary import PRIMARY, Health, answers
from colordrill.recover.probes import configuration_of, deviations
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Part, Site

LOOK_LIMIT_S = 30.0


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
        course = course_of(past, world)
        if course.way is Way.NOTHING:
            why = course.why
            return Plan(stack.run_id, course.way.value, why, None, False, None, None, False, (), {})
        points = candidates(world.points, order.wish, course)
        primary, refused = _primary(stack, order, course, clock, settings.service.port)
        wanted = configuration_of(RsyncStrategy(stack.target), points[0])
        found = deviations(wanted, stack.target.description(Part.DR_COLORIZATION))
        mount, fails = _mount(stack, past, course, points)
        record = f"close the journal; the record goes to {settings.out / FOLDER}"
        return Plan(
            stack=stack.run_id,
            way=course.way.value,
            why=course.why,
            primary=primary,
            refused=refused,
            point=None if course.keep_data else points[0],
            point_age_s=None if course.keep_data else _age_s(points[0], clock.wall()),
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


def _start(stack: AttachedStack, *, recreated: bool) -> str:
    target = stack.target
    created = "create the DR container anew and start it" if recreated else "start the DR container"
    running = target.state(Part.DR_COLORIZATION).running and not recreated
    stopped = not target.state(PRIMARY).running
    return (
        "have the gateway leave the primary alone, "
        f"{'see that its service stays down' if stopped else 'stop its service'}, "
        f"{'leave the DR container as it runs' if running else created}"
    )


def _mount(
    stack: AttachedStack, past: Past, course: Course, points: tuple[str, ...]
) -> tuple[str, bool]:
    """What the step would do, and whether it is known to fail."""
    if course.keep_data:
        return "leave the DR site's data: users may have written to it", False
    looked = stack.target.execute(
        Part.DR_AGENT,
        ["find", "/site", "-mindepth", "2", "-not", "-type", "d", "-print", "-quit"],
        timeout_s=LOOK_LIMIT_S,
    )
    if looked.exit_code != 0:
        raise EnvironmentProblem(
            f"the {Site.DR} site's folders cannot be looked at: {looked.stderr.strip()}",
            "see whether its agent runs and its volumes are there",
        )
    older = f"; {len(points) - 1} older ones are tried where it is damaged" if points[1:] else ""
    told = f"restore {points[0]} and verify every file{older}"
    if not looked.stdout.strip():
        return f"{told}; the DR site is empty", False
    if past.restored:
        told += (
            f"; the DR site holds files: what a restore of {', '.join(past.restored)} left is kept "
            "or taken away, and if there is anything else the step fails"
        )
        return told, False
    return f"{told}; this would FAIL: the DR site holds files that no recovery put there", True


def _age_s(point: str, now: datetime) -> float:
    return (now - begun_at(point)).total_seconds()
