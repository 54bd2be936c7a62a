"""What latent defects of the DR site share: its container is created differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.witness import a_look
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, PartChanges, PartDescription, Target

SIZE_MIN_PX, SIZE_MAX_PX = 32, 4096
EVIDENCE = (
    "The engine is asked how the container that stands by was really created: it differs from "
    "before in just this."
)
CURE = (
    "The container is created anew as the compose file describes it. It is read back by the "
    "engine's description, which is as before."
)
TARGETS = ("dr-colorization",)


@dataclass
class DrFault:
    """The DR site's container, created differently.

    Attributes:
        target_name: the part: the DR site's colorization service.
        memory: ``before``: how it was created.
    """

    target_name: str = str(Part.DR_COLORIZATION)
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    name: ClassVar[str]
    about: ClassVar[About]
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.RECREATE})

    def __post_init__(self) -> None:
        """Refuse another part."""
        if self.target_name != Part.DR_COLORIZATION:
            known = [Part.DR_COLORIZATION]
            raise UnknownName("part of the DR site", str(self.target_name), known)

    @property
    def part(self) -> Part:
        """The part."""
        return Part(self.target_name)

    def changes(self) -> PartChanges:
        """How the container is to differ."""
        return PartChanges()

    def wanted(self) -> Mapping[str, Any]:
        """What of the description must be seen then, by the names that `_facts` uses."""
        return {}

    def healthy(self, target: Target) -> Evidence:
        """How it was created is remembered; it must differ from what is to come."""
        facts = _facts(target.description(self.part))
        differs = any(facts.get(name) != value for name, value in self.wanted().items())
        if differs:
            self.memory["before"] = facts
        return Evidence(
            seen=differs,
            detail=f"{self.part} was created {'otherwise' if differs else 'like that already'}",
        )

    def inject(self, target: Target) -> None:
        """Create it anew, differently."""
        if "before" not in self.memory:
            raise EnvironmentProblem(f"{self.part} was never looked at")
        target.recreate(self.part, self.changes())

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The container that is there was created with what is wanted."""
        if not target.state(self.part).exists:
            return Evidence(seen=False, detail=f"there is no {self.part}")
        facts = _facts(target.description(self.part))
        wanted = self.wanted()
        shown = {name: facts.get(name) for name in wanted}
        return Evidence(seen=shown == wanted, detail=f"{self.part} was created with {shown}")

    def heal(self, target: Target) -> None:
        """Create it as it is described, unless it is so already."""
        if "before" not in self.memory:
            return
        if not target.state(self.part).exists or not self.healed(target).seen:
            target.recreate(self.part)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """It was created as before."""
        before = self.memory.get("before")
        if before is None:
            return Evidence(seen=True, detail=f"{self.part} was not touched")
        if not target.state(self.part).exists:
            return Evidence(seen=False, detail=f"there is no {self.part}")
        facts = _facts(target.description(self.part))
        other = sorted(key for key in {*facts, *before} if facts.get(key) != before.get(key))
        detail = f"different: {', '.join(other)}" if other else f"{self.part} is as before"
        return Evidence(seen=not other, detail=detail)


def _facts(described: PartDescription) -> dict[str, Any]:
    """A description as JSON. Of the environment only what the service reads: no secrets."""
    environment = described.environment
    return {
        "image": described.image,
        "image_id": described.image_id,
        "restart": described.restart,
        "read_only": list(described.read_only),
        **{f"mount {folder}": path for path, folder in described.mounts.items()},
        **{
            f"environment {name}": environment[name]
            for name in ("MODEL_SIZE", "DEVICE")
            if name in environment
        },
    }
