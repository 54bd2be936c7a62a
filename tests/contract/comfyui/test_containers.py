"""What only a container shows: process 1, a full disk, a disk that cannot be written."""

from __future__ import annotations

import errno
import io
import os
import signal

import pytest
from docker.types import Mount, Ulimit
from PIL import Image

from contract.comfyui.containers import BASE, ImageDeployment, without_init
from contract.comfyui.deployment import END_S_MAX
from contract.comfyui.entries import error_of, noise

OUTPUT = f"{BASE}/output"
SMALL_BYTES = 256 * 1024
DATA_BYTES = 4 * 1024**3
HUGE_PX = 4096

pytestmark = pytest.mark.docker


def test_as_process_1_it_ignores_sigterm_and_goes_on_working(
    containers: ImageDeployment, photo: bytes
) -> None:
    with containers.container(containers.new_base()) as service:
        service.program.signal(signal.SIGTERM)
        entry = service.run(service.prompt(service.upload(photo)))
        assert entry["status"]["status_str"] == "success"
        assert service.program.wait(0) is None
        service.program.signal(signal.SIGINT)
        assert service.program.wait(END_S_MAX) == 0


def test_under_an_init_it_ends_at_once_on_sigterm(containers: ImageDeployment) -> None:
    with containers.running(containers.new_base()) as service:
        service.program.signal(signal.SIGTERM)
        assert service.program.wait(5) == 128 + signal.SIGTERM


def test_a_full_disk_is_an_execution_error_and_the_partial_picture_stays(
    containers: ImageDeployment,
) -> None:
    base = containers.new_base()
    small = Mount(OUTPUT, None, type="tmpfs", tmpfs_size=SMALL_BYTES)
    with containers.container(base, init=True, mounts=[small]) as service:
        error = error_of(service.run(service.prompt(service.upload(noise(400, 400)), "full")))
        assert error["node_id"] == "save"
        assert error["exception_type"] == "OSError"
        assert os.strerror(errno.ENOSPC) in error["exception_message"]
        view = service.get("/view", params={"filename": "full_00001_.png"})
        assert view.status_code == 200
        with Image.open(io.BytesIO(view.content)) as picture, pytest.raises(OSError, match="trunc"):
            picture.load()


def test_a_disk_that_cannot_be_written_is_an_execution_error(
    containers: ImageDeployment, photo: bytes
) -> None:
    base = containers.new_base()
    (base / "output").mkdir()
    fixed = Mount(OUTPUT, str(base / "output"), type="bind", read_only=True)
    with containers.container(base, init=True, mounts=[fixed]) as service:
        prompt = service.prompt(service.upload(photo))
        error = error_of(service.run(prompt))
        assert (error["node_id"], error["exception_type"]) == ("save", "OSError")
        assert os.strerror(errno.EROFS) in error["exception_message"]
        prompt["save"] = {"class_type": "PreviewImage", "inputs": {"images": ["color0", 0]}}
        assert service.run(prompt)["status"]["status_str"] == "success", "the rest goes on"


def test_an_init_before_the_command_is_recognised() -> None:
    assert without_init(["tini", "--", "python3", "x"]) == ["python3", "x"]
    assert without_init(["/usr/bin/dumb-init", "python3"]) == ["python3"]
    assert without_init(["python3", "--", "x"]) == ["python3", "--", "x"]


def test_too_little_memory_is_an_execution_error_and_the_next_job_runs(
    containers: ImageDeployment, photo: bytes
) -> None:
    limit = Ulimit(name="data", soft=DATA_BYTES, hard=DATA_BYTES)
    with containers.container(containers.new_base(), init=True, ulimits=[limit]) as service:
        name = service.upload(photo)
        greedy = service.prompt(name)
        greedy["color0"]["inputs"]["model_input_size"] = HUGE_PX

        error = error_of(service.run(greedy))

        assert error["node_id"] == "color0"
        assert error["exception_type"] in {"RuntimeError", "MemoryError"}
        assert "memory" in error["exception_message"]
        entry = service.run(service.prompt(name))
        assert entry["status"]["status_str"] == "success"
