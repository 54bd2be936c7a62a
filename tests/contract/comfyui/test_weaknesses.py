"""ComfyUI's weaknesses that the reference must share, each on a service of its own."""

from __future__ import annotations

import io
import shutil
import signal
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract.comfyui.conftest import Service

MODEL = Path("models") / "ddcolor" / "ddcolor_nano.safetensors"


def errors(entry: dict[str, Any]) -> list[str]:
    messages = entry["status"]["messages"]
    return [data["exception_message"] for kind, data in messages if kind == "execution_error"]


def test_null_extra_data_kills_the_worker_but_not_http(
    reference: Callable[..., Any], new_base: Callable[[], Path], photo: bytes
) -> None:
    with reference(new_base()) as service:
        prompt = service.prompt(service.upload(photo))
        dead = service.submit(prompt, extra_data=None)
        deadline = time.monotonic() + 10
        while not service.get("/queue").json()["queue_running"]:
            assert time.monotonic() < deadline
        waiting = service.submit(prompt)
        time.sleep(0.5)
        assert service.get("/system_stats").status_code == 200
        queue = service.get("/queue").json()
        assert [job[1] for job in queue["queue_running"]] == [dead]
        assert [job[1] for job in queue["queue_pending"]] == [waiting]
        assert service.get("/history").json() == {}


def test_a_restart_forgets_jobs_and_keeps_pictures(
    reference: Callable[..., Any], new_base: Callable[[], Path], photo: bytes
) -> None:
    base = new_base()
    with reference(base) as service:
        entry = service.run(service.prompt(service.upload(photo)))
        picture = service.picture(entry)
        waiting = service.prompt(service.upload(photo), steps=30)
        service.submit(waiting)
        service.submit(waiting)
    with reference(base) as service:
        assert service.get("/queue").json() == {"queue_running": [], "queue_pending": []}
        assert service.get("/history").json() == {}
        assert service.picture(entry) == picture


def test_a_corrupt_checkpoint_fails_once_and_then_colours_with_random_weights(
    reference: Callable[..., Any], new_base: Callable[[], Path], photo: bytes
) -> None:
    base = new_base()
    good = (base / MODEL).read_bytes()
    (base / MODEL).write_bytes(good[: len(good) // 2])
    with reference(base) as service:
        first = service.run(service.prompt(service.upload(photo)))
        assert errors(first)
        second = service.run(service.prompt(service.upload(photo)))
        random = service.picture(second)
        (base / MODEL).write_bytes(good)
        assert service.picture(service.run(service.prompt(service.upload(photo)))) != b""
        still_random = service.run(service.prompt(service.upload(photo)))
        service.post("/free", json={"free_memory": True})
        healed = service.run(service.prompt(service.upload(photo)))
        assert pixels(service.picture(still_random)) == pixels(random)
        assert pixels(service.picture(healed)) != pixels(random)


def pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as picture:
        return picture.tobytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -15), (signal.SIGINT, 0)])
def test_signals_end_the_process_without_draining(
    reference: Callable[..., Any], new_base: Callable[[], Path], number: int, code: int
) -> None:
    with reference(new_base()) as service:
        service.process.send_signal(number)
        assert service.process.wait(timeout=10) == code


def test_a_missing_cuda_device_is_an_error_of_the_node(
    reference: Callable[..., Any], new_base: Callable[[], Path], photo: bytes
) -> None:
    environment = {"DEVICE": "CUDA", "CUDA_VISIBLE_DEVICES": ""}
    with reference(new_base(), **environment) as service:
        for _ in range(2):
            entry = service.run(service.prompt(service.upload(photo)))
            assert "cuda" in errors(entry)[0].lower()


def test_a_size_that_is_no_multiple_of_32_fails_in_the_pack_node(
    service: Service, base: Path, photo: bytes
) -> None:
    del base  # needs the nano checkpoint
    prompt = service.prompt(service.upload(photo))
    inputs = {"image": ["load", 0], "model_input_size": 100, "checkpoint": MODEL.name}
    prompt["color0"] = {"class_type": "DDColor_Colorize", "inputs": inputs}
    assert errors(service.run(prompt))
    inputs["model_input_size"] = 96
    assert service.run(prompt)["status"]["status_str"] == "success"


def test_a_missing_pack_checkpoint_passes_validation_and_fails_at_run_time(
    service: Service, base: Path, photo: bytes
) -> None:
    del base  # the real service may have it
    prompt = service.prompt(service.upload(photo))
    inputs = {"image": ["load", 0], "model_input_size": 64}
    inputs["checkpoint"] = "ddcolor_paper_tiny.pth"
    prompt[f"pack-{uuid.uuid4()}"] = prompt.pop("color0")
    prompt["color0"] = {"class_type": "DDColor_Colorize", "inputs": inputs}
    assert errors(service.run(prompt))


def test_an_output_that_cannot_be_written_is_an_execution_error(
    service: Service, base: Path, photo: bytes
) -> None:
    (base / "output" / "blocked").write_text("a file where a folder should be")
    entry = service.run(service.prompt(service.upload(photo), "blocked/x"))
    assert entry["status"]["status_str"] == "error"
    assert service.raw("GET", "/view?filename=x.png&subfolder=blocked") == 404


def test_an_input_folder_that_is_gone_fails_at_validation_and_not_the_service(
    reference: Callable[..., Any], new_base: Callable[[], Path], photo: bytes
) -> None:
    base = new_base()
    with reference(base) as service:
        prompt = service.prompt(service.upload(photo))
        shutil.rmtree(base / "input")
        assert service.post("/prompt", json={"prompt": prompt}).status_code == 400
        assert service.get("/object_info/LoadImage").json() == {}
        assert "SaveImage" in service.get("/object_info").json()
        service.upload(photo)
        assert "LoadImage" in service.get("/object_info").json()


@pytest.mark.parametrize("value", ["large", "0", "-5", "99999"])
def test_a_nonsensical_model_size_keeps_the_service_down(
    reference: Callable[..., Any], new_base: Callable[[], Path], value: str
) -> None:
    with (
        pytest.raises(AssertionError, match="MODEL_SIZE"),
        reference(new_base(), MODEL_SIZE=value),
    ):
        pass


def test_the_environment_sets_the_default_size_and_switches_denoising_off(
    reference: Callable[..., Any], new_base: Callable[[], Path], service: Service, base: Path
) -> None:
    del base  # compares two references
    noisy = noise()
    with reference(new_base(), MODEL_SIZE="960", DENOISE="0") as stale:
        info = stale.get("/object_info/DDColor-ddcolorize").json()["DDColor-ddcolorize"]
        assert info["input"]["required"]["size"][1]["default"] == 960
        without = stale.picture(stale.run(stale.prompt(stale.upload(noisy))))
    with_denoising = service.picture(service.run(service.prompt(service.upload(noisy))))
    assert pixels(without) != pixels(with_denoising)


def noise() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((48, 40), 60).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
