"""The pairs of parts that really talk to each other, and the request by which a cut is seen."""

from __future__ import annotations

from collections.abc import Callable

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.peers import LINK_PEERS, Peer, http_peer, rsync_peer, storage_peer
from colordrill.stack.links import LinkName, toxiproxy_of
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

CUT_LIMIT_S = 0.5
"""How long a peer waits; neighbours on one host connect within milliseconds."""

PeerOf = Callable[[Target], Peer]


def _link(link: LinkName) -> PeerOf:
    return lambda _target: LINK_PEERS[link]


def _behind(link: LinkName, make: Callable[[Part, str, int], Peer]) -> PeerOf:
    """The server of *link*, asked by Toxiproxy's container without Toxiproxy."""

    def peer(target: Target) -> Peer:
        host, _, port = toxiproxy_of(target).links()[link].upstream.rpartition(":")
        return make(Part.TOXIPROXY, host, int(port))

    return peer


def _service(part: Part, host: str, port: int) -> Peer:
    return http_peer(part, host, port, "/system_stats", "/object_info")


def _dr_service(target: Target) -> Peer:
    port = target.description(Part.GATEWAY).environment.get("SITE_PORT", "")
    if not port.isdecimal():
        raise EnvironmentProblem(f"the gateway's SITE_PORT is no port: {port!r}")
    return _service(Part.GATEWAY, Part.DR_COLORIZATION, int(port))


PAIRS: dict[tuple[Part, Part], PeerOf] = {
    (Part.GATEWAY, Part.TOXIPROXY): _link(LinkName.GATEWAY_PRIMARY),
    (Part.GATEWAY, Part.DR_COLORIZATION): _dr_service,
    (Part.TOXIPROXY, Part.PRIMARY_COLORIZATION): _behind(LinkName.GATEWAY_PRIMARY, _service),
    (Part.TOXIPROXY, Part.PRIMARY_STORAGE): _behind(LinkName.PRIMARY_STORAGE, storage_peer),
    (Part.TOXIPROXY, Part.BACKUP): _behind(LinkName.PRIMARY_BACKUP, rsync_peer),
    (Part.PRIMARY_MIRROR, Part.TOXIPROXY): _link(LinkName.PRIMARY_STORAGE),
    (Part.PRIMARY_AGENT, Part.TOXIPROXY): _link(LinkName.PRIMARY_BACKUP),
    (Part.DR_AGENT, Part.BACKUP): lambda _target: rsync_peer(Part.DR_AGENT, Part.BACKUP, 8730),
}
"""Who asks and who answers, to the peer that shows whether they reach each other."""

PAIR_NAMES = tuple(f"{asks}|{answers}" for asks, answers in PAIRS)


def pair_of(name: str) -> tuple[Part, Part]:
    """The two parts of ``A|B``, in the order given; either order of a pair is one.

    Raises:
        UnknownName: they are no parts, or two that never talk: a cut between them means nothing.
    """
    first, _, second = str(name).partition("|")
    for asks, answers in PAIRS:
        if (first, second) == (asks, answers):
            return asks, answers
        if (first, second) == (answers, asks):
            return answers, asks
    raise UnknownName("pair of parts that talk to each other", str(name), PAIR_NAMES)


def peer_of(pair: tuple[Part, Part], target: Target) -> Peer:
    """Who asks whom in *pair*, whichever way round it was named.

    Raises:
        EnvironmentProblem: Toxiproxy or the engine does not say where the answering part listens.
    """
    known = PAIRS.get(pair) or PAIRS[pair[1], pair[0]]
    return known(target)
