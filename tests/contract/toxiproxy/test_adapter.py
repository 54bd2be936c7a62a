"""The adapter against a real Toxiproxy: what it reads is what the server does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from testcontainers.core.container import DockerContainer

from colordrill.clock import SystemClock, poll, seconds_between
from colordrill.data import fixtures
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import TOXIPROXY_PORT
from colordrill.stack.runs import RUN_LABEL, Run
from colordrill.stack.toxiproxy import CALL_LIMIT_S, Link, ToxiproxyServer

pytestmark = pytest.mark.docker

CONFIGURATION = "/etc/toxiproxy.json"
LINKS = {
    "gateway-primary",
    "primary-storage",
    "primary-backup",
    "primary-git",
    "primary-dr-storage",
}
START_LIMIT_S = 20.0


@pytest.fixture(scope="module")
def container(image_of: Callable[[str], str], run: Run) -> Iterator[DockerContainer]:
    """A Toxiproxy with the stack's own links."""
    links = str(fixtures() / "stack" / "toxiproxy.json")
    prepared = (
        DockerContainer(image_of("toxiproxy"))
        .with_kwargs(labels={RUN_LABEL: run.id})
        .with_volume_mapping(links, CONFIGURATION, "ro")
        .with_command(f"-host 0.0.0.0 -config {CONFIGURATION}")
    )
    # testcontainers would publish on every interface of this machine
    ports: dict[str, Any] = {f"{TOXIPROXY_PORT}/tcp": ("127.0.0.1", None)}
    prepared.ports = ports
    with prepared as started:
        yield started


@pytest.fixture(scope="module")
def server(container: DockerContainer) -> ToxiproxyServer:
    wrapped = container.get_wrapped_container()

    def published() -> str | None:
        wrapped.reload()
        bindings = wrapped.ports.get(f"{TOXIPROXY_PORT}/tcp")
        return bindings[0]["HostPort"] if bindings else None

    def all_links(server: ToxiproxyServer) -> bool | None:
        try:
            return len(server.links()) == len(LINKS) or None
        except EnvironmentProblem:
            return None

    clock = SystemClock()
    port = poll(clock, published, awaited="Toxiproxy's port", timeout_s=START_LIMIT_S)
    server = ToxiproxyServer(f"http://127.0.0.1:{port}")
    poll(clock, lambda: all_links(server), awaited="the links", timeout_s=START_LIMIT_S)
    return server


def post(server: ToxiproxyServer, path: str, body: dict[str, Any]) -> None:
    """Speak to the server past the adapter."""
    requests.post(server.base_url + path, json=body, timeout=5).raise_for_status()


@contextmanager
def toxic(server: ToxiproxyServer, link: str, name: str, kind: str) -> Iterator[None]:
    post(server, f"/proxies/{link}/toxics", {"name": name, "type": kind, "attributes": {}})
    try:
        yield
    finally:
        url = f"{server.base_url}/proxies/{link}/toxics/{name}"
        requests.delete(url, timeout=5).raise_for_status()


@contextmanager
def disabled(server: ToxiproxyServer, link: str) -> Iterator[None]:
    post(server, f"/proxies/{link}", {"enabled": False})
    try:
        yield
    finally:
        post(server, f"/proxies/{link}", {"enabled": True})


def test_every_link_of_the_stack_is_read_back_as_configured(server: ToxiproxyServer) -> None:
    links = server.links()

    assert set(links) == LINKS
    assert links["gateway-primary"] == Link(
        name="gateway-primary",
        listen=links["gateway-primary"].listen,
        upstream="primary-colorization:8188",
        enabled=True,
        toxics=(),
    )
    assert links["gateway-primary"].listen.endswith(":18188")


def test_links_without_toxics_are_healthy(server: ToxiproxyServer) -> None:
    assert server.unhealthy_links() == ()


@pytest.mark.parametrize("kind", ["latency", "timeout", "bandwidth", "limit_data", "reset_peer"])
def test_a_toxic_that_another_hand_added_makes_its_link_unhealthy(
    server: ToxiproxyServer, kind: str
) -> None:
    with toxic(server, "primary-storage", f"left-over-{kind}", kind):
        assert server.unhealthy_links() == ("primary-storage",)
        assert server.links()["primary-storage"].toxics == (f"left-over-{kind}",)

    assert server.unhealthy_links() == ()


def test_several_toxics_on_one_link_are_all_read(server: ToxiproxyServer) -> None:
    with (
        toxic(server, "primary-git", "z", "latency"),
        toxic(server, "primary-git", "a", "timeout"),
    ):
        assert server.links()["primary-git"].toxics == ("a", "z")


def test_a_disabled_link_is_unhealthy(server: ToxiproxyServer) -> None:
    with disabled(server, "primary-backup"):
        assert not server.links()["primary-backup"].enabled
        assert server.unhealthy_links() == ("primary-backup",)

    assert server.unhealthy_links() == ()


def test_every_unhealthy_link_is_named(server: ToxiproxyServer) -> None:
    with disabled(server, "primary-backup"), toxic(server, "gateway-primary", "slow", "latency"):
        assert server.unhealthy_links() == ("gateway-primary", "primary-backup")


def test_two_servers_are_not_mixed_up(server: ToxiproxyServer) -> None:
    """The package keeps one address for the whole process."""
    with pytest.raises(EnvironmentProblem):
        ToxiproxyServer("http://127.0.0.1:9").links()

    assert set(server.links()) == LINKS


def test_a_server_that_hangs_is_given_up_within_the_limit(
    server: ToxiproxyServer, container: DockerContainer
) -> None:
    wrapped = container.get_wrapped_container()
    clock = SystemClock()
    wrapped.pause()
    began_ns = clock.now_ns()
    try:
        with pytest.raises(EnvironmentProblem, match="does not answer") as caught:
            server.links()
    finally:
        wrapped.unpause()

    assert seconds_between(began_ns, clock.now_ns()) < CALL_LIMIT_S + 3.0
    assert server.base_url in caught.value.cause
    assert caught.value.next_step
    assert server.unhealthy_links() == ()
