"""Its life as a process: signals, kills and restarts, each on a service of its own."""

from __future__ import annotations

import io
import signal
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from contract.comfyui.client import JOB_S_MAX, Service, until
from contract.comfyui.deployment import Deployment
from contract.comfyui.entries import noise, same_pixels, saved

TERMINATED, KILLED = 128 + signal.SIGTERM, 128 + signal.SIGKILL
BIG_PX = 3000


def keep_busy(service: Service, photo: bytes) -> str:
    """Submit a job of many nodes and wait until it runs."""
    prompt_id = service.submit(service.prompt(service.upload(photo), steps=60))
    service.until_running(prompt_id)
    return prompt_id


def save_only(service: Service, content: bytes, prefix: str) -> dict[str, object]:
    """Load and save, without colours: for pictures that are too large to colour."""
    inputs = {"images": ["load", 0], "filename_prefix": prefix}
    return {
        "load": {"class_type": "LoadImage", "inputs": {"image": service.upload(content)}},
        "save": {"class_type": "SaveImage", "inputs": inputs},
    }


LEFTOVER = {"class_type": "DDColor_Colorize"}


@pytest.mark.parametrize(
    ("change", "more"),
    [
        pytest.param({}, {"extra_data": None}, id="null-extra-data"),
        pytest.param({"leftover": LEFTOVER}, {}, id="unused-node-without-inputs"),
        pytest.param({"bogus": ["absent", 0]}, {}, id="undeclared-link-to-an-absent-node"),
    ],
)
def test_some_accepted_prompts_kill_the_worker_but_not_http(
    deployment: Deployment, photo: bytes, change: dict[str, Any], more: dict[str, Any]
) -> None:
    with deployment.running(deployment.new_base()) as service:
        prompt = service.prompt(service.upload(photo))
        deadly = deepcopy(prompt)
        nodes = deadly["save"]["inputs"] if "bogus" in change else deadly
        nodes.update(change)
        dead = service.submit(deadly, **more)
        service.until_running(dead)
        waiting = [service.submit(prompt) for _ in range(2)]
        # what needs no worker goes on as if all were well
        assert service.post("/free", json={"free_memory": True}).status_code == 200
        assert service.post("/interrupt").status_code == 200
        assert service.get("/system_stats").status_code == 200
        with pytest.raises(AssertionError, match="in vain"):
            service.wait(waiting[0], limit_s=1)
        queue = service.get("/queue").json()
        assert [job[1] for job in queue["queue_running"]] == [dead]
        assert {job[1] for job in queue["queue_pending"]} == set(waiting)
        assert service.get("/history").json() == {}


def test_sigterm_ends_it_at_once_and_a_restart_has_forgotten_every_job(
    deployment: Deployment, photo: bytes
) -> None:
    base = deployment.new_base()
    with deployment.running(base) as service:
        entry = service.run(service.prompt(service.upload(photo)))
        picture = service.picture(entry)
        workflow = service.post("/userdata/workflows%2Fkept.json", data=b"{}")
        preview = service.upload(photo, type="temp")
        keep_busy(service, photo)
        service.submit(service.prompt(service.upload(photo)))
        service.program.signal(signal.SIGTERM)
        assert service.program.wait(5) == TERMINATED
    with deployment.running(base) as service:
        assert service.get("/queue").json() == {"queue_running": [], "queue_pending": []}
        assert service.get("/history").json() == {}
        assert service.picture(entry) == picture
        assert workflow.status_code == 200
        assert service.get("/userdata/workflows%2Fkept.json").content == b"{}"
        where = {"filename": preview, "type": "temp"}
        assert service.get("/view", params=where).status_code == 404, "previews are not kept"
        again = service.run(service.prompt(service.upload(photo)))
        assert same_pixels(service.picture(again), picture), "nothing depends on the process"


def test_sigint_ends_it_with_success_without_draining(deployment: Deployment, photo: bytes) -> None:
    with deployment.running(deployment.new_base()) as service:
        keep_busy(service, photo)
        service.program.signal(signal.SIGINT)
        assert service.program.wait(10) == 0


def test_a_kill_in_mid_save_leaves_a_truncated_picture_that_is_served(
    deployment: Deployment, photo: bytes
) -> None:
    base = deployment.new_base()
    with deployment.running(base) as service:
        service.submit(save_only(service, noise(BIG_PX, BIG_PX), "cut"))
        path = until(lambda: begun(base / "output"), "the picture to be begun", JOB_S_MAX)
        service.program.signal(signal.SIGKILL)
        assert service.program.wait(10) == KILLED
    part = path.read_bytes()
    with deployment.running(base) as service:
        view = service.get("/view", params={"filename": path.name})
        assert (view.status_code, view.content) == (200, part)
        assert view.headers["Content-Type"] == "image/png"
        with Image.open(io.BytesIO(part)) as picture:
            assert picture.size == (BIG_PX, BIG_PX), "its head is whole"
            with pytest.raises(OSError, match="truncated"):
                picture.load()
        entry = service.run(save_only(service, photo, "cut"))
        assert saved(entry)["filename"] == "cut_00002_.png", "the stump keeps its number"


def begun(folder: Path) -> Path | None:
    """The first picture in a folder that has some bytes already."""
    return next((path for path in folder.glob("*.png") if path.stat().st_size), None)
