"""/queue, /history, /interrupt: what is waiting, what is done, and what can be stopped."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from contract.comfyui.client import Service, until
from contract.comfyui.entries import saved

LONG_JOB_STEPS = 12


@pytest.fixture
def long_job(service: Service, photo: bytes) -> Iterator[str]:
    """Keep the service busy with a job of many nodes; interrupted at the end."""
    prompt_id = service.submit(service.prompt(service.upload(photo), steps=LONG_JOB_STEPS))
    service.until_running(prompt_id)
    yield prompt_id
    service.post("/queue", json={"clear": True})
    service.post("/interrupt")
    service.wait(prompt_id)


def test_an_idle_queue_is_empty(service: Service) -> None:
    assert service.get("/queue").json() == {"queue_running": [], "queue_pending": []}
    assert service.get("/prompt").json() == {"exec_info": {"queue_remaining": 0}}


def test_a_running_job_is_listed_as_five_parts(service: Service, long_job: str) -> None:
    number, prompt_id, prompt, extra_data, outputs = service.get("/queue").json()["queue_running"][
        0
    ]
    assert isinstance(number, int | float)
    assert prompt_id == long_job
    assert "save" in prompt
    assert extra_data == {}
    assert outputs == ["save"]
    assert service.get(f"/history/{long_job}").json() == {}, "unfinished jobs have no history"


def test_interrupt_stops_at_a_node_boundary(service: Service, long_job: str) -> None:
    assert service.post("/interrupt").status_code == 200
    entry = service.wait(long_job)
    assert entry["status"]["status_str"] == "error"
    kind, data = entry["status"]["messages"][-1]
    assert kind == "execution_interrupted"
    assert {"prompt_id", "node_id", "node_type", "executed"} <= set(data)


def test_interrupting_nothing_does_not_hit_the_next_job(service: Service, photo: bytes) -> None:
    assert service.post("/interrupt").status_code == 200
    assert service.post("/interrupt", data=b"{").status_code == 200
    assert service.post("/interrupt", data=b"[]").status_code == 500
    entry = service.run(service.prompt(service.upload(photo)))
    assert entry["status"]["status_str"] == "success"


def test_interrupting_another_job_by_id_changes_nothing(service: Service, photo: bytes) -> None:
    prompt_id = service.submit(service.prompt(service.upload(photo), steps=4))
    service.until_running(prompt_id)
    service.post("/interrupt", json={"prompt_id": str(uuid.uuid4())})
    assert service.wait(prompt_id)["status"]["status_str"] == "success"


@pytest.mark.parametrize("named", [True, False])
def test_interrupting_by_id_or_by_an_empty_id_stops_what_runs(
    service: Service, long_job: str, named: bool
) -> None:
    service.post("/interrupt", json={"prompt_id": long_job if named else ""})
    kind, _data = service.wait(long_job)["status"]["messages"][-1]
    assert kind == "execution_interrupted"


@pytest.mark.usefixtures("long_job")
def test_pending_jobs_can_be_deleted_and_cleared(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    waiting = [service.submit(prompt) for _ in range(3)]
    assert service.get("/prompt").json()["exec_info"]["queue_remaining"] == 4
    body = {"delete": [waiting[0], "unknown", 5, None]}
    assert service.post("/queue", json=body).status_code == 200
    pending = {job[1] for job in service.get("/queue").json()["queue_pending"]}
    assert pending == set(waiting[1:])
    assert service.post("/queue", json={"clear": True}).status_code == 200
    assert service.get("/queue").json()["queue_pending"] == []


@pytest.mark.usefixtures("long_job")
def test_front_and_number_decide_the_order(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    later, front = service.submit(prompt), service.submit(prompt, front=True)
    first = service.submit(prompt, number=-1e9)
    pending = service.get("/queue").json()["queue_pending"]
    by_number = [job[1] for job in sorted(pending, key=lambda job: float(job[0]))]
    assert by_number == [first, front, later]
    assert pending[0][1] == first


@pytest.mark.usefixtures("long_job")
def test_what_is_pending_is_listed_in_heap_order(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    for number in (10, 40, 20, 30):
        service.submit(prompt, number=number)
    pending = service.get("/queue").json()["queue_pending"]
    assert [job[0] for job in pending] == [10, 30, 20, 40]


@pytest.mark.usefixtures("long_job")
def test_a_job_with_number_and_id_of_another_is_500_and_queued_all_the_same(
    service: Service, photo: bytes
) -> None:
    same = {"prompt_id": str(uuid.uuid4()), "number": 7}
    service.submit(service.prompt(service.upload(photo)), **same)
    body = {"prompt": service.prompt(service.upload(photo)), **same}
    assert service.post("/prompt", json=body).status_code == 500
    pending = service.get("/queue").json()["queue_pending"]
    assert [job[1] for job in pending] == [same["prompt_id"]] * 2
    assert service.post("/queue", json={"delete": [same["prompt_id"]]}).status_code == 200
    assert len(service.get("/queue").json()["queue_pending"]) == 1, "one at a time"


def test_a_duplicate_id_is_accepted_and_overwrites_history(service: Service, photo: bytes) -> None:
    prompt_id = str(uuid.uuid4())
    first, second = (service.prompt(service.upload(photo)) for _ in range(2))
    service.submit(first, prompt_id=prompt_id)
    assert service.submit(second, prompt_id=prompt_id) == prompt_id

    def idle() -> bool:
        return bool(service.get("/prompt").json()["exec_info"]["queue_remaining"] == 0)

    until(idle, "both jobs to end")
    kept = service.get(f"/history/{prompt_id}").json()
    assert list(kept) == [prompt_id]
    name = saved(kept[prompt_id])["filename"]
    assert name.startswith(second["save"]["inputs"]["filename_prefix"])


@pytest.mark.parametrize("prompt_id", ["unknown", "..%2F..", "%00", "a" * 5000, "名"])
def test_an_unknown_job_has_an_empty_history(service: Service, prompt_id: str) -> None:
    answer = service.get(f"/history/{prompt_id}")
    assert (answer.status_code, answer.json()) == (200, {})


def test_history_can_be_listed_in_parts_and_forgotten(service: Service, photo: bytes) -> None:
    name = service.upload(photo)
    done = [service.submit(service.prompt(name)) for _ in range(3)]
    for prompt_id in done:
        service.wait(prompt_id)
    newest = service.get("/history", params={"max_items": 2}).json()
    assert list(newest) == done[1:]
    everything = list(service.get("/history").json())
    assert everything[-3:] == done
    page = service.get("/history", params={"max_items": 1, "offset": len(everything) - 3}).json()
    assert list(page) == done[:1]
    service.post("/history", json={"delete": [done[0], "unknown"]})
    assert service.get(f"/history/{done[0]}").json() == {}
    assert service.get(f"/history/{done[1]}").json()
    service.post("/history", json={"clear": True})
    assert service.get("/history").json() == {}


def test_parts_of_the_history_at_its_edges(service: Service, photo: bytes) -> None:
    service.post("/history", json={"clear": True})
    name = service.upload(photo)
    done = [service.submit(service.prompt(name)) for _ in range(3)]
    service.wait(done[-1])

    def page(**params: int) -> list[str]:
        return list(service.get("/history", params=params).json())

    assert page(max_items=0) == page(max_items=-1) == []
    assert page(max_items=9) == page(offset=-5) == done
    assert page(offset=1) == done[1:]
    assert page(offset=3) == []
    assert page(max_items=0, offset=1) == done[1:2], "one is added before they are counted"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/queue", {}, 200),
        ("/queue", [], 200),
        ("/queue", {"clear": False, "delete": []}, 200),
        ("/queue", {"delete": None}, 500),
        ("/queue", "clear", 500),
        ("/queue", 5, 500),
        ("/history", {}, 200),
        ("/history", [], 200),
        ("/history", {"clear": False, "delete": [None, 5]}, 200),
        ("/history", {"delete": None}, 500),
        ("/history", {"delete": [["a list"]]}, 500),
        ("/history", None, 500),
    ],
)
def test_a_nonsensical_body_is_ignored_or_500_and_the_service_goes_on(
    service: Service, path: str, body: Any, status: int
) -> None:
    assert service.post(path, json=body).status_code == status
    assert service.get("/queue").status_code == 200


@pytest.mark.parametrize("path", ["/queue", "/history", "/prompt"])
def test_malformed_json_is_500(service: Service, path: str) -> None:
    assert service.post(path, data=b"{").status_code == 500
    assert service.post(path).status_code == 500


@pytest.mark.parametrize("query", ["max_items=many", "max_items=", "offset=1.5"])
def test_a_nonsensical_page_is_500(service: Service, query: str) -> None:
    assert service.raw("GET", f"/history?{query}") == 500
