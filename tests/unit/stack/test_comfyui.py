"""The client against a scripted server; the service's own contract is in tests/contract."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from colordrill.errors import ServiceProblem
from colordrill.stack.comfyui import ComfyClient, RequestUncertain
from fakes.clock import SAFETY_S
from fakes.service import Reply, ScriptedService, as_json, finished_entry, scripted_service


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with scripted_service(lambda _request: as_json({})) as service:
        yield service


@pytest.fixture
def client(service: ScriptedService) -> Iterator[ComfyClient]:
    with ComfyClient(service.url, timeout_s=5.0) as client:
        yield client


def replying(service: ScriptedService, reply: Reply) -> None:
    service.answer = lambda _request: reply


def test_an_upload_returns_the_name_under_which_the_service_keeps_it(
    service: ScriptedService, client: ComfyClient
) -> None:
    replying(service, as_json({"name": "photo (1).png"}))

    assert client.upload("photo.png", b"png") == "photo (1).png"


@pytest.mark.parametrize("name", ["照片.png", 'a"b.png', "a b.png", "x" * 250 + ".png"])
def test_an_upload_of_any_name_is_well_formed(
    service: ScriptedService, client: ComfyClient, name: str
) -> None:
    replying(service, as_json({"name": name}))

    assert client.upload(name, b"\r\n--boundary\x00") == name
    assert b"\r\n--boundary\x00" in service.requests[0].body


def test_a_job_is_accepted_by_its_own_id(service: ScriptedService, client: ComfyClient) -> None:
    replying(service, as_json({"prompt_id": "mine", "node_errors": {}}))

    client.submit({"1": {}}, "mine")

    assert json.loads(service.requests[0].body) == {"prompt": {"1": {}}, "prompt_id": "mine"}


@pytest.mark.parametrize(
    "body",
    [{}, {"prompt_id": "other"}, {"prompt_id": "mine", "node_errors": {"3": "bad"}}, {"error": 1}],
)
def test_a_200_without_this_job_is_no_acceptance(
    service: ScriptedService, client: ComfyClient, body: dict[str, object]
) -> None:
    replying(service, as_json(body))

    with pytest.raises(ServiceProblem, match="answered 200 but"):
        client.submit({}, "mine")


@pytest.mark.parametrize("entry", [None, {}, {"outputs": {}}, {"prompt": []}])
def test_a_job_without_a_status_has_not_ended(
    service: ScriptedService, client: ComfyClient, entry: object
) -> None:
    replying(service, as_json({} if entry is None else {"job": entry}))

    assert client.finished("job") is None


def test_an_ended_job_tells_pictures_cache_and_site(
    service: ScriptedService, client: ComfyClient
) -> None:
    replying(service, as_json({"job": finished_entry(cached=("7",), images=2)}, site="dr"))

    finished = client.finished("job")

    assert finished is not None
    assert finished.succeeded
    assert finished.outputs == (("", "out_00001_.png"), ("", "out_00002_.png"))
    assert (finished.cached, finished.site, finished.messages) == (("7",), "dr", "")


def test_a_failed_job_tells_why(service: ScriptedService, client: ComfyClient) -> None:
    replying(service, as_json({"job": finished_entry(status="error", images=0)}))

    finished = client.finished("job")

    assert finished is not None
    assert (finished.succeeded, finished.messages) == (False, "out of paint")


def test_temporary_pictures_are_no_output(service: ScriptedService, client: ComfyClient) -> None:
    entry = finished_entry()
    entry["outputs"]["9"]["images"][0]["type"] = "temp"
    replying(service, as_json({"job": entry}))

    finished = client.finished("job")

    assert finished is not None
    assert finished.outputs == ()


@pytest.mark.parametrize(
    "entry",
    [
        5,
        {"status": 5},
        {"status": None},
        {"status": {"messages": 5}},
        {"status": {"messages": [5]}},
        {"status": {"messages": [["a", "b", "c"]]}},
        {"status": {}, "outputs": []},
        {"status": {}, "outputs": {"9": 5}},
        {"status": {}, "outputs": {"9": {"images": [{"type": "output"}]}}},
    ],
)
def test_an_entry_of_another_shape_is_a_service_problem(
    service: ScriptedService, client: ComfyClient, entry: object
) -> None:
    replying(service, as_json({"job": entry}))

    with pytest.raises(ServiceProblem) as caught:
        client.finished("job")

    assert "ComfyUI" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"5", b"null", b"\xff\xfe", b"{" * 100])
def test_an_address_that_is_no_comfyui_is_named_with_the_next_step(
    service: ScriptedService, client: ComfyClient, body: bytes
) -> None:
    replying(service, Reply(200, body))

    with pytest.raises(ServiceProblem) as caught:
        client.system_stats()

    assert "ComfyUI" in caught.value.next_step


@pytest.mark.parametrize(
    ("status", "certain"),
    [
        (400, True),
        (401, True),
        (404, True),
        (409, True),
        (413, True),
        (503, True),
        (500, False),
        (502, False),
        (504, False),
    ],
)
def test_each_refusal_is_certain_or_not_and_keeps_status_and_site(
    service: ScriptedService, client: ComfyClient, status: int, certain: object
) -> None:
    replying(service, Reply(status, b"why", "primary"))

    with pytest.raises(ServiceProblem, match="why") as caught:
        client.view("output", "", "a.png")

    assert isinstance(caught.value, RequestUncertain) is not certain
    assert (caught.value.status, caught.value.site) == (status, "primary")


@pytest.mark.parametrize("status", [301, 302, 304])
def test_a_redirect_is_not_followed_and_not_an_answer(
    service: ScriptedService, client: ComfyClient, status: int
) -> None:
    replying(service, Reply(status, b""))

    with pytest.raises(ServiceProblem):
        client.system_stats()


def test_nobody_there_is_certain_and_a_lost_connection_is_not(
    service: ScriptedService, client: ComfyClient
) -> None:
    replying(service, Reply(hang_up=True))
    with pytest.raises(RequestUncertain):
        client.system_stats()

    with ComfyClient("http://127.0.0.1:9") as nobody, pytest.raises(ServiceProblem) as caught:
        nobody.system_stats()
    assert not isinstance(caught.value, RequestUncertain)


def test_a_truncated_picture_is_never_taken_for_a_whole_one(
    service: ScriptedService, client: ComfyClient
) -> None:
    replying(service, Reply(200, b"x" * 100_000, cut=True))

    with pytest.raises(RequestUncertain):
        client.view("output", "", "a.png")


def test_a_service_that_says_nothing_is_given_up_at_the_limit(
    service: ScriptedService, client: ComfyClient
) -> None:
    release = threading.Event()

    def hang(_request: object) -> Reply:
        release.wait(SAFETY_S)
        return Reply(hang_up=True)

    service.answer = hang
    try:
        with pytest.raises(RequestUncertain, match="ReadTimeout"):
            client.system_stats(timeout_s=0.2)
    finally:
        release.set()


def test_the_environments_proxy_never_stands_between(
    service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    with ComfyClient(service.url) as client:
        assert client.system_stats() == ({}, None)


@pytest.mark.parametrize("info", [{}, {"Node": None}, {"Node": []}, {"Other": {}}])
def test_a_node_that_the_service_does_not_know_is_none(
    service: ScriptedService, client: ComfyClient, info: dict[str, object]
) -> None:
    replying(service, as_json(info))

    assert client.node_class("Node") is None


def test_a_known_node_is_told(service: ScriptedService, client: ComfyClient) -> None:
    replying(service, as_json({"A/B 节点": {"input": {}}}))

    assert client.node_class("A/B 节点") == {"input": {}}
    assert service.requests[0].path == "/object_info/A%2FB%20%E8%8A%82%E7%82%B9"


def test_workflows_are_saved_and_read_at_one_path(
    service: ScriptedService, client: ComfyClient
) -> None:
    client.save_workflow("DDColor人物.json", b"{}")
    client.read_workflow("DDColor人物.json")

    assert len({request.path for request in service.requests}) == 1
    assert [request.method for request in service.requests] == ["POST", "GET"]


def test_one_client_serves_many_threads(service: ScriptedService, client: ComfyClient) -> None:
    sites: list[object] = []
    replying(service, as_json({}, site="primary"))
    threads = [
        threading.Thread(target=lambda: sites.append(client.system_stats()[1])) for _ in range(24)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sites == ["primary"] * 24


def test_jobs_that_run_and_wait_are_left(service: ScriptedService, client: ComfyClient) -> None:
    service.answer = lambda _request: as_json({"queue_running": [[0]], "queue_pending": [[1], [2]]})

    assert client.jobs_left() == 3


def test_a_queue_of_another_shape_is_not_taken_for_an_idle_one(
    service: ScriptedService, client: ComfyClient
) -> None:
    service.answer = lambda _request: as_json({})

    with pytest.raises(ServiceProblem, match="not what ComfyUI answers"):
        client.jobs_left()
