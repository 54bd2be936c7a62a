"""``DDColor-ddcolorize``: the node that only the reference has, and what its environment sets."""

from __future__ import annotations

from typing import Any

import pytest

from contract.comfyui.client import Service
from contract.comfyui.deployment import WEIGHTS, ProcessDeployment
from contract.comfyui.entries import error_of, noise, pixels, same_pixels

NODE = "DDColor-ddcolorize"


def colorize(service: Service, photo: bytes, **inputs: Any) -> dict[str, Any]:
    """Build a prompt that colours a photo, uploaded under a fresh name, with the node."""
    prompt = service.prompt(service.upload(photo))
    given = {"image": ["load", 0], "model": WEIGHTS.name, "size": 64, **inputs}
    prompt["color0"] = {"class_type": NODE, "inputs": given}
    return prompt


def colored(service: Service, photo: bytes, **inputs: Any) -> bytes:
    return service.picture(service.run(colorize(service, photo, **inputs)))


def described(service: Service) -> dict[str, Any]:
    info = service.get(f"/object_info/{NODE}").json()[NODE]
    return dict(info["input"]["required"])


def test_it_offers_the_checkpoints_of_its_folder_and_any_size(service: Service) -> None:
    required = described(service)
    assert required["model"][0] == [WEIGHTS.name]
    size = required["size"][1]
    assert (size["default"], size["min"], size["max"], size["step"]) == (512, 32, 4096, 1)


@pytest.mark.parametrize(("size", "rounded"), [(33, 64), (65, 96), (100, 128)])
def test_a_size_is_rounded_up_to_a_multiple_of_32(
    service: Service, size: int, rounded: int
) -> None:
    photo = noise(48, 40)
    assert same_pixels(colored(service, photo, size=size), colored(service, photo, size=rounded))


def test_sizes_apart_by_more_than_the_rounding_differ(service: Service, photo: bytes) -> None:
    assert not same_pixels(colored(service, photo, size=64), colored(service, photo, size=96))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("size", 31, "value_smaller_than_min"),
        ("size", 4097, "value_bigger_than_max"),
        ("size", "large", "invalid_input_type"),
        ("model", "../../input/x.safetensors", "value_not_in_list"),
        ("model", "", "value_not_in_list"),
    ],
)
def test_values_out_of_bounds_are_refused(
    service: Service, photo: bytes, field: str, value: Any, expected: str
) -> None:
    answer = service.post("/prompt", json={"prompt": colorize(service, photo, **{field: value})})
    assert answer.status_code == 400
    errors = answer.json()["node_errors"]["color0"]["errors"]
    assert [error["type"] for error in errors] == [expected]


def test_it_denoises_and_the_pack_node_does_not(service: Service) -> None:
    noisy = noise(48, 40)
    prompt = service.prompt(service.upload(noisy))
    plain = service.picture(service.run(prompt))
    assert not same_pixels(colored(service, noisy), plain)


def test_a_missing_cuda_device_is_an_error_of_the_node_every_time(
    reference: ProcessDeployment, photo: bytes
) -> None:
    environment = {"DEVICE": "CUDA", "CUDA_VISIBLE_DEVICES": ""}
    with reference.running(reference.new_base(), **environment) as service:
        for _ in range(2):
            error = error_of(service.run(colorize(service, photo)))
            assert "cuda" in error["exception_message"].lower()


@pytest.mark.parametrize("value", ["large", "0", "-5", "99999"])
def test_a_nonsensical_model_size_keeps_the_service_down(
    reference: ProcessDeployment, value: str
) -> None:
    with (
        pytest.raises(AssertionError, match="MODEL_SIZE"),
        reference.running(reference.new_base(), MODEL_SIZE=value),
    ):
        pass


def test_the_environment_sets_the_default_size_and_switches_denoising_off(
    reference: ProcessDeployment, service: Service
) -> None:
    noisy = noise(48, 40)
    with reference.running(reference.new_base(), MODEL_SIZE="960", DENOISE="0") as stale:
        assert described(stale)["size"][1]["default"] == 960
        without = colored(stale, noisy)
    assert not same_pixels(without, colored(service, noisy))


def test_its_weights_that_are_corrupt_colour_at_random_from_the_second_job_on(
    reference: ProcessDeployment, photo: bytes
) -> None:
    base = reference.new_base()
    path = base / "models" / "ddcolor" / WEIGHTS.name
    good = path.read_bytes()
    path.unlink()
    path.write_bytes(good[: len(good) // 2])
    with reference.running(base) as service:
        error_of(service.run(colorize(service, photo)))
        random = colored(service, photo)
        path.write_bytes(good)
        assert pixels(random).shape == pixels(photo).shape
        random_still = colored(service, photo)
        service.post("/free", json={"free_memory": True})
        healed = [colored(service, photo) for _ in range(2)][-1]
        assert not same_pixels(random_still, healed)
        assert not same_pixels(random, healed)
