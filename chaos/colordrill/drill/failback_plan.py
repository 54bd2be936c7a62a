"""What a failback would do now: a dry run, which only looks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from colordrill.backup.keeping import sweep_failed
from colordrill.backup.merging import plan_merge
from colordrill.backup.point_ids import next_point_id
from colordrill.clock import Clock, SystemClock
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.failback import HOLDER
from colordrill.drill.failback_record import Files, files_of
from colordrill.drill.incident import PURPOSE
from colordrill.drill.incident_refusals import refuse_other_service, told_by
from colordrill.drill.incident_world import look, public_client
from colordrill.errors import EnvironmentProblem, ExitCode
from colordrill.record.journal import RECOVERIES
from colordrill.recover.course import Way, World
from colordrill.recover.failback_course import FailbackCourse, failback_course
from colordrill.recover.incident import CANARIES
from colordrill.recover.incidents import read_past
from colordrill.recover.keepers import keepers_of
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Part, Site, parts_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What a failback would do.

    Attributes:
        stack: its run id.
        way: ``begin``, ``resume`` or ``nothing``.
        why: why that.
        base: the point that the DR site was restored from; None: not known, or gone. Then nothing
            is deleted, and whatever differs is a conflict.
        files: what would become of the primary's files, if users wrote nothing more; None: nothing,
            or the sites cannot be compared.
        unseen: why they cannot be compared.
        steps: what each step would do.
    """

    stack: str
    way: str
    why: str
    base: str | None
    files: Files | None
    unseen: str | None
    steps: dict[str, str]

    @property
    def exit_code(self) -> ExitCode:
        """0: it would go on; 3: what it would do to files is not known."""
        return ExitCode.PASS if self.unseen is None else ExitCode.UNKNOWN


def plan(settings: Settings, run_id: str | None, clock: Clock | None = None) -> Plan:
    """Look, and say what a failback would do; nothing is changed at either site.

    Raises:
        UsageProblem: it would be refused.
        EnvironmentProblem: it could not begin.
    """
    clock = clock or SystemClock()
    with attached_stack(run_id, PURPOSE, HOLDER) as stack, public_client(stack) as public:
        world = look(stack, public)
        course = failback_course(read_past(stack.directory), world)
        if course.way is Way.NOTHING:
            return Plan(stack.run_id, course.way.value, course.why, None, None, None, {})
        refuse_other_service(settings, told_by(keepers_of(stack.target, world.unlisted)))
        files, unseen = None, None
        if not course.switched:
            try:
                files = _files(stack, world, course, clock)
            except EnvironmentProblem as problem:
                unseen = problem.cause
        return Plan(
            stack=stack.run_id,
            way=course.way.value,
            why=course.why,
            base=course.ancestry.base,
            files=files,
            unseen=unseen,
            steps=_steps(stack, course, settings),
        )


def _files(
    stack: AttachedStack, world: World, course: FailbackCourse, clock: Clock
) -> Files | None:
    target = stack.target
    point = next_point_id(clock.wall(), world.points[-1] if world.points else None)
    try:
        planned = plan_merge(
            target, Part.DR_AGENT, Part.PRIMARY_AGENT, point, course.ancestry, CANARIES
        )
    finally:
        # the list of hashes that the comparison needed
        with suppress(EnvironmentProblem):
            sweep_failed(target, point)
    return files_of([planned])


def _steps(stack: AttachedStack, course: FailbackCourse, settings: Settings) -> dict[str, str]:
    down = [part for part in parts_of(Site.PRIMARY) if not stack.target.state(part).running]
    merged = "take a point of the DR site and merge it while users work there; keep them from it, "
    merged += "wait for its jobs, take the last point and merge that"
    return {
        "start": f"start {', '.join(down)}" if down else "see that the primary's service answers",
        "mount": "nothing: an earlier start has merged all" if course.switched else merged,
        "verify": "send a canary of every kind to the primary itself, judge the pictures",
        "switch": "make the primary the gateway's only active site, and see it answer",
        "record": "verify the last point, stop the DR site's service, empty its folders; "
        f"the record goes to {settings.out / RECOVERIES}",
    }
