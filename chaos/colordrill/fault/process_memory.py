"""The kernel's out-of-memory killer, provoked by a memory limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from colordrill.clock import poll
from colordrill.errors import ColordrillError, EnvironmentProblem, WaitExpired
from colordrill.fault.parameters import number
from colordrill.fault.process_parts import PartFault
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.witness import a_look
from colordrill.stack.target import Capability, PartState, Target

EXIT_KILLED = 137
PRESSURE_ROUNDS = 3
PRESSURE_LIMIT_S = 2.0
HEAL_LIMIT_S = 8.0
MARGIN_MAX_MB = 1000.0
LIMIT_WORDS = 2

# a neighbour in the same container that wants memory: the kernel kills the largest, not the latest.
# Where that is this command itself, it has helped nothing, and the caller looks
PRESSURE = 'exec head -c "$1" /dev/zero | tail -c "$1" >/dev/null'


# cgroup v2, else v1; a group without a limit says "max", or more than any machine has
GROUP = "/sys/fs/cgroup"
LIMIT = f"cat {GROUP}/memory.max 2>/dev/null || cat {GROUP}/memory/memory.limit_in_bytes"

HOST_MEMORY = "awk '/^MemTotal/ {print $2 * 1024}' OFMT=%.0f /proc/meminfo"
READ_LIMIT = f"{{ {LIMIT}; }} && {HOST_MEMORY}"


@dataclass
class OutOfMemory(PartFault):
    """The part's memory limit is lowered to just above its use; the kernel then kills it.

    Attributes:
        margin_mb: how far above its use the limit is put.
    """

    margin_mb: float = 16.0

    name: ClassVar[str] = "out_of_memory"
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.MEMORY_LIMIT, Capability.EXECUTE}
    )
    about: ClassVar[About] = About(
        effect=(
            "The kernel kills the part's largest process. The engine's restart policy starts it "
            "again, under the same limit, where it may be killed again: a restart that cures "
            "nothing."
        ),
        method=(
            "The container's memory limit is lowered to its present use and `margin_mb`, and a "
            "small process in the same container then asks for four times that margin. A limit "
            "below the use would be refused by cgroup v1 and kill at once on v2; this way both "
            "kill when somebody asks for more, as a large photo would."
        ),
        evidence=(
            "A neighbour's own request to the part is not answered, and the engine reports an end "
            "by the out-of-memory killer or exit code 137."
        ),
        cure=(
            "The limit is lifted and the part started. It is read back from the container's own "
            "control group, by its state and networks, and by the neighbour's request."
        ),
        incidents=(
            "`OOMKilled` with exit code 137 is the most frequent end of ComfyUI in containers: "
            "pinned memory, several models in memory at once, one large photo."
        ),
        targets=("primary-colorization, or any part that a neighbour sees",),
    )

    def __post_init__(self) -> None:
        """Refuse an absurd margin."""
        super().__post_init__()
        self.margin_mb = number("margin_mb", self.margin_mb, 1.0, MARGIN_MAX_MB)

    def healthy(self, target: Target) -> Evidence:
        """As ever; the restarts until now are remembered."""
        found = super().healthy(target)
        if found.seen:
            self.memory["restarts"] = target.state(self.part).restarts
            self.memory["limit_bytes"] = self._limit_bytes(target)
        return found

    def inject(self, target: Target) -> None:
        """Lower the limit, then press until something ended.

        Raises:
            EnvironmentProblem: its use cannot be read, or nothing was killed under pressure.
        """
        self.refuse_down(target)
        with self.witness.holding(target, self.clock) as held:
            limit_mb = self._limit(target)
            killed = self._press(target)
        if not killed:
            raise EnvironmentProblem(
                f"nothing in {self.part} was killed at a limit of {limit_mb:.0f} MB",
                "its memory may have been swapped out; is swap accounted for?",
            )
        self.memory["connection"] = held.ended().detail

    def _limit(self, target: Target) -> float:
        """Set the limit as low as the engine takes it; the limit in MB.

        A part's use grows between the look and the limit, and page cache counts too: what is
        refused with one margin is tried with twice that.
        """
        margin_mb = self.margin_mb
        while True:
            used_mb = target.memory_mb(self.part)
            if used_mb is None:
                raise EnvironmentProblem(f"the memory that {self.part} uses cannot be read")
            try:
                target.limit_memory(self.part, used_mb + margin_mb)
            except EnvironmentProblem:
                margin_mb *= 2
                if margin_mb > MARGIN_MAX_MB:
                    raise
            else:
                return used_mb + margin_mb

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The witness is not answered, and the engine says that the end was out of memory."""
        looked = super().evidence(target)
        state = target.state(self.part)
        ended = self._killed(state)
        word = f"; the engine says {state.exit_code=} {state.out_of_memory=} {state.restarts=}"
        return Evidence(seen=looked.seen and ended, detail=looked.detail + word)

    def heal(self, target: Target) -> None:
        """Lift the limit, then start it; a part between two restarts is tried again, bounded."""
        if not self.memory.get("running"):
            return
        last = ""

        def lifted() -> bool | None:
            nonlocal last
            try:
                target.limit_memory(self.part, None)
            except ColordrillError as error:
                last = str(error)
                target.start(self.part)
                return None
            return True

        try:
            poll(
                self.clock,
                lifted,
                awaited=f"the memory limit of {self.part} to be lifted",
                timeout_s=HEAL_LIMIT_S,
                every_s=0.2,
            )
        except WaitExpired as error:
            raise EnvironmentProblem(f"{self.part}'s memory limit stays: {last}") from error
        super().heal(target)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """As ever; and it may use as much memory as before."""
        found = super().healed(target)
        if not found.seen or "limit_bytes" not in self.memory:
            return found
        now, before = self._limit_bytes(target), int(self.memory["limit_bytes"])
        detail = f"{found.detail}; its limit is {now / 1e6:.0f} MB, it was {before / 1e6:.0f} MB"
        return Evidence(seen=now >= before, detail=detail)

    def _limit_bytes(self, target: Target) -> int:
        """What its control group allows; at most the host's memory, which is no limit."""
        done = target.execute(self.part, ("bash", "-c", READ_LIMIT), timeout_s=PRESSURE_LIMIT_S)
        said = done.stdout.split()
        if done.exit_code != 0 or len(said) != LIMIT_WORDS:
            raise EnvironmentProblem(f"the memory limit of {self.part} cannot be read: {done}")
        limit, host = said
        return int(host) if limit == "max" else min(int(limit), int(host))

    def _press(self, target: Target) -> bool:
        for round_number in range(1, PRESSURE_ROUNDS + 1):
            wanted = str(int(4 * round_number * self.margin_mb * 1e6))
            try:
                command = ("bash", "-c", PRESSURE, "pressure", wanted)
                target.execute(self.part, command, timeout_s=PRESSURE_LIMIT_S)
            except EnvironmentProblem:
                # the container ended under the command, as it should
                pass
            if self._killed(target.state(self.part)):
                return True
        return False

    def _killed(self, state: PartState) -> bool:
        ended = state.out_of_memory or state.exit_code == EXIT_KILLED
        return ended or state.restarts > int(self.memory.get("restarts", 0))


FAULTS: tuple[type, ...] = (OutOfMemory,)
