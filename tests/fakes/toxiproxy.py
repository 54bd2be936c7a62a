"""A Toxiproxy in memory behind a real HTTP server, and a peer that feels its toxics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from colordrill.fault.peers import LINK_PEERS
from colordrill.stack.links import LinkName
from colordrill.stack.parts import TOXIPROXY_PORT, Part
from colordrill.stack.target import Executed
from fakes.part import FakePart
from fakes.service import Reply, Request, ScriptedService, as_json, scripted_service
from fakes.target import FakeTarget

TIMED_OUT = 124
NOT_CONNECTED = 9
LONG_REQUEST = 800
HEALTHY_US = 5_000


@dataclass(slots=True)
class FakeLink:
    """One proxy."""

    upstream: str
    port: int
    enabled: bool = True
    toxics: dict[str, dict[str, Any]] = field(default_factory=dict)

    def attribute(self, kind: str, name: str) -> list[int]:
        """That attribute of every toxic of a kind."""
        return [each["attributes"][name] for each in self.toxics.values() if each["type"] == kind]

    def has(self, kind: str) -> bool:
        return any(each["type"] == kind for each in self.toxics.values())


@dataclass(slots=True)
class FakeToxiproxy:
    """The control API.

    Attributes:
        links: by name.
        forgetful: it says yes to every change, and makes none.
        dead: it answers nothing that Toxiproxy would.
    """

    links: dict[str, FakeLink]
    forgetful: bool = False
    dead: bool = False

    def answer(self, request: Request) -> Reply:
        if self.dead:
            return Reply(hang_up=True)
        words = request.path.strip("/").split("/")
        if words == ["proxies"] and request.method == "GET":
            return as_json({name: self.described(name) for name in self.links})
        if words == ["proxies"]:
            return self._create(json.loads(request.body))
        name, link = words[1], self.links.get(words[1])
        if link is None:
            return as_json({"error": "proxy not found"}, status=404)
        is_toxic = len(words) > len(["proxies", name])
        return self._toxic(link, request, words[3:]) if is_toxic else self._link(name, request)

    def _link(self, name: str, request: Request) -> Reply:
        link = self.links[name]
        if request.method == "DELETE":
            del self.links[name]
            return Reply(204, b"")
        if request.body and not self.forgetful:
            link.enabled = json.loads(request.body)["enabled"]
        return as_json(self.described(name))

    def described(self, name: str) -> dict[str, Any]:
        link = self.links[name]
        listen = f"[::]:{link.port}"
        known = {"name": name, "listen": listen, "upstream": link.upstream}
        return {**known, "enabled": link.enabled, "toxics": list(link.toxics.values())}

    def _create(self, body: dict[str, Any]) -> Reply:
        port = int(body["listen"].rpartition(":")[2])
        self.links[body["name"]] = FakeLink(body["upstream"], port, body["enabled"])
        return as_json(self.described(body["name"]), status=201)

    def _toxic(self, link: FakeLink, request: Request, names: list[str]) -> Reply:
        if request.method == "GET":
            return as_json(list(link.toxics.values()))
        if request.method == "DELETE":
            if not self.forgetful:
                link.toxics.pop(names[0], None)
            return Reply(204, b"")
        toxic = json.loads(request.body)
        if not self.forgetful:
            link.toxics[toxic["name"]] = toxic
        return as_json(toxic)


def fresh_links() -> dict[str, FakeLink]:
    """The links of the stack as its file has them."""
    return {link: FakeLink(f"{link}.example:1", peer.port) for link, peer in LINK_PEERS.items()}


@dataclass(slots=True)
class ToxicLab:
    """A target whose Toxiproxy is in memory, and whose peers feel what it does.

    Attributes:
        target: every part that a link's peer needs.
        toxiproxy: what is behind the control API.
        service: the server of the control API.
        unaffected: peers that get good answers whatever the toxics are.
    """

    target: FakeTarget
    toxiproxy: FakeToxiproxy
    service: ScriptedService
    unaffected: bool = False

    def ask(self, _part: Part, command: Sequence[str]) -> Executed:
        """The probe of `colordrill.fault.peers`."""
        port, _limit, request = command[-3:]
        name = next(name for name, each in LINK_PEERS.items() if each.port == int(port))
        link = FakeLink("", 0) if self.unaffected else self.toxiproxy.links[name]
        head = "HTTP/1.1 200 OK" if name is LinkName.GATEWAY_PRIMARY else "@RSYNCD: 32.0"
        return felt(link, head, request)


def felt(link: FakeLink, head: str, request: str) -> Executed:
    """What a peer gets over *link*."""
    if not link.enabled:
        return Executed(NOT_CONNECTED, "", "connect: Connection refused")
    if link.has("reset_peer"):
        return said(0, 0, 0, "", "read error: 0: Connection reset by peer")
    if link.has("timeout"):
        return said(TIMED_OUT, 600_000, 0, "")
    size = 5_000 if len(request) > LONG_REQUEST else 200
    late_us = 1000 * sum(link.attribute("latency", "latency"))
    for rate in link.attribute("bandwidth", "rate"):
        late_us += 1000 * size // rate
    first_us, end_us = late_us, 1000 * sum(link.attribute("slow_close", "delay"))
    size = min([size, *link.attribute("limit_data", "bytes")])
    stays = "Connection: close" not in request and "#list" not in request and size < LONG_REQUEST
    ending = TIMED_OUT if stays and not link.toxics else 0
    return said(ending, HEALTHY_US + first_us + end_us, size, head, first_us=first_us)


def said(
    ending: int, total_us: int, size: int, head: str, stderr: str = "", *, first_us: int = 0
) -> Executed:
    """The probe's output."""
    return Executed(0, f"{ending} 1000 {first_us} {total_us} {size} \n{head}", stderr)


@contextmanager
def toxic_lab() -> Iterator[ToxicLab]:
    """A stack in memory whose Toxiproxy is started anew with untouched links."""
    toxiproxy = FakeToxiproxy(fresh_links())
    with scripted_service(toxiproxy.answer) as service:
        port = urlsplit(service.url).port
        assert port is not None
        parts = {part: FakePart() for part in (Part.GATEWAY, Part.PRIMARY_AGENT)}
        proxy = FakePart(ports={TOXIPROXY_PORT: port})
        target = FakeTarget(parts={**parts, Part.PRIMARY_MIRROR: FakePart(), Part.TOXIPROXY: proxy})
        lab = ToxicLab(target, toxiproxy, service)
        target.programs["env"] = lab.ask
        yield lab
