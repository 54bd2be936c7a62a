"""What a fault is: something broken on purpose that carries its own cure and its own evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from colordrill.stack.target import Capability, Target


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a peer saw of a fault.

    Attributes:
        seen: whether the peer saw the effect.
        detail: which peer looked, and what it got.
    """

    seen: bool
    detail: str


class Fault(Protocol):
    """Inject, prove, heal, read back. Acts only through a Target.

    `heal` must be safe to call at any time: before `inject`, twice, or after a half-done `inject`.
    """

    @property
    def name(self) -> str:
        """The fault's name in scenarios and records."""

    @property
    def target_name(self) -> str:
        """What is broken."""

    @property
    def starts_clock(self) -> bool:
        """True for a disaster, False for a latent defect planted before."""

    @property
    def requires(self) -> frozenset[Capability]:
        """Capabilities of the target without which the fault cannot be injected."""

    def healthy(self, target: Target) -> Evidence:
        """The peer's probe before the fault: `seen` is True when it finds nothing wrong.

        Always called before `inject`; a fault may remember here what it has to restore.
        """

    def inject(self, target: Target) -> None:
        """Break it. Raises EnvironmentProblem when it could not be broken."""

    def evidence(self, target: Target) -> Evidence:
        """One look by a peer, never read from the injector's own API."""

    def heal(self, target: Target) -> None:
        """Undo it. Raises EnvironmentProblem when it could not be undone."""

    def healed(self, target: Target) -> Evidence:
        """One look whether the cure worked: `seen` is True when everything is as it was."""
