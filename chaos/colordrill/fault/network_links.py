"""What all faults of a link have in common: its toxics, their removal, a peer that uses it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from colordrill.clock import Clock, SystemClock
from colordrill.errors import EnvironmentProblem
from colordrill.fault.parameters import choice, member
from colordrill.fault.peers import LINK_PEERS, Answer, Ending, Peer
from colordrill.fault.protocol import About, Evidence
from colordrill.stack.links import LinkName, replace_toxiproxy, toxiproxy_of
from colordrill.stack.target import Capability, Target
from colordrill.stack.toxiproxy import Stream, Toxic


class Direction(StrEnum):
    """Which streams of a link are spoiled."""

    BOTH = "both"
    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that it means."""
        return tuple(Stream) if self is Direction.BOTH else (Stream(self.value),)


LINK_TARGETS = tuple(f"{link}: {peer}" for link, peer in LINK_PEERS.items())
CURE = (
    "The toxics are removed, and the link is read back from Toxiproxy: none is left. The peer "
    "must then be served as before. Where Toxiproxy waits for clients that have gone, the link is "
    "made anew instead, which cuts its connections. A control API that does not answer within 5 s "
    "is not asked again: Toxiproxy is killed and started anew, with the links of its file, and "
    "read back."
)


@dataclass(slots=True, kw_only=True)
class LinkFault(ABC):
    """A link that is spoiled by toxics of this fault's own name.

    Attributes:
        target_name: the link.
        memory: set by `healthy`; whether there is anything to heal.
    """

    name: ClassVar[str]
    about: ClassVar[About]
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.TOXIPROXY, Capability.EXECUTE, Capability.KILL}
    )
    directions: ClassVar[tuple[Direction, ...]] = tuple(Direction)

    target_name: str
    direction: str = Direction.BOTH
    memory: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(init=False, repr=False, default_factory=SystemClock)

    def __post_init__(self) -> None:
        """Refuse links that do not exist, and directions that mean nothing here."""
        member("link", self.target_name, LinkName)
        choice("direction", self.direction, self.directions)

    @property
    def peer(self) -> Peer:
        """Who uses the link."""
        return LINK_PEERS[LinkName(self.target_name)]

    @property
    @abstractmethod
    def kind(self) -> str:
        """Toxiproxy's type of toxic."""

    @property
    @abstractmethod
    def attributes(self) -> dict[str, int]:
        """Toxiproxy's attributes of it."""

    @abstractmethod
    def measure(self, target: Target) -> Answer:
        """The peer's request that shows the fault; asked before, during and after it."""

    @abstractmethod
    def remember(self, answer: Answer) -> None:
        """Keep in `memory` what *answer*, of the healthy link, is compared with later."""

    @abstractmethod
    def shows(self, answer: Answer) -> bool:
        """Whether *answer* shows the fault."""

    def toxics(self) -> tuple[Toxic, ...]:
        """One for each stream, named so that no other fault's is ever removed."""
        return tuple(
            Toxic(f"colordrill-{self.name}-{stream}", self.kind, stream, self.attributes)
            for stream in Direction(self.direction).streams
        )

    def healthy(self, target: Target) -> Evidence:
        """The link is open and its peer is served; the peer's times are remembered."""
        if not toxiproxy_of(target).links()[self.target_name].enabled:
            return Evidence(seen=False, detail=f"link {self.target_name} is off already")
        answer = self.peer.ask(target)
        if not self.peer.fine(answer):
            return Evidence(seen=False, detail=f"{self.peer}: {answer}")
        measured = self.measure(target)
        self.memory["began"] = True
        self.remember(measured)
        return Evidence(seen=True, detail=f"{self.peer}: {measured}")

    def inject(self, target: Target) -> None:
        """Add the toxics; each is read back."""
        server = toxiproxy_of(target)
        for toxic in self.toxics():
            server.add_toxic(self.target_name, toxic)

    def evidence(self, target: Target) -> Evidence:
        """The peer asks as before; a difference of times must show twice in a row."""
        shown, answer = self._look(target)
        return Evidence(seen=shown, detail=f"{self.peer}: {answer}")

    def heal(self, target: Target) -> None:
        """Take the toxics off; a Toxiproxy whose control API is dead or stuck is replaced."""
        if not self.memory:
            return
        try:
            self.undo(target)
        except EnvironmentProblem:
            replace_toxiproxy(target, self.clock)
            self.undo(target)

    def undo(self, target: Target) -> None:
        """Ask the control API to take the toxics off."""
        names = [toxic.name for toxic in self.toxics()]
        toxiproxy_of(target).remove_toxics(self.target_name, names)

    def healed(self, target: Target) -> Evidence:
        """No toxic of this fault is left on the server, and the peer is served as before."""
        link = toxiproxy_of(target).links()[self.target_name]
        left = sorted({toxic.name for toxic in self.toxics()} & set(link.toxics))
        if left or not link.enabled:
            state = "on" if link.enabled else "off"
            return Evidence(seen=False, detail=f"link {link.name} is {state} and carries {left}")
        answer = self.peer.ask(target)
        if not self.peer.fine(answer):
            return Evidence(seen=False, detail=f"{self.peer}: {answer}")
        shown, measured = self._look(target)
        return Evidence(seen=not shown, detail=f"no toxic of it is left; {self.peer}: {measured}")

    def _look(self, target: Target) -> tuple[bool, Answer]:
        answer = self.measure(target)
        if self.shows(answer) and answer.ending is Ending.CLOSED:
            # once may be the host's noise
            answer = self.measure(target)
        return self.shows(answer), answer
