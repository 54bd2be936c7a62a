"""A real incident on a standing stack: recovers it, and writes down how that went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from colordrill.backup.point_ids import begun_at
from colordrill.clock import Clock, SystemClock, seconds_between
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.incident_refusals import (
    Refusal,
    refuse_other_service,
    told_by,
    weights_backed_up,
)
from colordrill.drill.incident_world import look, public_client
from colordrill.drill.operating import active_now, operating, write_record
from colordrill.drill.recovery_record import RECORD, Recovery, RecoveryEnd, step_entries
from colordrill.drill.standing import keep_logs
from colordrill.errors import ColordrillError, GoldenProblem
from colordrill.history import Event
from colordrill.interrupts import interruptible, shielded
from colordrill.record.journal import RECOVERIES, RunDirectory
from colordrill.recover.choosing import Wish, candidates
from colordrill.recover.course import Course, Way, World, course_of
from colordrill.recover.incident import IncidentRunbook
from colordrill.recover.incidents import Journal, Past, read_past
from colordrill.recover.keepers import Resumable, keepers_of
from colordrill.recover.primary import Finding, examine
from colordrill.recover.readiness.left_rehearsal import end_left_rehearsal
from colordrill.recover.readiness.rehearsal import MARKER
from colordrill.recover.steps import Operator, RunbookEnd, SiteNotJudged
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient

PURPOSE = "recover"


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator wants.

    Attributes:
        stack: the run id of the standing stack; None: the only one.
        wish: which recovery point.
        force: also where the primary is healthy.
    """

    stack: str | None = None
    wish: Wish = field(default_factory=Wish)
    force: bool = False


def recover(
    settings: Settings, order: Order, say: Callable[[str], None], clock: Clock | None = None
) -> Recovery:
    """Recover the service at the DR site, or go on with a recovery that was broken off.

    Args:
        settings: what the service is like, and where records go.
        order: what is wanted.
        say: tells people how it goes.
        clock: time and waiting; the system's by default.

    Raises:
        UsageProblem: the primary is healthy, the stack was brought up with another service, or what
            was asked for makes no sense; no site was touched.
        PrimaryNotJudged: the primary colours, and nobody could tell how; no site was touched.
        EnvironmentProblem: the stack or the data do not allow it; no site was touched.
        RecordProblem: nothing could be written down; no step was begun after that.
    """
    assets = load_assets(settings.service)
    if assets.missing or not assets.goldens:
        raise GoldenProblem(
            f"there are no goldens of {', '.join(assets.missing) or 'this service'}: the restored "
            "site could not be judged",
            "capture them from a healthy service with `colordrill golden capture`",
        )
    with (
        interruptible(),
        attached_stack(order.stack, PURPOSE) as stack,
        public_client(stack) as public,
    ):
        # from here on what lies at the DR site is the recovery's: no readiness may take it away
        end_left_rehearsal(stack.target, stack.directory / MARKER, say)
        past, world = read_past(stack.directory), look(stack, public)
        course = course_of(past, world, chosen=order.wish.given)
        start = _Start(
            settings, order, assets, stack, public, past, world, course, say, clock or SystemClock()
        )
        if course.way is Way.NOTHING:
            return start.told(RecoveryEnd.NOTHING, None)
        keepers = keepers_of(stack.target, world.unlisted)
        points = candidates(keepers, order.wish, course)
        refuse_other_service(settings, told_by(keepers, points))
        return start.run(points)


