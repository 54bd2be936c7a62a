"""A part that ends each time it comes up."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import ClassVar

from colordrill.clock import poll, seconds_between
from colordrill.errors import ColordrillError, EnvironmentProblem
from colordrill.fault.parameters import number, whole
from colordrill.fault.process_parts import PartFault
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.witness import a_look
from colordrill.stack.target import Capability, Target

FIRST_KILLS = 2
FIRST_KILLS_LIMIT_S = 8.0
JOIN_LIMIT_S = 10.0


@dataclass
class CrashLoop(PartFault):
    """The part is killed again and again, until it is healed or a bound is reached.

    The killer is a thread of this process: when the harness dies, the loop has ended by itself.

    Attributes:
        kills_max: so often at most.
        duration_max_s: for so long at most.
    """

    kills_max: int = 50
    duration_max_s: float = 300.0
    _stop: threading.Event = field(init=False, repr=False, default_factory=threading.Event)
    _thread: threading.Thread | None = field(init=False, repr=False, default=None)

    name: ClassVar[str] = "crash_loop"
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PROCESS_SIGNAL, Capability.STOP, Capability.EXECUTE}
    )
    about: ClassVar[About] = About(
        effect=(
            "The part ends right after each start. The engine's restart policy tries again with "
            "growing pauses, so the outage goes on after the cause has gone."
        ),
        method=(
            "SIGKILL to all its processes from the host's process namespace, each time that it "
            "runs again: at most `kills_max` times and for `duration_max_s`."
        ),
        evidence=(
            "A neighbour's own request to the part is not answered, and the engine has restarted "
            "it at least once since, to no avail."
        ),
        cure=(
            "The killing stops first, for sure; then the part is stopped, which ends the engine's "
            "pause, and started. It is read back by its state and networks, and by the "
            "neighbour's request."
        ),
        incidents=(
            "A node pack that fails to import, a corrupt `comfyui.db`, a driver that does not fit: "
            "the container restarts for ever, and a monitor that looks at `running` sees it up."
        ),
        targets=("primary-colorization, or any part that a neighbour sees",),
    )

    def __post_init__(self) -> None:
        """Refuse a loop without a bound."""
        super().__post_init__()
        self.kills_max = whole("kills_max", self.kills_max, FIRST_KILLS, 1000)
        self.duration_max_s = number("duration_max_s", self.duration_max_s, 1.0, 3600.0)

    def healthy(self, target: Target) -> Evidence:
        """As ever; the restarts until now are remembered."""
        self.memory["restarts"] = target.state(self.part).restarts
        return super().healthy(target)

    def inject(self, target: Target) -> None:
        """Begin to kill; returns after the second time.

        Raises:
            EnvironmentProblem: it does not come up again, so there is no loop.
        """
        self.refuse_down(target)
        self._stop.clear()
        kills: list[int] = []
        self._thread = threading.Thread(
            target=self._loop, args=(target, kills), name="crash loop", daemon=True
        )
        self._thread.start()
        try:
            poll(
                self.clock,
                lambda: len(kills) >= FIRST_KILLS or None,
                awaited=f"{self.part} to come up and be killed again",
                timeout_s=FIRST_KILLS_LIMIT_S,
                every_s=0.05,
            )
        except ColordrillError:
            self._end_loop()
            raise

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The witness is not answered, and restarts have not helped."""
        looked = super().evidence(target)
        restarts = target.state(self.part).restarts - int(self.memory.get("restarts", 0))
        return Evidence(
            seen=looked.seen and restarts >= 1,
            detail=f"{looked.detail}; the engine has restarted it {restarts} times since",
        )

    def heal(self, target: Target) -> None:
        """End the loop, then stop and start the part, so that no pause of the engine is left."""
        self._end_loop()
        if self.memory.get("running") and not target.state(self.part).running:
            target.stop(self.part)
        super().heal(target)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """As ever; a loop that goes on is not healed."""
        if self._thread is not None and self._thread.is_alive():
            return Evidence(seen=False, detail="the crash loop goes on")
        return super().healed(target)

    def _end_loop(self) -> None:
        self._stop.set()
        if self._thread is None:
            return
        self._thread.join(JOIN_LIMIT_S)
        if self._thread.is_alive():
            raise EnvironmentProblem(
                f"the crash loop of {self.part} did not end within {JOIN_LIMIT_S:g} s",
                "the engine does not answer; see `docker info`",
            )
        self._thread = None

    def _loop(self, target: Target, kills: list[int]) -> None:
        began_ns = self.clock.now_ns()
        while not self._stop.is_set() and len(kills) < self.kills_max:
            now_ns = self.clock.now_ns()
            if seconds_between(began_ns, now_ns) > self.duration_max_s:
                return
            try:
                if target.state(self.part).running:
                    target.signal(self.part, "SIGKILL")
                    kills.append(now_ns)
            except EnvironmentProblem:
                # between two restarts there is no process to kill; next time
                pass
            self.clock.wait(self._stop, 0.1)


FAULTS: tuple[type, ...] = (CrashLoop,)
