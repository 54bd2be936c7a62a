"""What faults of one part's processes share: what was before, the witness, the way back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from colordrill.clock import Clock, SystemClock
from colordrill.errors import EnvironmentProblem
from colordrill.fault.parameters import whole
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.witness import Witness, a_look, witness_of
from colordrill.stack.parts import COLORIZATION_PORT, Part
from colordrill.stack.target import Capability, Target

WITNESSED_PARTS = (
    "primary-colorization, dr-colorization, primary-storage, dr-storage, backup, toxiproxy, gateway"
)


@dataclass
class PartFault:
    """A fault of one part whose loss another part sees.

    Attributes:
        target_name: the part.
        service_port: where the colorization service listens inside its container.
        clock: bounds the waits.
        memory: ``running``, ``networks``: what was before.
    """

    target_name: str = str(Part.PRIMARY_COLORIZATION)
    service_port: int = COLORIZATION_PORT
    clock: Clock = field(default_factory=SystemClock, repr=False)
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    name: ClassVar[str]
    about: ClassVar[About]
    requires: ClassVar[frozenset[Capability]]

    def __post_init__(self) -> None:
        """Refuse a part that nobody would miss, and absurd ports."""
        self.service_port = whole("service_port", self.service_port, 1, 65535)
        witness_of(self.target_name, self.service_port)

    @property
    def part(self) -> Part:
        """The part."""
        return Part(self.target_name)

    @property
    def witness(self) -> Witness:
        """Who sees it."""
        return witness_of(self.target_name, self.service_port)

    def healthy(self, target: Target) -> Evidence:
        """The part runs and its witness is answered; what was is remembered for the cure."""
        state = target.state(self.part)
        if not state.running or state.frozen:
            return Evidence(seen=False, detail=f"{self.part} does not run: {asdict(state)}")
        self.memory.update(running=True, networks=list(state.networks))
        return self.witness.answered(target)

    def refuse_down(self, target: Target) -> None:
        """Raise EnvironmentProblem when the part does not run: nothing would be broken."""
        state = target.state(self.part)
        if not state.running or state.frozen:
            raise EnvironmentProblem(
                f"{self.part} is down already, {self.name} could break nothing",
                "heal the other fault first, or aim at another part",
            )

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The witness is not answered any more."""
        return self.witness.unanswered(target)

    def heal(self, target: Target) -> None:
        """Start it if it ran before and does not run now."""
        if self.memory.get("running"):
            target.start(self.part)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """It runs on its networks as before, and the witness is answered."""
        if not self.memory.get("running"):
            return Evidence(seen=True, detail=f"{self.part} was not touched")
        state = target.state(self.part)
        if not state.running or state.frozen:
            return Evidence(seen=False, detail=f"{self.part} does not run: {asdict(state)}")
        if list(state.networks) != self.memory["networks"]:
            return Evidence(
                seen=False,
                detail=f"{self.part} is on {state.networks}, it was on {self.memory['networks']}",
            )
        return self.witness.answered(target)
