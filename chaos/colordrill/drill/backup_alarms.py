"""What a schedule of backups says: what it did, and an alarm for what is not as it was due."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from colordrill.backup.keeping import forget, sweep_failed, verify_point
from colordrill.clock import NS_PER_S, Clock, seconds_between
from colordrill.errors import EnvironmentProblem, RecordProblem
from colordrill.history import Event, EventType
from colordrill.scenario.backup_plan import BackupPlan
from colordrill.stack.target import Target

ALARM = "ALARM"
OVERDUE_INTERVALS = 2
"""A point is overdue when the newest one began so many intervals ago."""

NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Narrator:
    """Says each thing on a line with its time; what somebody must look at begins with ``ALARM``.

    Attributes:
        tell: where lines go.
        clock: for the time of day.
    """

    tell: Callable[[str], None]
    clock: Clock

    def say(self, text: str) -> None:
        """Something that is as it should be."""
        wall = self.clock.wall().isoformat(timespec="seconds")
        # nobody may be reading, or the disk may be full: that must not end the backups
        with suppress(OSError):
            # one line each, whatever a program printed
            self.tell(f"{wall} {'; '.join(text.splitlines())}")

    def alarm(self, text: str) -> None:
        """Something that is not."""
        self.say(f"{ALARM} {text}")

    def unrecorded(self, problem: RecordProblem) -> None:
        """Something that the history does not hold."""
        self.alarm(f"a point could not be written down, the next is tried at its time: {problem}")

    def observe(self, event: Event) -> None:
        """Say what the schedule wrote into its history."""
        data = event.data
        match event.kind, event.type:
            case "snapshot", EventType.OK:
                self.say(f"point {data['point']}: {data['files']} files, {data['bytes']} bytes")
            case "snapshot", EventType.FAIL:
                self.alarm(f"point {data['point']} was not published: {data['error']}")
            case "snapshot", EventType.INVOKE if "clock" in data:
                self.alarm(f"the clock was set back: {data['clock']} would not be the newest point")
            case "push", EventType.FAIL:
                self.alarm(f"workflows and configuration were not pushed: {data['error']}")
            case "offsite", EventType.OK:
                self.say(f"point {data['point']} is copied off site")
            case "offsite", EventType.FAIL:
                self.alarm(f"point {data['point']} was not copied off site: {data['error']}")
            case "offsite_read", EventType.OK:
                self.say(f"read off site: {data['read']}")
            case "offsite_read", EventType.FAIL:
                self.alarm(f"the copies off site could not be read: {data['error']}")
            case "backup_late", _:
                self.alarm(
                    f"a point was due {data['late_s']:.1f} s ago; whole intervals without one: "
                    f"{data['missed']}"
                )


@dataclass(slots=True)
class OverdueWatch:
    """Raises an alarm when no point was published in time, also while one is still under way.

    Attributes:
        interval_s: from one point to the next.
        clock: measures it.
        narrator: says it, once until a point is published again.
    """

    interval_s: float
    clock: Clock
    narrator: Narrator
    _begun_ns: dict[str, int] = field(init=False, default_factory=dict)
    _newest_ns: int = field(init=False)
    _said: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """The first point has as long as any other."""
        self._newest_ns = self.clock.now_ns()

    def observe(self, event: Event) -> None:
        """Note when the copy of each published point began."""
        if event.kind != "snapshot":
            return
        if event.type is EventType.INVOKE:
            self._begun_ns[event.id] = event.t_ns
            return
        begun_ns = self._begun_ns.pop(event.id, None)
        if event.type is EventType.OK and begun_ns is not None:
            self._newest_ns, self._said = begun_ns, False

    def look(self) -> None:
        """Say so if the next point is overdue."""
        now_ns = self.clock.now_ns()
        overdue = now_ns - self._newest_ns > OVERDUE_INTERVALS * self.interval_s * NS_PER_S
        if overdue and not self._said:
            self._said = True
            age_s = seconds_between(self._newest_ns, now_ns)
            self.narrator.alarm(
                f"no point has been published for {age_s:.0f} s; one is due every "
                f"{self.interval_s:g} s"
            )


def keep_points(target: Target, plan: BackupPlan, point: str, narrator: Narrator) -> None:
    """Verify *point* if the plan says so, and remove what no rule keeps; a failure is an alarm."""
    try:
        if plan.verify:
            verified = verify_point(target, point)
            if verified.damaged_files:
                names = ", ".join(map(repr, verified.damaged[:NAMED_MAX]))
                narrator.alarm(f"point {point} has {verified.damaged_files} damaged files: {names}")
            else:
                narrator.say(f"point {point} is verified: whole")
        forgotten = forget(target, plan.retention)
    except EnvironmentProblem as problem:
        narrator.alarm(str(problem))
        return
    if forgotten.held_back:
        narrator.alarm(f"no point is removed: {forgotten.held_back}")
    for what, points in (("removed", forgotten.removed), ("swept", forgotten.swept)):
        if points:
            narrator.say(f"{what}: {', '.join(points)}")


def clear_failed(target: Target, point: str, narrator: Narrator) -> None:
    """Remove what the failed copy of *point* left, before the next one needs the room."""
    try:
        swept = sweep_failed(target, point)
    except EnvironmentProblem as problem:
        narrator.alarm(f"what failed copies left stays for now: {problem.cause}")
        return
    if swept:
        narrator.say(f"swept: {', '.join(swept)}")
