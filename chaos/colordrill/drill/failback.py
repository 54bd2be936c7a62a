"""Back to the repaired primary of a standing stack, and how that went, written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from colordrill.backup.schedule import try_lock
from colordrill.clock import Clock, SystemClock, poll, seconds_between
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.backups import TURN
from colordrill.drill.failback_record import RECORD, Failback, FailbackEnd, files_of
from colordrill.drill.incident import PURPOSE
from colordrill.drill.incident_refusals import refuse_other_service, told_by
from colordrill.drill.incident_world import look, public_client
from colordrill.drill.operating import active_now, operating, write_record
from colordrill.drill.recovery_record import step_entries
from colordrill.drill.standing import keep_logs
from colordrill.errors import ColordrillError, GoldenProblem, RecordProblem
from colordrill.history import Event
from colordrill.interrupts import interruptible, shielded
from colordrill.record.journal import RECOVERIES, RunDirectory
from colordrill.recover.course import Way
from colordrill.recover.failback import FailbackRunbook
from colordrill.recover.failback_course import FailbackCourse, failback_course
from colordrill.recover.incidents import Journal, Past, read_past
from colordrill.recover.keepers import keepers_of
from colordrill.recover.steps import RunbookEnd, SiteNotJudged
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient

HOLDER = "failback"
TURN_LIMIT_S = 300.0


def fail_back(
    settings: Settings,
    run_id: str | None,
    say: Callable[[str], None],
    clock: Clock | None = None,
) -> Failback:
    """Bring users back to the primary, or go on with a failback that was broken off.

    Args:
        settings: what the service is like, and where records go.
        run_id: which standing stack; None: the only one.
        say: tells people how it goes.
        clock: time and waiting; the system's by default.

    Raises:
        UsageProblem: users are not at a DR site where a recovery has ended, or the stack was
            brought up with another service; no site was touched.
        EnvironmentProblem: the stack does not allow it; no site was touched.
        RecordProblem: nothing could be written down.
    """
    assets = load_assets(settings.service)
    if assets.missing or not assets.goldens:
        raise GoldenProblem(
            f"there are no goldens of {', '.join(assets.missing) or 'this service'}: the primary "
            "could not be judged",
            "capture them from a healthy service with `colordrill golden capture`",
        )
    with (
        interruptible(),
        attached_stack(run_id, PURPOSE, HOLDER) as stack,
        public_client(stack) as public,
    ):
        past, world = read_past(stack.directory), look(stack, public)
        course = failback_course(past, world)
        start = _Start(settings, assets, stack, public, past, course, say, clock or SystemClock())
        if course.way is Way.NOTHING:
            return start.told(FailbackEnd.NOTHING, None)
        refuse_other_service(settings, told_by(keepers_of(stack.target, world.unlisted)))
        with _alone_with_points(stack.directory, start.clock):
            return start.run()


@contextmanager
def _alone_with_points(directory: Path, clock: Clock) -> Iterator[None]:
    """Let nobody else take a point: users would wait for it, and it would be of half a merge.

    Raises:
        WaitExpired: somebody takes one for long.
        RecordProblem: the file that is locked cannot be opened.
    """
    path = directory / TURN
    try:
        lock = path.open("a")
    except OSError as error:
        raise RecordProblem(
            f"{path} cannot be opened: {error}", "free some disk space, or see whose it is"
        ) from error
    with lock:
        poll(
            clock,
            lambda: try_lock(lock) or None,
            awaited="the recovery point that is being taken to be whole",
            timeout_s=TURN_LIMIT_S,
        )
        yield


@dataclass(slots=True)
class _Start:
    """One start of the failback."""

    settings: Settings
    assets: Assets
    stack: AttachedStack
    public: ComfyClient
    past: Past
    course: FailbackCourse
    say: Callable[[str], None]
    clock: Clock
    _events: list[Event] = field(init=False, default_factory=list)
    _began_at: datetime = field(init=False)
    _began_ns: int = field(init=False)
    _runbook: FailbackRunbook | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Take the time."""
        self._began_at, self._began_ns = self.clock.wall(), self.clock.now_ns()

    def run(self) -> Failback:
        """Take the steps, write down what happened."""
        directory = RunDirectory.create(
            self.settings.out / RECOVERIES, "failback", self.past.starts + 1, self._began_at
        )
        self.say(self.course.why)
        end, problem = FailbackEnd.BROKEN_OFF, None
        try:
            end = self._take_steps(directory)
        except ColordrillError as error:
            end, problem = FailbackEnd.FAILED, error
            raise
        finally:
            with shielded():
                keep_logs(self.stack.target, directory.logs, self._began_at)
                failback = self.told(end, directory.path, problem)
                write_record(failback, RECORD, directory.path, self.say)
        return failback

    def _take_steps(self, directory: RunDirectory) -> FailbackEnd:
        journal = Journal(self.stack.directory, self.clock)
        with operating(
            self.settings, self.assets, self.stack, self.public, directory, self.say, self.clock
        ) as operator:
            operator.history.listen(self._events.append)
            journal.start(directory.path.absolute())
            self._runbook = FailbackRunbook(operator, journal, self.course)
            end = self._runbook.run()
        if end is RunbookEnd.DONE:
            return FailbackEnd.RETURNED
        if end is RunbookEnd.REFUSED:
            not_judged = isinstance(self._runbook.error, SiteNotJudged)
            return FailbackEnd.NOT_JUDGED if not_judged else FailbackEnd.WRONG
        return FailbackEnd.FAILED

    def told(
        self, end: FailbackEnd, record: Path | None, problem: ColordrillError | None = None
    ) -> Failback:
        """What it came to, with what is known by now."""
        runbook = self._runbook
        error = problem or (runbook.error if runbook else None)
        return Failback(
            stack=self.stack.run_id,
            outcome=end.value,
            exit_code=int(problem.exit_code if problem else end.exit_code),
            active=active_now(self.stack),
            why=self.course.why,
            resumed=self.course.way is Way.RESUME,
            base=self.course.ancestry.base,
            point=(runbook.point or None) if runbook else None,
            files=files_of(runbook.passes) if runbook else None,
            began_at=self._began_at.isoformat(timespec="milliseconds"),
            took_s=seconds_between(self._began_ns, self.clock.now_ns()),
            users_waited_s=runbook.waited_s if runbook else None,
            steps=tuple(step_entries(self._events)),
            problem=str(error) if error else None,
            record=str(record) if record else None,
        )
