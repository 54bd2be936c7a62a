from __future__ import annotations

import hashlib
import json
import threading

import pytest

from colordrill.history import Event, EventType, History
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.arrivals import GivenUp
from colordrill.workload.jobs import Users
from colordrill.workload.photos import Photo
from colordrill.workload.workflows import Workflow
from fakes.clock import ManualClock
from fakes.service import Reply, Request, ScriptedService, as_json, comfyui, finished_entry

LIMIT_S = 12.0


@pytest.fixture
def users(
    client: ComfyClient,
    history: History,
    clock: ManualClock,
    workflow: Workflow,
    picture: bytes,
) -> Users:
    photos = {"gradient": Photo("gradient.png", picture)}
    return Users(client, history, clock, photos, workflow, LIMIT_S, seed=7)


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.kind, event.type.value) for event in events]


def answering(service: ScriptedService, path: str, reply: Reply) -> None:
    """Answer *path* by *reply*, all else as before."""
    usual = service.answer
    service.answer = lambda request: reply if request.path.startswith(path) else usual(request)


def test_a_job_is_written_down_from_upload_to_delivery(
    users: Users, service: ScriptedService, events: list[Event], picture: bytes
) -> None:
    users.colour_a_photo()

    assert told(events) == [
        (kind, type_)
        for kind in ("upload", "submit", "complete", "fetch")
        for type_ in ("invoke", "ok")
    ]
    ended = {event.kind: event.data for event in events if event.type is EventType.OK}
    assert ended["upload"]["item"].startswith("input/job-")
    assert ended["complete"]["item"] == "output/out_00001_.png"
    assert ended["fetch"]["sha256"] == hashlib.sha256(picture).hexdigest()
    assert ended["fetch"]["bytes"] == len(picture)
    jobs = {ended[kind]["job"] for kind in ("submit", "complete", "fetch")}
    assert len(jobs) == 1
    prompt = json.loads(next(r.body for r in service.requests if r.path == "/prompt"))["prompt"]
    prefixes = {node["inputs"].get("filename_prefix") for node in prompt.values()} - {None}
    assert prefixes == jobs


def test_the_acknowledged_upload_is_what_was_sent(
    users: Users, service: ScriptedService, events: list[Event]
) -> None:
    users.colour_a_photo()

    uploaded = next(r.body for r in service.requests if r.path == "/upload/image")
    data = next(e.data for e in events if e.kind == "upload" and e.type is EventType.OK)
    sent = uploaded.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
    assert (data["bytes"], data["sha256"]) == (len(sent), hashlib.sha256(sent).hexdigest())


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/upload/image", "upload"), ("/prompt", "submit"), ("/view", "fetch")],
)
@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (Reply(503, b"no site"), "fail"),
        (Reply(400, b"no"), "fail"),
        (Reply(404, b"no"), "fail"),
        (Reply(502, b"bad gateway"), "unknown"),
        (Reply(504, b"late"), "unknown"),
        (Reply(500, b"crashed"), "unknown"),
        (Reply(hang_up=True), "unknown"),
        (Reply(body=b"x" * 1000, cut=True), "unknown"),
    ],
    ids=["503", "400", "404", "502", "504", "500", "hang-up", "cut"],
)
def test_a_refused_request_failed_and_a_lost_one_is_unknown(
    users: Users,
    service: ScriptedService,
    events: list[Event],
    path: str,
    kind: str,
    reply: Reply,
    end: str,
) -> None:
    answering(service, path, reply)

    users.colour_a_photo()

    assert told(events)[-1] == (kind, end)
    assert events[-1].data["error"]


def test_a_service_that_is_not_there_certainly_did_nothing(
    users: Users, events: list[Event]
) -> None:
    users.client = ComfyClient("http://127.0.0.1:9", timeout_s=2.0)

    users.colour_a_photo()
    users.client.close()

    assert told(events) == [("upload", "invoke"), ("upload", "fail")]


def test_a_user_reloads_through_failed_polls_until_the_picture_is_there(
    users: Users, service: ScriptedService, events: list[Event], picture: bytes
) -> None:
    polls = iter([Reply(502), Reply(503), as_json({}), Reply(hang_up=True)])
    usual = comfyui(picture)

    def answer(request: Request) -> Reply:
        if request.path.startswith("/history/"):
            return next(polls, None) or usual(request)
        return usual(request)

    service.answer = answer

    users.colour_a_photo()

    assert told(events)[-1] == ("fetch", "ok")


