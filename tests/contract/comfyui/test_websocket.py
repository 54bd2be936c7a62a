"""/ws: who hears what, and in which order."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from contract.comfyui.client import JOB_S_MAX, REQUEST_S_MAX, Service
from contract.comfyui.entries import saved

Message = dict[str, Any]
QUIET_S = 0.3
STATUS = "status"
NODE_RUNS = ["progress_state", "executing", "progress_state"]
OUTPUT_RUNS = ["progress_state", "executing", "executed", "progress_state"]
START = ["status", "status", "execution_start", "execution_cached"]


@pytest.fixture
def client() -> str:
    """A client id of its own."""
    return uuid.uuid4().hex


def kinds(messages: list[Message]) -> list[str]:
    return [message["type"] for message in messages]


@asynccontextmanager
async def connected(service: Service, client: str | None) -> AsyncIterator[Any]:
    """Connect and take the first message off."""
    query = {} if client is None else {"clientId": client}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{service.url}/ws", params=query) as stream,
    ):
        talk: Any = stream
        talk.first = await stream.receive_json(timeout=REQUEST_S_MAX)
        yield talk


async def until_idle(stream: Any) -> list[Message]:
    """Collect messages until the queue is empty again and nothing else comes."""
    messages: list[Message] = []
    idle = False
    while True:
        try:
            message = await stream.receive_json(timeout=QUIET_S if idle else JOB_S_MAX)
        except TimeoutError:
            return messages
        messages.append(message)
        if message["type"] == STATUS:
            idle = message["data"]["status"]["exec_info"]["queue_remaining"] == 0


def heard(service: Service, client: str | None, act: Callable[[], object]) -> list[Message]:
    """What a client hears while something is done."""

    async def listen() -> list[Message]:
        async with connected(service, client) as stream:
            await asyncio.to_thread(act)
            return await until_idle(stream)

    return asyncio.run(listen())


def test_the_first_message_says_who_the_client_is(service: Service, client: str) -> None:
    async def first(name: str | None) -> Message:
        async with connected(service, name) as stream:
            return dict(stream.first)

    named, unnamed = asyncio.run(first(client)), asyncio.run(first(None))
    expected = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client}
    assert named == {"type": "status", "data": expected}
    assert len(unnamed["data"]["sid"]) == 32


def test_messages_of_a_job_come_in_order(service: Service, client: str, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    act = lambda: service.run(prompt, client_id=client)  # noqa: E731 - done while listening
    messages = heard(service, client, act)
    ends = ["execution_success", "status", "executing"]
    assert kinds(messages) == [*START, *NODE_RUNS, *NODE_RUNS, *OUTPUT_RUNS, *ends]
    by_kind = {message["type"]: message["data"] for message in messages}
    prompt_id = by_kind["execution_start"]["prompt_id"]
    assert by_kind["executing"] == {"node": None, "prompt_id": prompt_id}
    assert by_kind["executed"]["node"] == by_kind["executed"]["display_node"] == "save"
    picture = saved(service.get(f"/history/{prompt_id}").json()[prompt_id])
    assert by_kind["executed"]["output"] == {"images": [picture]}
    assert by_kind["execution_cached"]["nodes"] == []
    assert isinstance(by_kind["execution_success"]["timestamp"], int)


def test_progress_names_each_node_that_has_begun(
    service: Service, client: str, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    act = lambda: service.run(prompt, client_id=client)  # noqa: E731 - done while listening
    states = [m["data"] for m in heard(service, client, act) if m["type"] == "progress_state"]
    first, last = states[0]["nodes"], states[-1]["nodes"]
    assert set(first) == {"load"}
    same = {"display_node_id": "load", "real_node_id": "load", "parent_node_id": None}
    same |= {"node_id": "load", "prompt_id": states[0]["prompt_id"]}
    assert first["load"] == {"value": 0.0, "max": 1.0, "state": "running", **same}
    assert last["load"] == {"value": 1.0, "max": 1.0, "state": "finished", **same}
    assert {node["state"] for node in last.values()} == {"finished"}
    assert set(last) == set(prompt)


def test_a_job_from_the_cache_only_shows_its_output(
    service: Service, client: str, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    service.run(prompt)
    act = lambda: service.run(prompt, client_id=client)  # noqa: E731 - done while listening
    messages = heard(service, client, act)
    ends = ["executed", "progress_state", "execution_success", "status", "executing"]
    assert kinds(messages) == [*START, *ends]


def test_a_failing_job_ends_with_its_error(service: Service, client: str) -> None:
    prompt = service.prompt(service.upload(b"no picture"))
    act = lambda: service.run(prompt, client_id=client)  # noqa: E731 - done while listening
    messages = heard(service, client, act)
    ends = ["execution_error", "status", "executing"]
    assert kinds(messages) == [*START, "progress_state", "executing", *ends]
    assert messages[-3]["data"]["node_id"] == "load"


def test_of_a_named_clients_job_others_only_hear_the_queue(
    service: Service, client: str, photo: bytes
) -> None:
    act = lambda: service.run(  # noqa: E731 - done while listening
        service.prompt(service.upload(photo)), client_id=f"not-{client}"
    )
    assert set(kinds(heard(service, client, act))) == {"status"}


def test_of_a_job_without_a_client_all_hear_the_queue_and_the_progress(
    service: Service, client: str, photo: bytes
) -> None:
    act = lambda: service.run(service.prompt(service.upload(photo)))  # noqa: E731 - see above
    assert set(kinds(heard(service, client, act))) == {"status", "progress_state"}


def test_an_interrupt_of_a_job_without_a_client_is_told_to_all(
    service: Service, client: str, photo: bytes
) -> None:
    def act() -> None:
        prompt_id = service.submit(service.prompt(service.upload(photo), steps=20))
        service.until_running(prompt_id)
        service.post("/interrupt")
        service.wait(prompt_id)

    told = set(kinds(heard(service, client, act)))
    assert told == {"status", "progress_state", "execution_interrupted"}


def test_who_reconnects_in_mid_job_is_told_the_node_that_runs(
    service: Service, client: str, photo: bytes
) -> None:
    async def reconnect() -> Message:
        async with connected(service, client) as stream:
            prompt = service.prompt(service.upload(photo), steps=20)
            prompt_id = await asyncio.to_thread(service.submit, prompt, client_id=client)
            while (await stream.receive_json(timeout=JOB_S_MAX))["type"] != "executing":
                pass
        async with connected(service, client) as stream:
            second = await stream.receive_json(timeout=JOB_S_MAX)
            await asyncio.to_thread(service.post, "/interrupt")
            await asyncio.to_thread(service.wait, prompt_id)
        return dict(second)

    second = asyncio.run(reconnect())
    assert second["type"] == "executing"
    assert set(second["data"]) == {"node"}


def test_when_the_older_of_two_connections_of_a_client_ends_the_newer_hears_no_more(
    service: Service, client: str, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))

    async def twice() -> tuple[list[Message], list[Message]]:
        async with connected(service, client) as older, connected(service, client) as newer:
            await older.close()
            async with connected(service, f"{client}-witness") as witness:
                await asyncio.to_thread(service.run, prompt)
                return await until_idle(witness), await silence(newer)

    witnessed, heard_by_newer = asyncio.run(twice())
    assert witnessed
    assert heard_by_newer == []


async def silence(stream: Any) -> list[Message]:
    """What has come, with a moment for what is on its way."""
    messages: list[Message] = []
    while True:
        try:
            messages.append(await stream.receive_json(timeout=QUIET_S))
        except TimeoutError:
            return messages


async def answered(service: Service, client: str, *sent: str) -> Message | None:
    """What a client hears after it has sent something; None for nothing."""
    async with connected(service, client) as stream:
        for text in sent:
            await stream.send_str(text)
        return next(iter(await silence(stream)), None)


@pytest.mark.parametrize("before", [[], ["{"], ["[1]"], ["null"]])
def test_features_are_exchanged_if_they_are_the_first_sensible_thing(
    service: Service, client: str, before: list[str]
) -> None:
    offer = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
    message = asyncio.run(answered(service, client, *before, offer))
    assert message == {"type": "feature_flags", "data": service.get("/features").json()}


@pytest.mark.parametrize("sent", [["{"], ["[]", "5"], ['{"type": "other"}'], ["{}", "{}"]])
def test_anything_else_that_a_client_says_is_ignored(
    service: Service, client: str, sent: list[str]
) -> None:
    offer = json.dumps({"type": "feature_flags", "data": {}})
    late = [offer] if sent[0].startswith('{"type') or sent[0] == "{}" else []
    assert asyncio.run(answered(service, client, *sent, *late)) is None
    assert service.get("/queue").status_code == 200
