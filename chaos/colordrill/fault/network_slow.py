"""Faults of a link's speed: late, narrow, slow to end."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from colordrill.errors import UsageProblem
from colordrill.fault.network_links import CURE, LINK_TARGETS, Direction, LinkFault
from colordrill.fault.parameters import whole
from colordrill.fault.peers import Answer, Ending
from colordrill.fault.protocol import About
from colordrill.stack.target import Target

LATENCY_LEAST_MS = 50
"""Less than this drowns in the noise of a busy host of two cores."""

DELAY_MAX_MS = 60_000
RATE_MAX_KB_S = 100_000
SHARE = 0.5
"""So much of what was injected must be seen by the peer, as time beyond the healthy link's."""

PATIENCE_S = 1.2
"""How long the peer waits for data; what would take longer must at least not come by then."""

BULK_LEAST_S = 0.1
"""What the peer's largest request must take at the rate, or the rate could not be seen."""


@dataclass(slots=True, kw_only=True)
class SlowLink(LinkFault):
    """A link on which the peer's request takes longer than it did."""

    def remember(self, answer: Answer) -> None:
        """The time that the healthy link takes."""
        self.memory["healthy_s"] = answer.total_s

    @abstractmethod
    def expected_s(self) -> float:
        """The time that the fault adds to the peer's request, at the least."""

    def shows(self, answer: Answer) -> bool:
        """Later than before by half of what was injected, or not there when patience ended."""
        if answer.ending not in (Ending.CLOSED, Ending.SILENT):
            return False
        late_s = answer.total_s - float(self.memory.get("healthy_s", answer.total_s))
        return late_s >= SHARE * min(self.expected_s(), PATIENCE_S)


