"""The schedule of a standing stack's backups, a process of its own: run, started, stopped, seen.

What it does and that it lives is in the run's private directory: a state file that names the
process, and its log.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import colordrill
from colordrill.backup.schedule import BackupSchedule
from colordrill.clock import Clock, poll
from colordrill.drill.attached import attached_stack, chosen_directory
from colordrill.drill.backup_alarms import Narrator, OverdueWatch, clear_failed, keep_points
from colordrill.drill.backups import backing_up
from colordrill.errors import EnvironmentProblem
from colordrill.interrupts import interruptible
from colordrill.scenario.backup_plan import BackupPlan
from colordrill.scenario.durations import DURATION_MAX_S

PURPOSE = "backup start"
STATE, LOG = "backup-schedule.json", "backup-schedule.log"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 900.0
WATCH_EVERY_S = 1.0
PID_MAX = 2**22
START_TIME_FIELD = 19
"""Of /proc/PID/stat, counted behind the process's name: when it began, in ticks since the boot."""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A schedule that was started and not stopped.

    Attributes:
        pid: of its process.
        began: when that process began, as the kernel says it; another process with its id later
            has another one.
        started_at: ISO 8601 UTC.
        interval_s: from one point to the next.
    """

    pid: int
    began: str
    started_at: str
    interval_s: float

    def __post_init__(self) -> None:
        """Refuse what names no process: nobody could say of it that it had ended."""
        if type(self.pid) is not int or not 0 < self.pid <= PID_MAX:
            raise ValueError(f"{self.pid!r:.60} is no process id")
        if not (isinstance(self.began, str) and isinstance(self.started_at, str)):
            raise TypeError("it does not say when the schedule began")
        if type(self.interval_s) not in {int, float} or not 0 < self.interval_s <= DURATION_MAX_S:
            raise ValueError(f"{self.interval_s!r:.60} is no interval")

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return process_began(self.pid) == self.began


def process_began(pid: int) -> str | None:
    """When the process *pid* began, in the kernel's words; None when there is none."""
    with suppress(OSError):
        fields = Path("/proc", str(pid), "stat").read_text("utf-8", "replace").rpartition(") ")[2]
        # a zombie has ended
        if not fields.startswith("Z"):
            return fields.split()[START_TIME_FIELD]
    return None


def state_of(directory: Path) -> ScheduleState | None:
    """The schedule of the run of *directory*; None when none was started, or it was stopped."""
    try:
        return ScheduleState(**json.loads((directory / STATE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise EnvironmentProblem(
            f"{directory / STATE} cannot be read: {error}", "remove it, if no schedule runs"
        ) from error


def run_schedule(
    run_id: str | None, plan: BackupPlan, clock: Clock, say: Callable[[str], None]
) -> None:
    """Take points by *plan* until SIGINT or SIGTERM; the point under way is finished.

    Raises:
        EnvironmentProblem: no stack stands, a schedule runs already, or this one came to an end
            by itself.
    """
    with interruptible(), attached_stack(run_id, PURPOSE) as stack:
        narrator = Narrator(say, clock)
        watch = OverdueWatch(plan.interval_s, clock, narrator)
        with backing_up(stack.target, stack.directory, plan, clock) as schedule:
            schedule.history.listen(narrator.observe)
            schedule.history.listen(watch.observe)
            copied_off_site = schedule.published

            def published(point: str) -> None:
                keep_points(stack.target, plan, point, narrator)
                if copied_off_site is not None:
                    copied_off_site(point)

            schedule.published = published
            schedule.failed = partial(clear_failed, stack.target, narrator=narrator)
            schedule.unrecorded = narrator.unrecorded
            try:
                _write_state(stack.directory, plan, clock)
                schedule.start()
                _watch(schedule, watch, clock)
            except KeyboardInterrupt:
                narrator.say("stopping: the point under way is finished first")
            finally:
                schedule.stop()
        (stack.directory / STATE).unlink(missing_ok=True)
        narrator.say("stopped")


def _watch(schedule: BackupSchedule, watch: OverdueWatch, clock: Clock) -> None:
    never = threading.Event()
    while schedule.running:
        watch.look()
        clock.wait(never, WATCH_EVERY_S)
    watch.narrator.alarm("the schedule has ended by an error: no more points are taken")
    raise EnvironmentProblem("the schedule has ended by an error", "see above, and start it again")


def _write_state(directory: Path, plan: BackupPlan, clock: Clock) -> None:
    pid = os.getpid()
    began = process_began(pid)
    if began is None:
        raise EnvironmentProblem("the kernel does not say when this process began", "mount /proc")
    state = ScheduleState(pid, began, clock.wall().isoformat(timespec="seconds"), plan.interval_s)
    fresh = directory / f".{STATE}"
    fresh.write_text(json.dumps(asdict(state)), encoding="utf-8")
    fresh.replace(directory / STATE)


def start_schedule(run_id: str | None, plan: BackupPlan, clock: Clock) -> tuple[int, Path]:
    """Start `run_schedule` as a process of its own that outlives this one.

    Returns:
        Its process id, and the file that it writes what it says to.

    Raises:
        EnvironmentProblem: it did not start, one runs already for instance; says what it said.
    """
    directory = chosen_directory(run_id)
    words = ["backup", "start", "--foreground", "--stack", directory.name, *plan.words()]
    log = directory / LOG
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        said_before = output.tell()
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "colordrill.cli", *words],
            _environment(),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
            ],
            setsid=True,
        )

    def started() -> bool | None:
        state = state_of(directory)
        if state is not None and state.pid == pid:
            return True
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            said = log.read_bytes()[said_before:].decode("utf-8", "replace").strip()
            raise EnvironmentProblem(f"the schedule did not start: {said}")
        return None

    poll(clock, started, awaited="the schedule to start", timeout_s=START_LIMIT_S)
    return pid, log


def _environment() -> dict[str, str]:
    """This process's, in which the other one finds this very package."""
    found = os.pathsep.join(
        [str(Path(colordrill.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    return {**os.environ, "PYTHONPATH": found}


def stop_schedule(run_id: str | None, clock: Clock) -> bool | None:
    """End the schedule of the standing stack; the point under way is finished first.

    Returns:
        True: it was stopped. False: it had ended by itself. None: none was started.

    Raises:
        EnvironmentProblem: it is still at work after 15 minutes.
    """
    directory = chosen_directory(run_id)
    state = state_of(directory)
    if state is None:
        return None
    if not state.running:
        (directory / STATE).unlink(missing_ok=True)
        return False
    with suppress(ProcessLookupError):
        os.kill(state.pid, signal.SIGTERM)
    poll(
        clock,
        lambda: None if state.running else True,
        awaited=f"the schedule (process {state.pid}) to finish its point",
        timeout_s=STOP_LIMIT_S,
    )
    return True
