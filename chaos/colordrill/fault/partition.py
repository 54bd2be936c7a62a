"""Partitions that cut for real: two parts that do not reach each other any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem
from colordrill.fault.network_filter import (
    Rule,
    from_address,
    insert,
    present,
    remove,
    to_address,
)
from colordrill.fault.parameters import choice
from colordrill.fault.partition_pairs import CUT_LIMIT_S, PAIR_NAMES, pair_of, peer_of
from colordrill.fault.peers import Answer, Ending, Peer
from colordrill.fault.protocol import About, Evidence
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, Target

RESOLVE_LIMIT_S = 5.0
CUT_OFF = frozenset({Ending.UNREACHABLE, Ending.SILENT})
"""What a peer gets from one whose packets, or its own, are dropped: never a refusal."""

LOST = CUT_OFF | {Ending.UNRESOLVED}
"""The same where the network itself is gone, and the name with it."""

INCIDENTS = (
    "GitHub, 2018-10-21: 43 seconds without the link between two data centres, both sides took "
    "writes, and 24 hours of degraded service followed. AWS EBS, 2011-04-21: a wrong traffic shift "
    "cut the primary network, and very many volumes searched for a new mirror at once. Cloudflare, "
    "2020-11-02: a switch that had half failed let some machines talk and others not, an etcd "
    "cluster could not settle on a leader, databases failed over, and the API was degraded for "
    "hours."
)


class Way(StrEnum):
    """Which packets are lost, seen from the part named first."""

    BOTH = "both"
    TO = "to"
    FROM = "from"


@dataclass(slots=True, kw_only=True)
class Cut:
    """Two parts of a pair, the peer that misses the other, and what both kinds of cuts share.

    Attributes:
        target_name: ``A|B``: the cut is made at A.
        memory: what the cure needs; set by `healthy`.
    """

    losses: ClassVar[frozenset[Ending]]
    target_name: str
    memory: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parts that do not exist or never talk."""
        pair_of(self.target_name)

    @property
    def pair(self) -> tuple[Part, Part]:
        """A and B."""
        return pair_of(self.target_name)

    def healthy(self, target: Target) -> Evidence:
        """One of the two reaches the other."""
        peer = peer_of(self.pair, target)
        answer = peer.ask(target, limit_s=CUT_LIMIT_S)
        self.memory["began"] = True
        return Evidence(seen=peer.fine(answer), detail=f"{peer}: {answer}")

    def evidence(self, target: Target) -> Evidence:
        """The peer's request is lost; a refusal, or an answer, is no cut."""
        peer, answer = self.look(target)
        return Evidence(seen=answer.ending in self.losses, detail=f"{peer}: {answer}")

    def look(self, target: Target) -> tuple[Peer, Answer]:
        """One request of the pair's peer."""
        peer = peer_of(self.pair, target)
        return peer, peer.ask(target, limit_s=CUT_LIMIT_S)

    def reached(self, target: Target, so_far: str) -> Evidence:
        """The rest of the read-back: the peer is answered again."""
        peer, answer = self.look(target)
        return Evidence(seen=peer.fine(answer), detail=f"{so_far}; {peer}: {answer}")


@dataclass(slots=True, kw_only=True)
class Partition(Cut):
    """Packets between two parts are dropped, both ways or one way.

    Attributes:
        direction: which packets: ``both``, ``to`` B, or ``from`` B.
    """

    name: ClassVar[str] = "partition"
    losses: ClassVar[frozenset[Ending]] = CUT_OFF
    about: ClassVar[About] = About(
        effect="Two parts that talk do not reach each other any more: connections under way stall, "
        "new ones hang. Everything else reaches both. One way, only the packets to B, or only "
        "those from it, are lost.",
        method="The privileged helper enters A's network namespace and drops, by iptables (and "
        "ip6tables where B has such an address), the packets to or from every address by which A "
        "knows B. Parameter `direction`: both, to, from. A B that gets another address meanwhile "
        "is not cut off from that.",
        evidence="The one that asks in daily work, from inside its container, gets no connection "
        "or no byte within its limit. A refusal does not count: that is a service which is down.",
        cure="Every rule with this fault's tag is removed; iptables must list none, and the peer "
        "must be answered again. A part that was started anew meanwhile has no rules.",
        incidents=INCIDENTS,
        targets=PAIR_NAMES,
    )
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PACKET_FILTER, Capability.EXECUTE}
    )

    direction: str = Way.BOTH

    def __post_init__(self) -> None:
        """Refuse unknown pairs and directions."""
        Cut.__post_init__(self)
        choice("direction", self.direction, tuple(Way))

    @property
    def tag(self) -> str:
        """What marks this fault's rules."""
        first, second = self.pair
        return f"colordrill-{self.name}-{first}-{second}"

    def inject(self, target: Target) -> None:
        """Drop the packets."""
        first, second = self.pair
        rules: list[Rule] = []
        for address in _addresses(target, first, second):
            if self.direction in (Way.BOTH, Way.TO):
                rules.append(to_address(address))
            if self.direction in (Way.BOTH, Way.FROM):
                rules.append(from_address(address))
        insert(target, first, self.tag, rules)

    def heal(self, target: Target) -> None:
        """Remove this fault's rules, and no others."""
        if self.memory:
            remove(target, self.pair[0], self.tag)

    def healed(self, target: Target) -> Evidence:
        """No rule of this fault is listed, and the peer is answered."""
        left = present(target, self.pair[0], self.tag)
        if left:
            return Evidence(seen=False, detail=f"{self.pair[0]} still has {left}")
        return self.reached(target, f"no rule {self.tag} is left")