@dataclass(slots=True, kw_only=True)
class NetworkLatency(SlowLink):
    """Data arrive late.

    Attributes:
        latency_ms: added in each stream of the direction.
        jitter_ms: by which it varies, up and down.
    """

    name: ClassVar[str] = "network_latency"
    about: ClassVar[About] = About(
        effect="Everything on the link arrives late, by the latency give or take the jitter, in "
        "each direction chosen. Nothing is lost.",
        method="A `latency` toxic of Toxiproxy on each stream of the direction. Parameters: "
        f"`latency_ms` {LATENCY_LEAST_MS} to {DELAY_MAX_MS:,}, `jitter_ms` at most half of it.",
        evidence="The peer's own request from inside its container takes longer than on the "
        "healthy link by at least half of the latency, twice in a row; one that takes longer than "
        f"{PATIENCE_S:g} s is given up, and counts as late.",
        cure=CURE,
        incidents="Slow is worse than dead: health checks pass while queues fill (`grey failure`, "
        "Huang et al., HotOS 2017). A fail-over to another region puts a storage that was a "
        "millisecond away behind tens of them; part of GitHub's 24 hours of degraded service "
        "after 2018-10-21 were writes across the continent.",
        targets=LINK_TARGETS,
    )

    latency_ms: int = 500
    jitter_ms: int = 0

    def __post_init__(self) -> None:
        """Refuse latencies that could not be seen or would never end."""
        LinkFault.__post_init__(self)
        whole("latency_ms", self.latency_ms, LATENCY_LEAST_MS, DELAY_MAX_MS)
        whole("jitter_ms", self.jitter_ms, 0, int(self.latency_ms) // 2)

    @property
    def kind(self) -> str:
        """Toxiproxy's type of toxic."""
        return "latency"

    @property
    def attributes(self) -> dict[str, int]:
        """Latency and jitter."""
        return {"latency": int(self.latency_ms), "jitter": int(self.jitter_ms)}

    def measure(self, target: Target) -> Answer:
        """The peer's small request."""
        return self.peer.ask(target, limit_s=PATIENCE_S)

    def expected_s(self) -> float:
        """One latency: of a request, or of its answer."""
        return self.latency_ms / 1000


@dataclass(slots=True, kw_only=True)
class NetworkBandwidth(SlowLink):
    """The link is narrow.

    Attributes:
        rate_kb_s: 1000 bytes a second, for each connection, in each stream of the direction.
    """

    name: ClassVar[str] = "network_bandwidth"
    about: ClassVar[About] = About(
        effect="Each connection of the link carries no more than the rate: small requests pass, "
        "photos and backups crawl.",
        method="A `bandwidth` toxic of Toxiproxy on each stream of the direction. Parameter "
        f"`rate_kb_s` (1000 bytes a second): 1 to {RATE_MAX_KB_S:,}.",
        evidence="The peer sends and gets its largest request from inside its container, which "
        "takes longer than on the healthy link by at least half of what the rate makes of its "
        f"bytes. A rate at which they take less than {BULK_LEAST_S:g} s cannot be seen, and is "
        "refused before anything is touched.",
        cure=CURE,
        incidents="A restore is as slow as its narrowest link: GitLab's of 2017-01-31 took some 18 "
        "hours, because the copy came from slow disks at about 60 Mbit/s. Backups that outgrow "
        "their uplink overlap with the next one, and then are no longer hourly.",
        targets=LINK_TARGETS,
    )

    rate_kb_s: int = 10

    def __post_init__(self) -> None:
        """Refuse no bandwidth, which is a black hole, and one beyond any link."""
        LinkFault.__post_init__(self)
        whole("rate_kb_s", self.rate_kb_s, 1, RATE_MAX_KB_S)

    @property
    def kind(self) -> str:
        """Toxiproxy's type of toxic."""
        return "bandwidth"

    @property
    def attributes(self) -> dict[str, int]:
        """The rate."""
        return {"rate": int(self.rate_kb_s)}

    def measure(self, target: Target) -> Answer:
        """The peer's large request."""
        return self.peer.ask(target, self.peer.bulk, limit_s=PATIENCE_S)

    def remember(self, answer: Answer) -> None:
        """Time and bytes of the healthy link; refuses a rate that they would not feel."""
        self.memory["healthy_s"] = answer.total_s
        through = {Direction.UPSTREAM: len(self.peer.bulk), Direction.DOWNSTREAM: answer.size}
        self.memory["through"] = through.get(Direction(self.direction), sum(through.values()))
        most = int(self.memory["through"] / BULK_LEAST_S / 1000)
        if self.rate_kb_s > most:
            raise UsageProblem(
                f"rate_kb_s must be at most {most} on {self.target_name} ({self.direction}), not "
                f"{self.rate_kb_s}: {self.peer} could not see it"
            )

    def expected_s(self) -> float:
        """What the rate makes of the peer's bytes."""
        return float(self.memory.get("through", 0)) / (self.rate_kb_s * 1000)


@dataclass(slots=True, kw_only=True)
class NetworkSlowClose(SlowLink):
    """Connections end late.

    Attributes:
        delay_ms: between the server's end and the client's hearing of it.
    """

    name: ClassVar[str] = "network_slow_close"
    directions: ClassVar[tuple[Direction, ...]] = (Direction.DOWNSTREAM,)
    about: ClassVar[About] = About(
        effect="All data arrive, but the end of a connection arrives late: whoever reads until the "
        "end waits, and connections pile up.",
        method="A `slow_close` toxic of Toxiproxy on the stream from the server. Parameter "
        f"`delay_ms`: {LATENCY_LEAST_MS} to {DELAY_MAX_MS:,}.",
        evidence="The peer asks from inside its container with `Connection: close` and reads until "
        "the end, which comes later than on the healthy link by at least half of the delay, twice "
        "in a row, while its first line came at once.",
        cure=CURE,
        incidents="Servers that do not close leave their clients' pools full of half-closed "
        "connections (CLOSE_WAIT, FIN_WAIT2), until no new one can be opened; load balancers have "
        "a time limit of its own for that (HAProxy's `timeout client-fin`).",
        targets=LINK_TARGETS,
    )

    direction: str = Direction.DOWNSTREAM
    delay_ms: int = 500

    def __post_init__(self) -> None:
        """Refuse delays that could not be seen or would never end."""
        LinkFault.__post_init__(self)
        whole("delay_ms", self.delay_ms, LATENCY_LEAST_MS, DELAY_MAX_MS)

    @property
    def kind(self) -> str:
        """Toxiproxy's type of toxic."""
        return "slow_close"

    @property
    def attributes(self) -> dict[str, int]:
        """The delay."""
        return {"delay": int(self.delay_ms)}

    def measure(self, target: Target) -> Answer:
        """The peer's small request, after which the server closes."""
        return self.peer.ask(target, limit_s=PATIENCE_S)

    def expected_s(self) -> float:
        """The delay."""
        return self.delay_ms / 1000

    def shows(self, answer: Answer) -> bool:
        """The first line came at once, the end came late."""
        prompt = self.peer.expected(answer) and answer.first_s <= answer.total_s / 2
        # a dataclass with slots is a new class, which super() does not know of
        return prompt and SlowLink.shows(self, answer)


FAULTS: tuple[type, ...] = (NetworkLatency, NetworkBandwidth, NetworkSlowClose)
