"""The result cache: what runs again and what does not."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from contract.comfyui.client import Service
from contract.comfyui.entries import cached, saved


def test_an_identical_prompt_runs_nothing_and_names_the_old_file(
    service: Service, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    first = service.run(prompt)
    second = service.run(prompt)
    assert cached(second) == set(prompt)
    assert second["outputs"] == first["outputs"]


def test_the_cache_does_not_notice_that_the_file_is_gone(
    service: Service, base: Path, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    image = saved(service.run(prompt))
    (base / "output" / image["filename"]).unlink()
    assert saved(service.run(prompt)) == image
    assert service.get("/view", params=image).status_code == 404


def test_a_new_prefix_runs_only_the_save_node(service: Service, photo: bytes) -> None:
    name = service.upload(photo)
    service.run(service.prompt(name))
    second = service.run(service.prompt(name))
    assert cached(second) == {"load", "color0"}


def test_a_changed_photo_under_the_same_name_runs_again(service: Service, photo: bytes) -> None:
    name = service.upload(photo)
    prompt = service.prompt(name)
    service.run(prompt)
    buffer = io.BytesIO()
    Image.new("RGB", (48, 40), 77).save(buffer, "PNG")
    assert service.upload(buffer.getvalue(), name, overwrite="true") == name
    assert cached(service.run(prompt)) == set()


def test_free_memory_empties_the_cache_after_the_next_job_at_the_latest(
    service: Service, photo: bytes
) -> None:
    prompt = service.prompt(service.upload(photo))
    service.run(prompt)
    assert service.post("/free", json={"free_memory": True}).status_code == 200
    # a worker that has not woken up yet takes the job first
    runs = [cached(service.run(prompt)) for _ in range(2)]
    assert set() in runs
    assert service.post("/free", json={"unload_models": True}).status_code == 200
    runs = [cached(service.run(prompt)) for _ in range(2)]
    assert runs == [set(prompt)] * 2, "unloading models keeps the results"


def test_only_what_the_newest_job_can_use_is_kept(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    service.run(prompt)
    service.run(service.prompt(service.upload(photo)))
    assert cached(service.run(prompt)) == set()


def test_the_names_of_nodes_do_not_count(service: Service, photo: bytes) -> None:
    prompt = service.prompt(service.upload(photo))
    service.run(prompt)
    renamed = {f"{name}-2": node for name, node in prompt.items()}
    renamed["color0-2"]["inputs"]["image"] = ["load-2", 0]
    renamed["save-2"]["inputs"]["images"] = ["color0-2", 0]
    assert cached(service.run(renamed)) == set(renamed)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"5"])
def test_a_nonsensical_request_to_free_is_500(service: Service, body: bytes) -> None:
    assert service.post("/free", data=body).status_code == 500
    assert service.post("/free", json={}).status_code == 200
