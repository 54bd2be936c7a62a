"""What a fault is: something broken on purpose that carries its own cure and its own evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

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


@dataclass(frozen=True, slots=True)
class About:
    """What a fault's page in the reference says; one or a few sentences each.

    Attributes:
        effect: what it does to the service.
        method: how it is made.
        evidence: which peer looks, and what it must see.
        cure: how it is undone, and how that is read back.
        incidents: what has really happened to people.
        targets: what it can be aimed at.
    """

    effect: str
    method: str
    evidence: str
    cure: str
    incidents: str
    targets: tuple[str, ...]


class Fault(Protocol):
    """Inject, prove, heal, read back. Acts only through a Target.

    Implementations are dataclasses: ``target_name`` and the fault's parameters are their
    constructor's arguments, checked there (UsageProblem, UnknownName). The class attributes
    ``name`` and ``about`` name and describe it.

    `heal` must be safe to call at any time: before `inject`, twice, after a half-done `inject`, or
    in another process than the one that injected. Whatever it needs to know is in `memory`, which
    holds JSON values only, is written to the run's ledger before and after `inject`, and is set
    again before a later process heals.
    """

    name: ClassVar[str]
    about: ClassVar[About]
    requires: ClassVar[frozenset[Capability]]
    memory: dict[str, Any]

    @property
    def target_name(self) -> str:
        """What is broken."""

    def healthy(self, target: Target) -> Evidence:
        """The peer's probe before the fault: `seen` is True when it finds nothing wrong.

        Always called before `inject`; a fault remembers here, in `memory`, what it has to restore.
        """

    def inject(self, target: Target) -> None:
        """Break it. Raises EnvironmentProblem when it could not be broken."""

    def evidence(self, target: Target) -> Evidence:
        """One look by a peer, never read from the injector's own API."""

    def heal(self, target: Target) -> None:
        """Undo it. Raises EnvironmentProblem when it could not be undone."""

    def healed(self, target: Target) -> Evidence:
        """One look whether the cure worked: `seen` is True when everything is as it was."""
