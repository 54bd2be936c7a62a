"""/object_info: what the nodes accept and return, field by field."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from contract.comfyui.client import CHECKPOINT, COLORIZE, NODE_PACK, Service

HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
NODES: dict[str, dict[str, Any]] = {
    "LoadImage": {
        "input_order": {"required": ["image"]},
        "output": ["IMAGE", "MASK"],
        "output_is_list": [False, False],
        "output_name": ["IMAGE", "MASK"],
        "display_name": "Load Image",
        "python_module": "nodes",
        "category": "image",
        "output_node": False,
    },
    "SaveImage": {
        "input_order": {
            "required": ["images", "filename_prefix"],
            "hidden": ["prompt", "extra_pnginfo"],
        },
        "output": [],
        "output_is_list": [],
        "output_name": [],
        "display_name": "Save Image",
        "python_module": "nodes",
        "category": "image",
        "output_node": True,
    },
    "PreviewImage": {
        "input_order": {"required": ["images"], "hidden": ["prompt", "extra_pnginfo"]},
        "output": [],
        "output_is_list": [],
        "output_name": [],
        "display_name": "Preview Image",
        "python_module": "nodes",
        "category": "image",
        "output_node": True,
    },
    COLORIZE: {
        "input_order": {"required": ["image", "model_input_size", "checkpoint"]},
        "output": ["IMAGE"],
        "output_is_list": [False],
        "output_name": ["colorized_image"],
        "display_name": COLORIZE,
        "python_module": f"custom_nodes.{NODE_PACK}",
        "category": "DDColor",
        "output_node": False,
    },
}
FIELDS = {
    *("input", "input_order", "output", "output_is_list", "output_name", "name"),
    *("display_name", "description", "python_module", "category", "output_node"),
}


def node(service: Service, class_type: str) -> dict[str, Any]:
    answer = service.get(f"/object_info/{class_type}")
    assert (answer.status_code, list(answer.json())) == (200, [class_type])
    return dict(answer.json()[class_type])


@pytest.mark.parametrize("class_type", NODES)
def test_a_node_is_described_field_by_field(service: Service, class_type: str) -> None:
    described = node(service, class_type)
    assert set(described) == FIELDS
    assert described["name"] == class_type
    assert isinstance(described["description"], str)
    assert {name: described[name] for name in NODES[class_type]} == NODES[class_type]
    assert list(described["input"]) == list(NODES[class_type]["input_order"])
    for group, names in NODES[class_type]["input_order"].items():
        assert list(described["input"][group]) == names


@pytest.mark.parametrize("class_type", NODES)
def test_a_node_is_the_same_in_the_list_of_all(service: Service, class_type: str) -> None:
    assert service.get("/object_info").json()[class_type] == node(service, class_type)


def test_every_node_has_the_same_fields(service: Service) -> None:
    for class_type, described in service.get("/object_info").json().items():
        assert set(described) >= FIELDS, class_type


def test_load_image_offers_the_pictures_of_its_folder(service: Service) -> None:
    pictures, options = node(service, "LoadImage")["input"]["required"]["image"]
    assert options == {"image_upload": True}
    assert pictures == sorted(pictures)


@pytest.mark.parametrize(
    ("suffix", "offered"),
    [(".png", True), (".JPG", True), (".webp", True), (".txt", False), ("", False)],
)
def test_an_upload_is_offered_at_once_if_its_name_is_a_pictures(
    service: Service, suffix: str, *, offered: bool
) -> None:
    name = service.upload(b"x", f"{uuid.uuid4()}{suffix}")
    (pictures, _options) = node(service, "LoadImage")["input"]["required"]["image"]
    assert (name in pictures) == offered


def test_pictures_in_subfolders_are_not_offered(service: Service, photo: bytes) -> None:
    folder = str(uuid.uuid4())
    name = service.upload(photo, subfolder=folder)
    (pictures, _options) = node(service, "LoadImage")["input"]["required"]["image"]
    assert not {name, f"{folder}/{name}"} & set(pictures)


@pytest.mark.parametrize("class_type", ["SaveImage", "PreviewImage"])
def test_nodes_that_write_get_the_prompt_from_the_server(service: Service, class_type: str) -> None:
    assert node(service, class_type)["input"]["hidden"] == HIDDEN


def test_an_input_without_options_is_only_its_type(service: Service) -> None:
    assert node(service, "PreviewImage")["input"]["required"]["images"] == ["IMAGE"]
    assert node(service, COLORIZE)["input"]["required"]["image"] == ["IMAGE"]


def test_save_image_takes_a_prefix(service: Service) -> None:
    required = node(service, "SaveImage")["input"]["required"]
    assert required["images"][0] == "IMAGE"
    kind, options = required["filename_prefix"]
    assert (kind, options["default"]) == ("STRING", "ComfyUI")


def test_the_pack_node_takes_a_size_and_one_of_four_checkpoints(service: Service) -> None:
    required = node(service, COLORIZE)["input"]["required"]
    kind, options = required["model_input_size"]
    assert kind == "INT"
    assert options == {"default": 512, "min": 32, "max": 4096, "step": 32}
    names, options = required["checkpoint"]
    assert names[:4] == [
        CHECKPOINT,
        "ddcolor_paper.pth",
        "ddcolor_modelscope.pth",
        "ddcolor_artistic.pth",
    ]
    assert options == {"default": CHECKPOINT}


@pytest.mark.parametrize("class_type", ["Unknown", "..%2F..", "%00", "名", "loadimage"])
def test_an_unknown_class_is_an_empty_object(service: Service, class_type: str) -> None:
    answer = service.get(f"/object_info/{class_type}")
    assert (answer.status_code, answer.json()) == (200, {})
