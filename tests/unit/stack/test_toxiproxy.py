"""The adapter against servers that are no Toxiproxy; the real one is in tests/contract."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.stack.links import LinkName
from colordrill.stack.toxiproxy import Stream, Toxic, ToxiproxyServer
from fakes.service import Reply, Request, as_json, scripted_service
from fakes.toxiproxy import FakeToxiproxy, fresh_links

PROXY = {
    "name": "a",
    "listen": "[::]:1",
    "upstream": "b:2",
    "enabled": True,
    "toxics": [],
}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>"),
        Reply(200, b""),
        Reply(200, b"[]"),
        Reply(200, b"null"),
        Reply(200, b"5"),
        Reply(200, b'{"a": {}}'),
        Reply(200, b'{"a": 5}'),
        Reply(200, b'{"a": null}'),
        Reply(500, b"{}"),
        Reply(404, b"not found"),
        Reply(hang_up=True),
        Reply(200, json.dumps({"a": PROXY}).encode(), cut=True),
    ],
    ids=lambda reply: f"{reply.status}-{reply.body[:12].decode()}-{reply.hang_up}-{reply.cut}",
)
def test_an_answer_that_is_not_toxiproxys_is_never_a_healthy_stack(reply: Reply) -> None:
    with (
        scripted_service(lambda _request: reply) as service,
        pytest.raises(EnvironmentProblem) as caught,
    ):
        ToxiproxyServer(service.url).unhealthy_links()

    assert caught.value.next_step


def test_nobody_at_the_address_is_named_with_the_next_step() -> None:
    with pytest.raises(
        EnvironmentProblem, match=r"http://127\.0\.0\.1:9 does not answer"
    ) as caught:
        ToxiproxyServer("http://127.0.0.1:9").links()

    assert "toxiproxy.log" in caught.value.next_step


def test_a_server_without_links_has_none() -> None:
    with scripted_service(lambda _request: as_json({})) as service:
        assert ToxiproxyServer(service.url).links() == {}


LATE = Toxic("late", "latency", Stream.UPSTREAM, {"latency": 100})
HOLE = Toxic("hole", "timeout", Stream.DOWNSTREAM, {"timeout": 0})


@pytest.fixture
def toxiproxy() -> FakeToxiproxy:
    return FakeToxiproxy(fresh_links())


@pytest.fixture
def server(toxiproxy: FakeToxiproxy) -> Iterator[ToxiproxyServer]:
    with scripted_service(toxiproxy.answer) as service:
        yield ToxiproxyServer(service.url)


def test_a_toxic_is_added_read_back_and_removed_alone(server: ToxiproxyServer) -> None:
    server.add_toxic("primary-git", LATE)
    server.add_toxic("primary-git", HOLE)
    assert server.links()["primary-git"].toxics == ("hole", "late")

    server.remove_toxics("primary-git", ["late", "never-there"])

    assert server.links()["primary-git"].toxics == ("hole",)


def test_a_toxic_is_never_replaced_silently(server: ToxiproxyServer) -> None:
    server.add_toxic("primary-git", LATE)

    with pytest.raises(EnvironmentProblem, match="already"):
        server.add_toxic("primary-git", LATE)


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "timeout"},
        {"stream": "downstream"},
        {"toxicity": 0.5},
        {"attributes": {"latency": 7}},
        {"name": "other"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_toxic_that_reads_back_as_another_is_refused(changed: dict[str, Any]) -> None:
    kept: list[dict[str, Any]] = []

    def answer(request: Request) -> Reply:
        if request.path == "/proxies":
            return as_json({"a": PROXY})
        if request.method == "POST":
            kept.append({**json.loads(request.body), **changed})
        return as_json(kept if request.method == "GET" else kept[-1])

    with (
        scripted_service(answer) as service,
        pytest.raises(EnvironmentProblem, match="reads back"),
    ):
        ToxiproxyServer(service.url).add_toxic("a", LATE)


def test_a_link_is_opened_and_closed_and_that_is_read_back(
    server: ToxiproxyServer, toxiproxy: FakeToxiproxy
) -> None:
    server.set_enabled("primary-git", enabled=False)
    assert server.unhealthy_links() == ("primary-git",)
    server.set_enabled("primary-git", enabled=True)
    assert server.unhealthy_links() == ()

    toxiproxy.forgetful = True
    with pytest.raises(EnvironmentProblem, match="the opposite"):
        server.set_enabled("primary-git", enabled=False)


def test_a_removal_that_did_not_happen_is_found_out(
    server: ToxiproxyServer, toxiproxy: FakeToxiproxy
) -> None:
    server.add_toxic("primary-git", LATE)
    toxiproxy.forgetful = True

    with pytest.raises(EnvironmentProblem, match="still carries late"):
        server.remove_toxics("primary-git", ["late"])


def test_a_removal_that_hangs_makes_the_link_anew_with_the_toxics_of_others(
    toxiproxy: FakeToxiproxy,
) -> None:
    asked: list[str] = []
    gone = threading.Event()

    def answer(request: Request) -> Reply:
        asked.append(f"{request.method} {request.path}")
        if request.method == "DELETE" and request.path.endswith("/late"):
            gone.wait(2)
            return Reply(hang_up=True)
        return toxiproxy.answer(request)

    with scripted_service(answer) as service:
        server = ToxiproxyServer(service.url)
        server.add_toxic("primary-git", LATE)
        server.add_toxic("primary-git", HOLE)
        before = server.links()["primary-git"]

        server.remove_toxics("primary-git", ["late"])
        gone.set()

        after = server.links()["primary-git"]
        assert (after.upstream, after.listen, after.enabled) == (
            before.upstream,
            before.listen,
            before.enabled,
        )
        assert after.toxics == ("hole",)
    assert "DELETE /proxies/primary-git" in asked


@pytest.mark.parametrize(
    "act",
    [
        lambda server: server.add_toxic("nowhere", LATE),
        lambda server: server.remove_toxics("nowhere", ["late"]),
        lambda server: server.set_enabled("nowhere", enabled=True),
    ],
    ids=["add", "remove", "enable"],
)
def test_a_link_that_is_not_there_is_named_with_those_that_are(
    server: ToxiproxyServer, act: Callable[[ToxiproxyServer], None]
) -> None:
    with pytest.raises(EnvironmentProblem, match="has no link nowhere, only gateway-primary"):
        act(server)


def test_two_threads_with_two_servers_do_not_mix_them_up(server: ToxiproxyServer) -> None:
    """The package keeps one address for the whole process."""
    empty = FakeToxiproxy({})
    with scripted_service(empty.answer) as service, ThreadPoolExecutor(2) as pool:
        other = ToxiproxyServer(service.url)
        found = list(pool.map(lambda each: len(each.links()), [server, other] * 10))

    assert found == [len(LinkName), 0] * 10
