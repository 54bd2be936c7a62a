"""Injects faults and undoes them, writing both down; the undo never depends on anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from colordrill.clock import Clock, poll
from colordrill.errors import ColordrillError, EnvironmentProblem, WaitExpired
from colordrill.fault.cures import LOOK_EVERY_S, Cure, Cures
from colordrill.fault.ledger import Ledger
from colordrill.fault.planned import Planned
from colordrill.fault.protocol import Evidence
from colordrill.fault.schedule import Schedule
from colordrill.history import History
from colordrill.interrupts import shielded
from colordrill.stack.target import Target

EVIDENCE_LIMIT_S = 10.0


def refuse_unsupported(faults: Sequence[Planned], target: Target) -> None:
    """Say before anything is touched that the target cannot carry a fault.

    Raises:
        EnvironmentProblem: names the missing capabilities.
    """
    for each in faults:
        missing = each.fault.requires - target.capabilities
        if missing:
            raise EnvironmentProblem(
                f"fault {each.spec.name} needs {', '.join(sorted(missing))}, which this target "
                "lacks",
                "see docs/reference/host.md, and `colordrill list` for what other drills need",
            )


class Injection:
    """The faults of one drill: planted, struck, undone by schedule, and healed at the end.

    A context manager: whatever happens in its block, what was injected is healed in reverse order
    and read back before it ends. Missing evidence is written down, not raised: the verdict is
    unknown, the healing runs.

    Args:
        faults: what to break, in order.
        target: the stack.
        history: gets ``fault``, ``evidence`` and ``heal``.
        clock: bounds the waits and times the schedule.
        ledger: outlives a harness that is killed; None where nothing could be healed later.
    """

    def __init__(
        self,
        faults: Sequence[Planned],
        target: Target,
        history: History,
        clock: Clock,
        ledger: Ledger | None = None,
    ) -> None:
        self._faults = tuple(faults)
        self._target = target
        self._history = history
        self._clock = clock
        self._ledger = ledger
        self._schedule = Schedule(clock)
        # the order of the injections; a fault that is injected again is moved to the end
        self._struck: list[Planned] = []
        self._read_backs = ThreadPoolExecutor(
            max(1, len(self._faults)), thread_name_prefix="fault read-back"
        )
        self._cures = Cures(target, history, clock, ledger)

    def __enter__(self) -> Self:
        return self

    def plant(self) -> None:
        """Inject and prove the latent defects.

        Raises:
            EnvironmentProblem: a part is not healthy before, or an injection failed.
        """
        self._strike([each for each in self._faults if each.spec.latent])

    def strike(self, gate: Callable[[], None] = lambda: None) -> None:
        """Inject the disasters, prove those that begin at once, leave the others to the schedule.

        The peers' probes must find nothing wrong beforehand, or what they find afterwards proves
        nothing.

        Args:
            gate: called last before the first injection; may wait, and raises to call it off.

        Raises:
            EnvironmentProblem: a part is not healthy before, or an injection failed.
        """
        disasters = [each for each in self._faults if not each.spec.latent]
        self._strike(disasters, gate)

    def await_schedule(self, limit_s: float) -> None:
        """Wait until every scheduled injection and undoing has happened.

        Raises:
            WaitExpired: they have not within *limit_s*.
            EnvironmentProblem: one of them failed.
        """
        self._schedule.join(limit_s)

    @property
    def scheduled(self) -> bool:
        """Whether anything is still due by schedule."""
        return self._schedule.pending

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Heal everything that is not read back as healed, the last injected first."""
        with shielded():
            self._cures.over.set()
            self._schedule.stop()
            self._read_backs.shutdown()
            left = [each for each in reversed(self._struck) if not each.undone]
            problems = self._heal(left)
        if problems:
            raise EnvironmentProblem(
                f"not everything could be healed: {'; '.join(problems)}",
                "the stack is removed all the same, unless it was kept",
            )

    def _heal(self, left: list[Planned]) -> list[str]:
        """Heal *left* in that order; returns what is wrong after it."""
        # all cures first: what one fault's peer must see again another one may still hide
        begun = [(each, self._cures.begin(each, scheduled=False)) for each in left]
        failed = [(each, cure) for each, cure in begun if cure.problem]
        if len(failed) < len(begun):
            # what a cure needs, one that came after it may have brought back
            for each, cure in failed:
                self._cures.end(each, cure)
                begun.remove((each, cure))
                begun.append((each, self._cures.begin(each, scheduled=False)))
        ended = [self._cures.end(each, cure) for each, cure in begun]
        return [problem for problem in ended if problem is not None]

    def _strike(self, faults: list[Planned], gate: Callable[[], None] = lambda: None) -> None:
        for each in faults:
            before = each.fault.healthy(self._target)
            if not before.seen:
                raise EnvironmentProblem(
                    f"{each.spec.target} is not healthy before {each.spec.name}: {before.detail}",
                    "see the run's logs/",
                )
        gate()
        at_once = [each for each in faults if not each.spec.at_s]
        started_ns = self._clock.now_ns()
        for each in at_once:
            self._inject(each)
        for each in faults:
            self._plan(each, started_ns)
        self._schedule.at_the_end(self._await_read_backs)
        self._schedule.start()
        for each in at_once:
            self._prove(each)

    def _plan(self, planned: Planned, started_ns: int) -> None:
        """Put on the schedule what of *planned* is not done at once."""
        spec = planned.spec
        due_s = spec.at_s
        for number in range(spec.times):
            if due_s:
                self._schedule.at(started_ns, due_s, lambda: self._inject_again(planned))
            if spec.duration_s is None:
                return
            due_s += spec.duration_s
            self._schedule.at(started_ns, due_s, lambda: self._heal_by_schedule(planned))
            if number + 1 < spec.times:
                # at the same moment the undoing comes first: what is due is taken in order
                due_s += spec.pause_s

    def _inject(self, planned: Planned) -> None:
        spec, fault = planned.spec, planned.fault
        named = {"name": spec.name, "target": spec.target}
        with planned.lock:
            if self._ledger is not None:
                self._ledger.opened(spec, fault)
            operation = self._history.invoke("fault", **named, starts_clock=not spec.latent)
            self._struck = [each for each in self._struck if each is not planned] + [planned]
            planned.undone = False
            try:
                fault.inject(self._target)
            except ColordrillError as error:
                operation.fail(**named, error=str(error))
                raise
            finally:
                if self._ledger is not None:
                    self._ledger.opened(spec, fault)
            operation.ok(**named)

    def _inject_again(self, planned: Planned) -> None:
        _await_read_back(planned)
        self._inject(planned)
        # one look only: the next undoing is due, and must not wait for evidence
        self._note_evidence(planned, self._look(planned))

    def _prove(self, planned: Planned) -> None:
        last = Evidence(seen=False, detail="no peer has looked yet")

        def look() -> Evidence | None:
            nonlocal last
            with planned.lock:
                if planned.undone:
                    return last
                last = self._look(planned)
            return last if last.seen else None

        with suppress(WaitExpired):
            poll(
                self._clock,
                look,
                awaited="evidence",
                timeout_s=EVIDENCE_LIMIT_S,
                every_s=LOOK_EVERY_S,
            )
        self._note_evidence(planned, last)

    def _look(self, planned: Planned) -> Evidence:
        try:
            return planned.fault.evidence(self._target)
        except ColordrillError as error:
            return Evidence(seen=False, detail=f"the peer could not look: {error}")

    def _note_evidence(self, planned: Planned, seen: Evidence) -> None:
        spec = planned.spec
        self._history.note(
            "evidence", name=spec.name, target=spec.target, seen=seen.seen, detail=seen.detail
        )

    def _heal_by_schedule(self, planned: Planned) -> None:
        cure = self._cures.begin(planned, scheduled=True)
        # beside the schedule: another fault may hide this one's cure until it is undone as well
        planned.read_back = self._read_backs.submit(self._end_scheduled_cure, planned, cure)

    def _end_scheduled_cure(self, planned: Planned, cure: Cure) -> None:
        problem = self._cures.end(planned, cure)
        if problem is not None:
            raise EnvironmentProblem(f"the scheduled cure failed: {problem}")

    def _await_read_backs(self) -> None:
        for each in self._faults:
            _await_read_back(each)


def _await_read_back(planned: Planned) -> None:
    """Wait until the last scheduled cure was read back (bounded by itself), if there was one."""
    if planned.read_back is not None:
        planned.read_back.result()