def test_a_job_that_nobody_waits_for_any_more_stays_undecided(
    users: Users, service: ScriptedService, events: list[Event], clock: ManualClock
) -> None:
    answering(service, "/history/", as_json({}))
    clock.at(1.0, users.given_up.set)

    with pytest.raises(GivenUp):
        users.colour_a_photo()

    assert told(events)[-1] == ("complete", "invoke")
    assert clock.elapsed_s < 2.0


def test_a_job_that_never_ends_is_given_up_at_its_limit_and_stays_unknown(
    users: Users, service: ScriptedService, events: list[Event], clock: ManualClock
) -> None:
    answering(service, "/history/", as_json({}))

    users.colour_a_photo()

    assert told(events)[-1] == ("complete", "unknown")
    assert clock.elapsed_s == pytest.approx(LIMIT_S, abs=0.11)


def test_a_job_that_ends_in_an_error_failed_and_is_not_polled_on(
    users: Users, service: ScriptedService, events: list[Event], picture: bytes
) -> None:
    usual = comfyui(picture)
    service.answer = lambda request: (
        as_json({request.path.split("/")[-1]: finished_entry(status="error")})
        if request.path.startswith("/history/")
        else usual(request)
    )

    users.colour_a_photo()

    assert told(events)[-1] == ("complete", "fail")
    assert "out of paint" in events[-1].data["error"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>"),
        Reply(200, b"[]"),
        Reply(200, b"null"),
        Reply(200, b""),
        as_json({"prompt_id": "another"}),
    ],
    ids=["html", "list", "null", "empty", "another-id"],
)
def test_a_200_that_is_not_comfyuis_is_not_an_accepted_job(
    users: Users, service: ScriptedService, events: list[Event], reply: Reply
) -> None:
    answering(service, "/prompt", reply)

    users.colour_a_photo()

    assert told(events)[-1] == ("submit", "fail")


@pytest.mark.parametrize(("path", "kind"), [("/upload/image", "upload"), ("/history/", "complete")])
@pytest.mark.parametrize("body", [b"{}", b'{"name": null}', b'{"JOB": {"status": []}}'])
def test_an_answer_of_another_shape_ends_the_operation_and_not_the_client(
    users: Users, service: ScriptedService, events: list[Event], path: str, kind: str, body: bytes
) -> None:
    usual = service.answer
    service.answer = lambda request: (
        Reply(200, body.replace(b"JOB", request.path.split("/")[-1].encode()))
        if request.path.startswith(path)
        else usual(request)
    )

    users.colour_a_photo()

    operation = [event.type.value for event in events if event.kind == kind]
    assert operation[0] == "invoke"
    assert len(operation) == 2


def test_a_saved_workflow_is_acknowledged_with_its_hash(
    users: Users, service: ScriptedService, events: list[Event]
) -> None:
    users.save_a_workflow()

    assert told(events) == [("edit", "invoke"), ("edit", "ok")]
    request = service.requests[-1]
    assert request.path.startswith("/userdata/workflows%2Fedit-")
    assert events[-1].data["sha256"] == hashlib.sha256(request.body).hexdigest()
    json.loads(request.body)


@pytest.mark.parametrize(("status", "end"), [(503, "fail"), (403, "fail"), (502, "unknown")])
def test_a_workflow_that_was_not_saved_is_not_acknowledged(
    users: Users, service: ScriptedService, events: list[Event], status: int, end: str
) -> None:
    answering(service, "/userdata", Reply(status))

    users.save_a_workflow()

    assert told(events) == [("edit", "invoke"), ("edit", end)]


def test_concurrent_users_never_share_a_name(
    users: Users, service: ScriptedService, events: list[Event]
) -> None:
    threads = [threading.Thread(target=users.colour_a_photo) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    items = [e.data["item"] for e in events if e.kind == "upload" and e.type is EventType.OK]
    jobs = [e.data["job"] for e in events if e.kind == "submit" and e.type is EventType.OK]
    assert len(set(items)) == len(set(jobs)) == 12
    assert len([e for e in events if e.kind == "fetch" and e.type is EventType.OK]) == 12


def test_the_same_seed_draws_the_same_photos(
    users: Users, service: ScriptedService, workflow: Workflow, picture: bytes
) -> None:
    again = Users(users.client, users.history, users.clock, users.photos, workflow, LIMIT_S, seed=7)

    first = [users._draw_photo("job").content for _ in range(3)]
    second = [again._draw_photo("job").content for _ in range(3)]

    assert first == second
    assert len(set(first)) == 3
