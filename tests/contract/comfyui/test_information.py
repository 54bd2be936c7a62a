"""What the service says about itself, and whether the bundled workflows fit it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from contract.comfyui.conftest import Service

WORKFLOWS = Path(__file__).parents[3] / "fixtures" / "workflows"
LINK_TYPES = {"IMAGE", "MASK"}


def test_system_stats_describes_machine_and_device(service: Service) -> None:
    stats = service.get("/system_stats").json()
    expected = {"os", "ram_total", "ram_free", "comfyui_version", "python_version", "argv"}
    assert expected | {"pytorch_version"} <= set(stats["system"])
    device = {"name", "type", "index", "vram_total", "vram_free"}
    assert device <= set(stats["devices"][0])


@pytest.mark.parametrize(
    "path", ["/system_stats", "/queue", "/prompt", "/object_info", "/features", "/history"]
)
def test_every_route_is_mirrored_under_api(service: Service, path: str) -> None:
    plain, mirrored = service.get(path), service.get(f"/api{path}")
    assert plain.status_code == mirrored.status_code == 200
    assert set(plain.json()) == set(mirrored.json())


def test_object_info_describes_the_nodes(service: Service) -> None:
    info = service.get("/object_info").json()
    assert {"LoadImage", "SaveImage"} <= set(info)
    keys = {"input", "input_order", "output", "output_is_list", "output_name", "name"}
    keys |= {"display_name", "description", "python_module", "category", "output_node"}
    for node in info.values():
        assert keys <= set(node)
    assert info["LoadImage"]["output"] == ["IMAGE", "MASK"]
    assert info["SaveImage"]["output_node"] is True
    hidden = info["SaveImage"]["input"]["hidden"]
    assert hidden == {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


def test_object_info_lists_an_upload_at_once(service: Service, photo: bytes) -> None:
    name = service.upload(photo)
    info = service.get("/object_info/LoadImage").json()["LoadImage"]
    assert name in info["input"]["required"]["image"][0]


@pytest.mark.parametrize("class_type", ["Unknown", "..%2F..", "%00", "名"])
def test_an_unknown_class_is_an_empty_object(service: Service, class_type: str) -> None:
    answer = service.get(f"/object_info/{class_type}")
    assert (answer.status_code, answer.json()) == (200, {})


def test_the_pack_node_offers_its_four_checkpoints(service: Service) -> None:
    info = service.get("/object_info/DDColor_Colorize").json()
    if not info:
        pytest.skip("this service has no DDColor_Colorize")
    required = info["DDColor_Colorize"]["input"]["required"]
    assert required["checkpoint"][0][:2] == ["ddcolor_paper_tiny.pth", "ddcolor_paper.pth"]
    options = required["model_input_size"][1]
    assert (options["default"], options["min"], options["max"]) == (512, 32, 4096)
    assert info["DDColor_Colorize"]["output_name"] == ["colorized_image"]


def test_models_are_listed_by_folder(service: Service) -> None:
    folders = service.get("/models").json()
    assert "checkpoints" in folders
    for folder in folders:
        assert isinstance(service.get(f"/models/{folder}").json(), list)
    assert service.get("/models/absent").status_code == 404
    assert service.raw("GET", "/models/..%2F..") == 404
    assert isinstance(service.get("/embeddings").json(), list)


def test_there_is_a_page_and_no_route_is_404(service: Service) -> None:
    page = service.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert service.get("/no/such/route").status_code == 404
    assert service.raw("GET", "/../../etc/passwd") in {400, 404}
    assert service.raw("PUT", "/prompt") == 405


def test_pages_from_elsewhere_are_refused(service: Service, base: Path) -> None:
    del base  # only on loopback
    headers = {"Origin": "http://elsewhere.example"}
    assert service.get("/queue", headers=headers).status_code == 403
    assert service.get("/queue", headers={"Origin": service.url}).status_code == 200


def test_features_say_how_large_an_upload_may_be(service: Service) -> None:
    assert service.get("/features").json()["max_upload_size"] == 100 * 1024 * 1024


@pytest.mark.parametrize("name", ["DDColor人物黑白修复", "DDColor建筑黑白修复"])
def test_the_bundled_workflows_fit_the_nodes(service: Service, name: str) -> None:
    if not service.get("/object_info/DDColor-ddcolorize").json():
        pytest.skip("this service has no DDColor-ddcolorize")
    page_form = json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
    api_form = json.loads((WORKFLOWS / "api" / f"{name}.json").read_text(encoding="utf-8"))
    info = service.get("/object_info").json()
    assert convert(page_form, info) == {
        node_id: {"class_type": node["class_type"], "inputs": node["inputs"]}
        for node_id, node in api_form.items()
    }


def convert(workflow: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """Turn the page's form into the API's, for workflows without notes, groups and subgraphs."""
    links = {link[0]: link for link in workflow["links"]}
    prompt = {}
    for node in workflow["nodes"]:
        described = info[node["type"]]["input"]["required"]
        sockets = {entry["name"]: entry for entry in node["inputs"]}
        values = iter(node["widgets_values"])
        inputs: dict[str, Any] = {}
        for name, (kind, *_options) in described.items():
            if isinstance(kind, str) and kind in LINK_TYPES:
                _id, source, slot, target, target_slot, link_kind = links[sockets[name]["link"]]
                assert target == node["id"]
                assert node["inputs"][target_slot]["name"] == name
                assert link_kind == kind
                inputs[name] = [str(source), slot]
            else:
                inputs[name] = next(values)
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt
