"""The adapter against servers that are no Toxiproxy; the real one is in tests/contract."""

from __future__ import annotations

import json

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.stack.toxiproxy import ToxiproxyServer
from fakes.service import Reply, as_json, scripted_service

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