@dataclass(slots=True, kw_only=True)
class NetworkDetached(Cut):
    """A part is unplugged from the networks that it shares with another."""

    name: ClassVar[str] = "network_detached"
    losses: ClassVar[frozenset[Ending]] = LOST
    about: ClassVar[About] = About(
        effect="A is unplugged from every network that it shares with B, as if a cable was drawn "
        "or a network deleted: connections break, and names there are not resolved any more. Other "
        "parts of these networks lose A too; A keeps its other networks.",
        method="The engine detaches A's container from the networks that both are in.",
        evidence="The one that asks in daily work, from inside its container, does not resolve the "
        "other's name, or gets no connection or byte within its limit.",
        cure="A is attached again with the aliases that it had; the engine must list the same "
        "networks as before, and the peer must be answered again.",
        incidents=INCIDENTS,
        targets=PAIR_NAMES,
    )
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.NETWORK_CUT, Capability.EXECUTE}
    )

    def healthy(self, target: Target) -> Evidence:
        """One reaches the other; A's networks are remembered for the cure."""
        first, second = self.pair
        attached = target.state(first).networks
        shared = sorted(set(attached) & set(target.state(second).networks))
        if not shared:
            return Evidence(seen=False, detail=f"{first} and {second} share no network")
        # the aliases are known once it is detached; until then the one that compose gives
        self.memory.update(all=list(attached), networks={each: [str(first)] for each in shared})
        return Cut.healthy(self, target)

    def inject(self, target: Target) -> None:
        """Detach A."""
        networks: Mapping[str, list[str]] = self.memory.get("networks", {})
        if not networks:
            raise EnvironmentProblem(
                f"{self.name}: the networks of {self.target_name} were not looked at before",
                "call healthy() first",
            )
        detached = target.isolate(self.pair[0], list(networks))
        self.memory["networks"] = {name: list(aliases) for name, aliases in detached.items()}

    def heal(self, target: Target) -> None:
        """Attach A again, where it is not attached."""
        networks = self.memory.get("networks", {})
        if networks and target.state(self.pair[0]).exists:
            target.rejoin(self.pair[0], networks)

    def healed(self, target: Target) -> Evidence:
        """A is in the networks in which it was, and the peer is answered."""
        now, before = target.state(self.pair[0]).networks, self.memory.get("all")
        if before is not None and list(now) != before:
            return Evidence(seen=False, detail=f"{self.pair[0]} is in {now}, it was in {before}")
        return self.reached(target, f"{self.pair[0]} is in {', '.join(now)}")


def _addresses(target: Target, at: Part, of: Part) -> list[str]:
    """Every address by which *at* knows *of*."""
    done = target.execute(at, ["getent", "ahosts", of], timeout_s=RESOLVE_LIMIT_S)
    found = sorted({line.split()[0] for line in done.stdout.splitlines() if line.strip()})
    if done.exit_code != 0 or not found:
        raise EnvironmentProblem(
            f"{at} knows no address of {of} (exit {done.exit_code}): {done.stderr.strip()[:200]}",
            f"is {of} up, and do they share a network?",
        )
    return found


FAULTS: tuple[type, ...] = (Partition, NetworkDetached)
