"""A prompt that runs: messages, pictures, cache."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from contract.comfyui.conftest import Service


def text_chunks(content: bytes) -> dict[str, str]:
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        return {str(key): str(value) for key, value in picture.info.items()}


def pixels(content: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def messages_of(entry: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [data for event, data in entry["status"]["messages"] if event == kind]


def test_a_job_leaves_a_picture_of_the_same_size(service: Service, photo: bytes) -> None:
    entry = service.run(service.prompt(service.upload(photo)))
    assert entry["status"]["completed"] is True
    assert set(entry) == {"prompt", "outputs", "status", "meta"}
    kinds = [event for event, _data in entry["status"]["messages"]]
    assert kinds == ["execution_start", "execution_cached", "execution_success"]
    assert pixels(service.picture(entry)).shape == pixels(photo).shape


def test_the_png_carries_the_prompt_and_every_extra_key(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    extra = {"workflow": {"nodes": [], "名": "人物"}, "more": [1, None]}
    entry = service.run(prompt, extra_data={"extra_pnginfo": extra})
    chunks = text_chunks(service.picture(entry))
    assert set(chunks) == {"prompt", "workflow", "more"}
    assert json.loads(chunks["workflow"]) == extra["workflow"]
    embedded = json.loads(chunks["prompt"])
    for node in embedded.values():
        node.pop("is_changed", None)
    assert embedded == prompt


def test_a_repeat_under_a_fresh_name_gives_the_same_pixels(service: Service, photo: bytes) -> None:
    first = service.run(service.prompt(service.upload(photo)))
    second = service.run(service.prompt(service.upload(photo)))
    assert messages_of(second, "execution_cached")[0]["nodes"] == []
    assert np.array_equal(pixels(service.picture(first)), pixels(service.picture(second)))


def test_messages_come_in_order(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    client = uuid.uuid4().hex
    messages = service.listen(client, lambda: service.submit(prompt, client_id=client), "executing")
    assert messages[0]["type"] == "status"
    assert messages[0]["data"]["sid"] == client
    assert messages[0]["data"]["status"]["exec_info"]["queue_remaining"] == 0
    node = ["progress_state", "executing", "progress_state"]
    expected = ["status", "status", "execution_start", "execution_cached", *node, *node]
    expected += ["progress_state", "executing", "executed", "progress_state"]
    expected += ["execution_success", "status", "executing"]
    kinds = [message["type"] for message in messages[1:]]
    assert kinds == expected
    executed = next(m["data"] for m in messages if m["type"] == "executed")
    assert executed["node"] == "save"
    assert executed["output"]["images"][0]["type"] == "output"
    assert service.get(f"/history/{executed['prompt_id']}").json(), "history precedes the end"


def test_others_only_see_status_and_progress(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))

    def act() -> None:
        service.run(prompt)
        service.run(service.prompt(service.upload(photo)), client_id="watcher")

    messages = service.listen("watcher", act, "execution_start")
    kinds = {message["type"] for message in messages[:-1]}
    assert kinds == {"status", "progress_state"}


def test_an_identical_prompt_runs_nothing_and_names_the_old_file(
    service: Service, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    first = service.run(prompt)
    second = service.run(prompt)
    assert set(messages_of(second, "execution_cached")[0]["nodes"]) == set(prompt)
    assert second["outputs"] == first["outputs"]


def test_the_cache_does_not_notice_that_the_file_is_gone(
    service: Service, base: Path, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    image = service.run(prompt)["outputs"]["save"]["images"][0]
    (base / "output" / image["filename"]).unlink()
    again = service.run(prompt)
    assert again["status"]["status_str"] == "success"
    assert again["outputs"]["save"]["images"][0] == image
    assert service.get("/view", params=image).status_code == 404


def test_a_new_prefix_runs_only_the_save_node(service: Service, photo: bytes) -> None:
    name = service.upload(photo)
    service.run(service.prompt(name))
    second = service.run(service.prompt(name))
    assert set(messages_of(second, "execution_cached")[0]["nodes"]) == {"load", "color0"}


def test_a_changed_photo_under_the_same_name_runs_again(service: Service, photo: bytes) -> None:
    name = service.upload(photo)
    prompt = service.prompt(name)
    service.run(prompt)
    buffer = io.BytesIO()
    Image.new("RGB", (48, 40), 77).save(buffer, "PNG")
    assert service.upload(buffer.getvalue(), name, overwrite="true") == name
    assert messages_of(service.run(prompt), "execution_cached")[0]["nodes"] == []


def test_free_memory_empties_the_cache(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    service.run(prompt)
    assert service.post("/free", json={"free_memory": True}).status_code == 200
    assert messages_of(service.run(prompt), "execution_cached")[0]["nodes"] == []


def test_pictures_are_numbered_upwards_and_numbers_come_back(
    service: Service, base: Path, photo: bytes
) -> None:
    prefix = f"sub/contract-{uuid.uuid4()}"
    names = []
    for _ in range(3):
        entry = service.run(service.prompt(service.upload(photo), prefix))
        image = entry["outputs"]["save"]["images"][0]
        assert image["subfolder"] == "sub"
        names.append(image["filename"])
    stem = prefix.removeprefix("sub/")
    assert names == [f"{stem}_{number:05}_.png" for number in (1, 2, 3)]
    (base / "output" / "sub" / names[-1]).unlink()
    entry = service.run(service.prompt(service.upload(photo), prefix))
    assert entry["outputs"]["save"]["images"][0]["filename"] == names[-1]


def test_a_prefix_that_leaves_the_output_folder_is_an_execution_error(
    service: Service, photo: bytes
) -> None:
    entry = service.run(service.prompt(service.upload(photo), "../../escaped"))
    assert entry["status"]["status_str"] == "error"
    assert messages_of(entry, "execution_error")[0]["node_id"] == "save"


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("I;16", "PNG"), ("P", "PNG"), ("CMYK", "JPEG"), ("RGBA", "PNG"), ("1", "PNG"), ("L", "BMP")],
)
def test_every_kind_of_picture_is_colourable(service: Service, mode: str, kind: str) -> None:
    buffer = io.BytesIO()
    if mode == "I;16":
        Image.fromarray(np.arange(0, 65536, 64).astype(np.uint16).reshape(32, 32)).save(
            buffer, kind
        )
    else:
        Image.radial_gradient("L").resize((33, 31)).convert("RGB").convert(mode).save(buffer, kind)
    entry = service.run(service.prompt(service.upload(buffer.getvalue())))
    assert pixels(service.picture(entry)).ndim == 3


def test_a_single_pixel_is_colourable(service: Service) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1), 128).save(buffer, "PNG")
    entry = service.run(service.prompt(service.upload(buffer.getvalue())))
    assert pixels(service.picture(entry)).shape == (1, 1, 3)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_an_execution_error(service: Service, content: bytes) -> None:
    entry = service.run(service.prompt(service.upload(content)))
    assert entry["status"]["status_str"] == "error"
    error = messages_of(entry, "execution_error")[0]
    assert error["node_type"] == "LoadImage"
    expected = {"prompt_id", "node_id", "node_type", "executed", "exception_message"}
    expected |= {"exception_type", "traceback", "current_inputs", "current_outputs", "timestamp"}
    assert set(error) == expected


def test_a_truncated_photo_is_an_execution_error(service: Service) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    entry = service.run(service.prompt(service.upload(buffer.getvalue()[:6000])))
    assert entry["status"]["status_str"] == "error"
