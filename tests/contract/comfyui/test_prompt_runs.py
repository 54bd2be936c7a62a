"""A prompt that runs: what the history and the picture say about it."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from contract.comfyui.client import COLORIZE, Service
from contract.comfyui.entries import cached, error_of, messages_of, pixels, same_pixels, saved


def text_chunks(content: bytes) -> dict[str, str]:
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        return {str(key): str(value) for key, value in picture.info.items()}


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
    assert cached(second) == set()
    assert same_pixels(service.picture(first), service.picture(second))


def test_the_history_keeps_the_job_as_it_was_submitted(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    extra = {"extra_pnginfo": {"workflow": {}}, "more": 1}
    entry = service.run(prompt, client_id="a client", extra_data=extra)
    number, prompt_id, kept, kept_extra, outputs = entry["prompt"]
    assert isinstance(number, int)
    assert prompt_id == messages_of(entry, "execution_start")[0]["prompt_id"]
    assert kept == prompt, "without what running it added"
    assert kept_extra == {**extra, "client_id": "a client"}
    assert outputs == ["save"]


def test_the_history_does_not_keep_secrets(service: Service, photo: bytes) -> None:
    secrets = {"api_key_comfy_org": "s3cret", "auth_token_comfy_org": "s3cret"}
    entry = service.run(service.prompt(service.upload(photo)), extra_data=secrets)
    assert "s3cret" not in json.dumps(entry)


def test_outputs_and_meta_name_the_node_that_showed_something(
    service: Service, photo: bytes
) -> None:
    entry = service.run(service.prompt(service.upload(photo)))
    assert set(entry["outputs"]) == set(entry["meta"]) == {"save"}
    same = {"node_id": "save", "display_node": "save", "real_node_id": "save"}
    assert entry["meta"]["save"] == {**same, "parent_node": None}


def test_a_job_without_an_id_gets_one(service: Service, photo: bytes) -> None:
    body = {"prompt": service.prompt(service.upload(photo))}
    answer = service.post("/prompt", json=body).json()
    assert set(answer) == {"prompt_id", "number", "node_errors"}
    assert str(uuid.UUID(answer["prompt_id"])) == answer["prompt_id"]
    service.wait(answer["prompt_id"])


def test_an_execution_error_says_where_and_with_what_it_failed(
    service: Service, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    prompt["color0"]["inputs"]["model_input_size"] = 100
    entry = service.run(prompt)
    assert (entry["status"]["completed"], entry["outputs"]) == (False, {})
    kinds = [event for event, _data in entry["status"]["messages"]]
    assert kinds == ["execution_start", "execution_cached", "execution_error"]
    error = error_of(entry)
    expected = {"prompt_id", "node_id", "node_type", "executed", "exception_message"}
    expected |= {"exception_type", "traceback", "current_inputs", "current_outputs", "timestamp"}
    assert set(error) == expected
    assert (error["node_id"], error["node_type"]) == ("color0", COLORIZE)
    assert error["executed"] == ["load"]
    assert set(error["current_outputs"]) == set(prompt)
    assert error["current_inputs"]["model_input_size"] == [100]
    assert error["current_inputs"]["image"][0].startswith("tensor(")
    assert error["exception_message"].endswith("\n")


def test_the_inputs_of_a_failing_save_node_hold_what_the_server_added(
    service: Service, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo), "../outside")
    inputs = error_of(service.run(prompt))["current_inputs"]
    assert inputs["filename_prefix"] == ["../outside"]
    assert inputs["extra_pnginfo"] == [None]
    assert isinstance(inputs["prompt"][0], str)


def test_a_job_after_a_failed_one_uses_what_that_one_has_done(
    service: Service, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo), "../outside")
    error_of(service.run(prompt))
    prompt["save"]["inputs"]["filename_prefix"] = f"contract-{uuid.uuid4()}"
    assert cached(service.run(prompt)) == {"load", "color0"}


def test_a_link_to_an_input_that_the_node_does_not_have_fails_at_run_time(
    service: Service, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    prompt["save"]["inputs"]["bogus"] = ["load", 0]
    error = error_of(service.run(prompt))
    assert (error["node_id"], error["exception_type"]) == ("save", "TypeError")
    assert "bogus" in error["exception_message"]


def test_a_value_of_an_input_that_the_node_does_not_have_is_ignored(
    service: Service, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    prompt["save"]["inputs"]["bogus"] = 5
    assert saved(service.run(prompt))


def test_every_output_of_a_job_is_made(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    prompt["preview"] = {"class_type": "PreviewImage", "inputs": {"images": ["load", 0]}}
    entry = service.run(prompt)
    preview = saved(entry, "preview")
    assert preview["type"] == "temp"
    assert preview["filename"].startswith("ComfyUI_temp_")
    assert same_pixels(service.get("/view", params=preview).content, photo)
    assert pixels(service.picture(entry)).shape == pixels(photo).shape


def test_an_output_that_cannot_be_written_is_an_execution_error(
    service: Service, base: Path, photo: bytes
) -> None:
    (base / "output" / "blocked").write_text("a file where a folder should be")
    error = error_of(service.run(service.prompt(service.upload(photo), "blocked/x")))
    assert (error["node_id"], error["exception_type"]) == ("save", "NotADirectoryError")
    assert service.raw("GET", "/view?filename=x.png&subfolder=blocked") == 404


@pytest.fixture
def without_input(service: Service, base: Path) -> Any:
    """Take the input folder away; put right again afterwards."""
    away = (base / "input").rename(base / "away")
    yield
    if (base / "input").exists():
        for path in (base / "input").iterdir():
            path.rename(away / path.name)
        (base / "input").rmdir()
    away.rename(base / "input")


def test_an_input_folder_that_is_gone_fails_what_lists_it_and_not_the_service(
    service: Service, photo: bytes, without_input: None
) -> None:
    answer = service.post("/prompt", json={"prompt": service.prompt("absent.png")})
    assert answer.status_code == 400
    assert "exception_during_inner_validation" in answer.text
    assert service.get("/object_info/LoadImage").status_code == 500
    assert "LoadImage" not in service.get("/object_info").json()
    name = service.upload(photo)
    assert "LoadImage" in service.get("/object_info").json()
    assert saved(service.run(service.prompt(name)))