@dataclass(slots=True)
class _Start:
    """One start of the recovery."""

    settings: Settings
    order: Order
    assets: Assets
    stack: AttachedStack
    public: ComfyClient
    past: Past
    world: World
    course: Course
    say: Callable[[str], None]
    clock: Clock
    _events: list[Event] = field(init=False, default_factory=list)
    _began_at: datetime = field(init=False)
    _began_ns: int = field(init=False)
    _incident_began_at: str | None = field(init=False, default=None)
    _primary: Finding | None = field(init=False, default=None)
    _runbook: IncidentRunbook | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Take the time."""
        self._began_at, self._began_ns = self.clock.wall(), self.clock.now_ns()
        if self.course.incident is not None:
            self._incident_began_at = self.course.incident.begun_at

    def run(self, points: tuple[Resumable, ...]) -> Recovery:
        """Examine the primary, take the steps, write down what happened."""
        directory = RunDirectory.create(
            self.settings.out / RECOVERIES, "recover", self.past.starts + 1, self._began_at
        )
        self.say(self.course.why)
        end, problem = RecoveryEnd.BROKEN_OFF, None
        try:
            with operating(
                self.settings, self.assets, self.stack, self.public, directory, self.say, self.clock
            ) as operator:
                operator.history.listen(self._events.append)
                self._refuse_healthy(operator)
                end = self._take_steps(operator, directory.path, points)
        except ColordrillError as error:
            end, problem = RecoveryEnd.FAILED, error
            raise
        finally:
            with shielded():
                keep_logs(self.stack.target, directory.logs, self._began_at)
                recovery = self.told(end, directory.path, problem)
                write_record(recovery, RECORD, directory.path, self.say)
        return recovery

    def _refuse_healthy(self, operator: Operator) -> None:
        if self.course.on_dr:
            # users are at the DR site: two states are not weighed against each other
            return
        self.say("is the primary healthy? its own address is asked, and canaries are sent there")
        self._primary = examine(operator)
        self.say(self._primary.detail)
        Refusal(
            course=self.course,
            answering=self.world.answering,
            forced=self.order.force or self.course.forced,
            weights_backed_up=lambda: weights_backed_up(self.stack.target, self.clock, self.assets),
            assets=self.assets,
            say=self.say,
        ).weigh(self._primary)

    def _take_steps(
        self, operator: Operator, record: Path, points: tuple[Resumable, ...]
    ) -> RecoveryEnd:
        journal = Journal(self.stack.directory, self.clock)
        if self.course.incident is None:
            self._incident_began_at = self._began_at.isoformat(timespec="milliseconds")
            journal.begin(len(self.past.incidents) + 1, forced=self.order.force)
        journal.start(record.absolute())
        self._runbook = IncidentRunbook(
            operator=operator,
            journal=journal,
            candidates=points,
            earlier=self.past.restored,
            keep_data=self.course.keep_data,
        )
        end = self._runbook.run()
        if end is RunbookEnd.DONE:
            return RecoveryEnd.RECOVERED if self._runbook.certain else RecoveryEnd.UNCERTAIN
        if end is RunbookEnd.REFUSED:
            not_judged = isinstance(self._runbook.error, SiteNotJudged)
            return RecoveryEnd.NOT_JUDGED if not_judged else RecoveryEnd.WRONG
        return RecoveryEnd.FAILED

    def told(
        self, end: RecoveryEnd, record: Path | None, problem: ColordrillError | None = None
    ) -> Recovery:
        """What it came to, with what is known by now."""
        runbook, incident = self._runbook, self.course.incident
        error = problem or (runbook.error if runbook else None)
        point = runbook.point if runbook else ""
        if end is RecoveryEnd.NOTHING and incident is not None and incident.restored:
            point = incident.restored[-1]
        begun = self._incident_began_at
        first = datetime.fromisoformat(begun) if begun else None
        now = self.clock.wall()
        exit_code = problem.exit_code if problem else end.exit_code
        return Recovery(
            stack=self.stack.run_id,
            outcome=end.value,
            exit_code=int(exit_code),
            active=active_now(self.stack),
            why=self.course.why,
            resumed=self.course.way is Way.RESUME,
            primary=self._primary.detail if self._primary else None,
            point=point or None,
            point_kept_by=(runbook.kept_by if runbook else "") or None,
            point_age_s=(first - begun_at(point)).total_seconds() if point and first else None,
            began_at=self._began_at.isoformat(timespec="milliseconds"),
            incident_began_at=begun,
            took_s=seconds_between(self._began_ns, self.clock.now_ns()),
            incident_took_s=(now - first).total_seconds() if first else None,
            steps=tuple(step_entries(self._events)),
            problem=str(error) if error else None,
            record=str(record) if record else None,
        )
