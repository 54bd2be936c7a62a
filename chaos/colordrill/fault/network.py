"""Faults of a link's data: lost, cut, refused. Its slowness is in `network_slow`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from colordrill.errors import UsageProblem
from colordrill.fault.network_links import CURE, LINK_TARGETS, Direction, LinkFault
from colordrill.fault.parameters import whole
from colordrill.fault.peers import Answer, Ending
from colordrill.fault.protocol import About
from colordrill.stack.links import toxiproxy_of
from colordrill.stack.target import Target
from colordrill.stack.toxiproxy import Toxic

BYTES_MAX = 1_000_000_000
CUT_SHARE = 0.9
"""An answer below this share of the healthy one is cut; numbers in it vary by some bytes."""

SILENCE_S = 0.6
"""A healthy peer has its answer after some milliseconds; so long without any is a black hole."""


@dataclass(slots=True, kw_only=True)
class NetworkBlackHole(LinkFault):
    """Data vanish on the way; connections are accepted and stay open."""

    name: ClassVar[str] = "network_black_hole"
    about: ClassVar[About] = About(
        effect="Connections are accepted and stay open, but no data come through: whoever asks "
        "waits until a time limit of their own. Nothing reports an error.",
        method="A `timeout` toxic of Toxiproxy with timeout 0 on each stream of the direction: "
        "data are swallowed, connections are not closed.",
        evidence="The peer connects from inside its container, asks, and after "
        f"{SILENCE_S:g} s has no answer, on a connection that is still open. A refusal or an end "
        "does not count.",
        cure=CURE,
        incidents="Load balancers forget idle connections, and some say nothing (Azure's after 4 "
        "minutes, unless TCP reset is switched on): the next request hangs. Firewalls that drop "
        "instead of refuse look the same, and so do lost path-MTU messages: small packets pass, "
        "large ones vanish. Clients without a time limit, as `requests` is by default, wait for "
        "ever.",
        targets=LINK_TARGETS,
    )

    @property
    def kind(self) -> str:
        """Toxiproxy's type of toxic."""
        return "timeout"

    @property
    def attributes(self) -> dict[str, int]:
        """Never closed by itself."""
        return {"timeout": 0}

    def measure(self, target: Target) -> Answer:
        """A request that has no end when it is lost.

        A server that closes after its answer would end the connection although the answer is lost;
        one that greets first must be asked for more, which it never hears of.
        """
        lost = self.direction == Direction.UPSTREAM
        request = self.peer.request if lost else self.peer.staying
        return self.peer.ask(target, request, limit_s=SILENCE_S)

    def remember(self, answer: Answer) -> None:
        """How much comes where data flow."""
        self.memory["size"] = answer.size

    def shows(self, answer: Answer) -> bool:
        """Connected, and no answer came, or nothing but a greeting."""
        least = CUT_SHARE * float(self.memory.get("size", 0))
        return answer.ending is Ending.SILENT and answer.size < least


@dataclass(slots=True, kw_only=True)
class NetworkReset(LinkFault):
    """Connections are accepted and reset at once."""

    name: ClassVar[str] = "network_reset"
    directions: ClassVar[tuple[Direction, ...]] = (Direction.BOTH,)
    about: ClassVar[About] = About(
        effect="Every connection is accepted and then reset: requests fail at once, in the middle "
        "of what they were sending.",
        method="A `reset_peer` toxic of Toxiproxy with timeout 0 on both streams: a TCP RST to "
        "both ends.",
        evidence="The peer's own request, from inside its container, ends with `Connection reset "
        "by peer`. An orderly end, a refusal and silence do not count.",
        cure=CURE,
        incidents="AWS's NAT gateway and network load balancer answer with a reset whoever was "
        "idle for 350 s; a server that is restarted resets what its predecessor accepted. Clients "
        "that repeat a POST after one submit their job twice.",
        targets=LINK_TARGETS,
    )

    @property
    def kind(self) -> str:
        """Toxiproxy's type of toxic."""
        return "reset_peer"

    @property
    def attributes(self) -> dict[str, int]:
        """At once."""
        return {"timeout": 0}

    def measure(self, target: Target) -> Answer:
        """The peer's small request."""
        return self.peer.ask(target)

    def remember(self, answer: Answer) -> None:
        """How much comes where nothing resets."""
        self.memory["size"] = answer.size

    def shows(self, answer: Answer) -> bool:
        """Reset, not merely ended."""
        return answer.ending is Ending.RESET


