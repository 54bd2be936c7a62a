"""Weights that are damaged, missing or empty: how the node pack colours nonsense in silence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.comfyui.client import CHECKPOINT, COLORIZE, NODE_PACK, Service
from contract.comfyui.deployment import Deployment
from contract.comfyui.entries import error_of, same_pixels

# an address that refuses at once: the node pack must not fetch weights from the network
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def own(deployment: Deployment) -> Iterator[Service]:
    """A service whose weights these tests may damage, in the order in which they stand here."""
    with deployment.running(deployment.new_base(), **OFFLINE) as service:
        yield service


@pytest.fixture
def weights(own: Service, photo: bytes) -> Iterator[Path]:
    """The checkpoint file, which is whole and not loaded; put right again afterwards."""
    path = own.disk / "custom_nodes" / NODE_PACK / "checkpoints" / CHECKPOINT
    aside = path.with_suffix(".aside")
    aside.hardlink_to(path)
    forget(own, photo)
    yield path
    path.unlink(missing_ok=True)
    aside.rename(path)


def forget(service: Service, photo: bytes) -> None:
    """Make the service drop its model: a job without the node is enough for that."""
    made = service.prompt(service.upload(photo))
    del made["color0"]
    made["save"]["inputs"]["images"] = ["load", 0]
    assert service.run(made)["status"]["status_str"] == "success"


def colored(service: Service, photo: bytes, node: str = "color0") -> bytes:
    """Colour a photo under a fresh name."""
    return service.picture(service.run(prompt(service, photo, node)))


def prompt(service: Service, photo: bytes, node: str = "color0") -> dict[str, object]:
    made = service.prompt(service.upload(photo))
    made[node] = made.pop("color0")
    made["save"]["inputs"]["images"] = [node, 0]
    return made


def replace(path: Path, content: bytes) -> None:
    """Put another file in its place; writing to it would damage the template behind the link."""
    path.unlink()
    path.write_bytes(content)


def test_a_corrupt_checkpoint_fails_once_and_then_colours_with_random_weights(
    own: Service, weights: Path, photo: bytes
) -> None:
    good = weights.read_bytes()
    right = colored(own, photo)
    forget(own, photo)
    replace(weights, good[: len(good) // 2])
    assert error_of(own.run(prompt(own, photo)))["node_type"] == COLORIZE
    assert not same_pixels(colored(own, photo), right)
    replace(weights, good)
    assert not same_pixels(colored(own, photo), right), "nobody looks at the file again"
    assert own.post("/free", json={"unload_models": True}).status_code == 200
    # a request to free is acted on after the job that is next, at the latest
    pictures = [colored(own, photo) for _ in range(2)]
    assert not any(same_pixels(each, right) for each in pictures), "unloading is not enough"
    assert own.post("/free", json={"free_memory": True}).status_code == 200
    pictures = [colored(own, photo) for _ in range(2)]
    assert same_pixels(pictures[-1], right)


def test_a_job_without_the_node_in_between_makes_it_load_its_weights_anew(
    own: Service, weights: Path, photo: bytes
) -> None:
    right = colored(own, photo)
    good = weights.read_bytes()
    replace(weights, b"no checkpoint")
    assert same_pixels(colored(own, photo), right), "it does not look while it has a model"
    forget(own, photo)
    error_of(own.run(prompt(own, photo)))
    replace(weights, good)
    assert not same_pixels(colored(own, photo), right)
    forget(own, photo)
    assert same_pixels(colored(own, photo), right)


def test_each_node_id_fails_once_on_a_corrupt_checkpoint(
    own: Service, weights: Path, photo: bytes
) -> None:
    replace(weights, b"no checkpoint")
    for node in ("first", "second"):
        error_of(own.run(prompt(own, photo, node)))
        colored(own, photo, node)


def test_a_checkpoint_that_is_missing_beside_others_fails_once_too(
    own: Service, weights: Path, photo: bytes
) -> None:
    weights.unlink()
    assert error_of(own.run(prompt(own, photo)))["exception_type"] == "FileNotFoundError"
    colored(own, photo)


def test_a_checkpoint_that_is_missing_in_an_empty_folder_fails_every_time(
    own: Service, weights: Path, photo: bytes
) -> None:
    folder = weights.parent
    away = folder.rename(folder.with_name("away"))
    folder.mkdir()
    try:
        for _ in range(2):
            error = error_of(own.run(prompt(own, photo)))
            assert error["exception_type"] == "FileNotFoundError"
    finally:
        folder.rmdir()
        away.rename(folder)


def test_weights_that_are_loaded_do_not_need_their_file(
    own: Service, weights: Path, photo: bytes
) -> None:
    right = colored(own, photo)
    weights.unlink()
    assert same_pixels(colored(own, photo), right)


def test_a_checkpoint_without_any_weights_colours_at_random_without_an_error(
    own: Service, weights: Path, photo: bytes, empty_checkpoint: bytes
) -> None:
    right = colored(own, photo)
    forget(own, photo)
    replace(weights, empty_checkpoint)
    assert not same_pixels(colored(own, photo), right)


def test_a_checkpoint_of_another_form_is_an_error(
    own: Service, weights: Path, photo: bytes, bare_checkpoint: bytes
) -> None:
    replace(weights, bare_checkpoint)
    assert error_of(own.run(prompt(own, photo)))["exception_type"] == "KeyError"


@pytest.mark.parametrize("size", [100, 460, 680])
def test_a_size_that_32_does_not_divide_is_accepted_and_fails_at_run_time(
    service: Service, photo: bytes, size: int
) -> None:
    made = service.prompt(service.upload(photo))
    made["color0"]["inputs"]["model_input_size"] = size
    assert error_of(service.run(made))["node_id"] == "color0"
    made["color0"]["inputs"]["model_input_size"] = 96
    assert service.run(made)["status"]["status_str"] == "success"