@dataclass(slots=True, kw_only=True)
class NetworkCutAfter(LinkFault):
    """Every connection ends after so many bytes.

    Attributes:
        bytes: that each connection lets through, in each stream of the direction.
    """

    name: ClassVar[str] = "network_cut_after"
    about: ClassVar[About] = About(
        effect="Every connection ends after N bytes: what is longer is truncated, and looks "
        "complete to whoever does not compare lengths.",
        method="A `limit_data` toxic of Toxiproxy on each stream of the direction. Parameter "
        f"`bytes`: 1 to {BYTES_MAX:,}.",
        evidence="The peer asks for something long from inside its container and gets less than it "
        "got before. A limit that its longest answer stays below cannot be seen, and is refused "
        "before anything is touched.",
        cure=CURE,
        incidents="Interrupted downloads of checkpoints: ComfyUI then says `SafetensorError: Error "
        "while deserializing header: MetadataIncompleteBuffer`, or loads nothing at all. Copies "
        "without a checksum put truncated pictures into backups.",
        targets=LINK_TARGETS,
    )

    bytes: int = 1000

    def __post_init__(self) -> None:
        """Refuse no bytes and absurdly many."""
        LinkFault.__post_init__(self)
        whole("bytes", self.bytes, 1, BYTES_MAX)

    @property
    def kind(self) -> str:
        """Toxiproxy's type of toxic."""
        return "limit_data"

    @property
    def attributes(self) -> dict[str, int]:
        """The limit."""
        return {"bytes": int(self.bytes)}

    def measure(self, target: Target) -> Answer:
        """The peer's large request."""
        return self.peer.ask(target, self.peer.bulk)

    def remember(self, answer: Answer) -> None:
        """The whole length; refuses a limit that nothing of the peer's would reach."""
        long = {Direction.UPSTREAM: len(self.peer.bulk), Direction.DOWNSTREAM: answer.size}
        longest = long.get(Direction(self.direction), max(long.values()))
        most = int(CUT_SHARE * longest)
        if self.bytes >= most:
            raise UsageProblem(
                f"bytes must be less than {most} on {self.target_name} ({self.direction}), not "
                f"{self.bytes}: {self.peer} has nothing longer, so the cut could not be seen"
            )
        self.memory["size"] = answer.size

    def shows(self, answer: Answer) -> bool:
        """Ended, and short of what came before; a reset is how the rest is refused."""
        least = CUT_SHARE * float(self.memory.get("size", 0))
        return answer.ending in (Ending.CLOSED, Ending.RESET) and answer.size < least


@dataclass(slots=True, kw_only=True)
class NetworkDown(LinkFault):
    """Nobody listens on the link."""

    name: ClassVar[str] = "network_down"
    directions: ClassVar[tuple[Direction, ...]] = (Direction.BOTH,)
    about: ClassVar[About] = About(
        effect="The link is closed: what was connected is cut, and new connections are refused at "
        "once.",
        method="The link is disabled in Toxiproxy, which then does not listen any more.",
        evidence="The peer's connection from inside its container is refused. A connection that "
        "hangs does not count: that is a partition.",
        cure="The link is enabled and read back; the peer must then be served as before. A control "
        "API that does not answer within 5 s is not asked again: Toxiproxy is killed and started "
        "anew, with the links of its file, and read back.",
        incidents="A crashed service behind a machine that lives refuses connections; so does a "
        "service whose port was changed on one side only. ComfyUI listens on 127.0.0.1 unless it "
        "is started with `--listen`, and every container beside it is refused.",
        targets=LINK_TARGETS,
    )

    @property
    def kind(self) -> str:
        """Not a toxic at all."""
        return ""

    @property
    def attributes(self) -> dict[str, int]:
        """None."""
        return {}

    def toxics(self) -> tuple[Toxic, ...]:
        """None."""
        return ()

    def inject(self, target: Target) -> None:
        """Disable the link; it is read back."""
        toxiproxy_of(target).set_enabled(self.target_name, enabled=False)

    def undo(self, target: Target) -> None:
        """Enable the link; it is read back."""
        toxiproxy_of(target).set_enabled(self.target_name, enabled=True)

    def measure(self, target: Target) -> Answer:
        """The peer's small request."""
        return self.peer.ask(target)

    def remember(self, answer: Answer) -> None:
        """How much comes where somebody listens."""
        self.memory["size"] = answer.size

    def shows(self, answer: Answer) -> bool:
        """Refused."""
        return answer.ending is Ending.REFUSED


FAULTS: tuple[type, ...] = (NetworkBlackHole, NetworkReset, NetworkCutAfter, NetworkDown)
