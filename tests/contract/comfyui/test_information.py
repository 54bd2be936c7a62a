"""What the service says about itself: /system_stats, /models, /embeddings, /features, /api."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from contract.comfyui.client import Service

FOLDERS = (
    *("checkpoints", "configs", "loras", "vae", "text_encoders", "diffusion_models"),
    *("clip_vision", "style_models", "embeddings", "diffusers", "vae_approx", "controlnet"),
    *("gligen", "upscale_models", "custom_nodes", "hypernetworks", "photomaker"),
    *("classifiers", "model_patches", "audio_encoders"),
)


def models(service: Service, folder: str) -> list[str]:
    answer = service.get(f"/models/{folder}")
    assert answer.status_code == 200
    return list(answer.json())


def put(base: Path, name: str) -> str:
    """Put an empty model file below ``models/`` and return its name."""
    path = base / "models" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path.name


def fresh(suffix: str) -> str:
    return f"{uuid.uuid4()}{suffix}"


def test_system_stats_describes_the_machine(service: Service) -> None:
    stats = service.get("/system_stats").json()
    assert set(stats) == {"system", "devices"}
    system = stats["system"]
    assert set(system) >= {
        *("os", "ram_total", "ram_free", "comfyui_version", "required_frontend_version"),
        *("python_version", "pytorch_version", "embedded_python", "argv"),
    }
    assert system["os"] == "posix"
    assert 0 < system["ram_free"] <= system["ram_total"]
    assert all(isinstance(part, str) for part in system["argv"])
    for version in ("comfyui_version", "python_version", "pytorch_version"):
        assert system[version].split(".")[0].isdecimal()
    assert system["embedded_python"] is False


def test_system_stats_describes_each_device(service: Service) -> None:
    (device, *_others) = service.get("/system_stats").json()["devices"]
    assert set(device) == {
        *("name", "type", "index", "vram_total", "vram_free"),
        *("torch_vram_total", "torch_vram_free"),
    }
    assert device["type"] in {"cpu", "cuda"}
    assert device["name"].startswith(device["type"])
    assert (device["index"] is None) == (device["type"] == "cpu")
    assert 0 < device["vram_free"] <= device["vram_total"]


@pytest.mark.parametrize(
    "path",
    [
        *("/system_stats", "/queue", "/prompt", "/features", "/history", "/history/absent"),
        *("/models", "/models/vae", "/embeddings", "/object_info/SaveImage", "/object_info/Absent"),
        *("/userdata?dir=absent", "/v2/userdata?path=absent", "/userdata/absent"),
        *("/view?filename=absent", "/models/absent"),
    ],
)
def test_every_route_is_mirrored_under_api(service: Service, path: str) -> None:
    plain, mirrored = service.get(path), service.get(f"/api{path}")
    assert plain.status_code == mirrored.status_code
    kind = plain.headers.get("Content-Type", "none")
    assert mirrored.headers.get("Content-Type", "none") == kind
    if kind.startswith("application/json"):
        one, other = plain.json(), mirrored.json()
        assert (set(one), type(one)) == (set(other), type(other))


def test_what_changes_something_is_mirrored_under_api_too(service: Service, photo: bytes) -> None:
    upload = service.post("/api/upload/image", files={"image": (fresh(".png"), photo)})
    view = service.get("/view", params={"filename": upload.json()["name"], "type": "input"})
    assert view.content == photo
    path = fresh(".json")
    assert service.post(f"/api/userdata/{path}", data=b"{}").status_code == 200
    assert service.get(f"/userdata/{path}").content == b"{}"
    for route in ("/queue", "/history", "/free", "/interrupt"):
        assert service.post(f"/api{route}", json={}).status_code == 200
    refused = service.post("/api/prompt", json={})
    assert refused.json()["error"]["type"] == "no_prompt"


def test_the_kinds_of_models_are_listed_in_order(service: Service) -> None:
    listed = service.get("/models").json()
    assert [folder for folder in listed if folder in FOLDERS] == list(FOLDERS)


def test_the_models_of_every_kind_are_listed_in_order(service: Service) -> None:
    for folder in service.get("/models").json():
        listed = models(service, folder)
        assert listed == sorted(listed)


@pytest.mark.parametrize(
    "folder", ["absent", "..%2F..", "%00", "unet", "clip", "Checkpoints", "%E5%90%8D"]
)
def test_there_are_no_models_of_an_unknown_kind(service: Service, folder: str) -> None:
    assert service.raw("GET", f"/models/{folder}") == 404


def test_the_pack_keeps_its_weights_among_the_nodes_and_not_among_the_models(
    service: Service, base: Path
) -> None:
    assert "ComfyUI-DDColor/checkpoints/ddcolor_paper_tiny.pth" in models(service, "custom_nodes")
    assert "ddcolor_paper_tiny.pth" not in models(service, "checkpoints")
    assert list((base / "custom_nodes").glob("*/checkpoints/ddcolor_paper_tiny.pth"))


@pytest.mark.parametrize(
    ("folder", "suffix"),
    [
        ("checkpoints", ".safetensors"),
        ("checkpoints", ".CKPT"),
        ("loras", ".pt2"),
        ("vae", ".sft"),
        ("configs", ".yaml"),
        ("classifiers", ""),
    ],
)
def test_a_model_file_is_listed_by_its_suffix(
    service: Service, base: Path, folder: str, suffix: str
) -> None:
    name = put(base, f"{folder}/deep/{fresh(suffix)}")
    other = put(base, f"{folder}/deep/{fresh('.txt')}")
    listed = models(service, folder)
    assert f"deep/{name}" in listed
    assert f"deep/{other}" not in listed


@pytest.mark.parametrize(
    ("kind", "folder"),
    [("diffusion_models", "unet"), ("text_encoders", "clip"), ("controlnet", "t2i_adapter")],
)
def test_a_kind_may_have_two_folders(service: Service, base: Path, kind: str, folder: str) -> None:
    names = {put(base, f"{each}/{fresh('.safetensors')}") for each in (kind, folder)}
    assert names <= set(models(service, kind))


def test_models_behind_a_link_are_listed_and_a_git_folder_is_not(
    service: Service, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.safetensors").touch()
    folder = fresh("")
    put(base, "upscale_models/.git/b.safetensors")
    (base / "models" / "upscale_models" / folder).symlink_to(tmp_path)
    assert f"{folder}/a.safetensors" in models(service, "upscale_models")
    assert ".git/b.safetensors" not in models(service, "upscale_models")


def test_embeddings_are_listed_without_their_suffix(service: Service, base: Path) -> None:
    name = put(base, f"embeddings/deep/{fresh('.v2.pt')}")
    assert f"deep/{name.removesuffix('.pt')}" in service.get("/embeddings").json()


def test_features_say_how_large_an_upload_may_be(service: Service) -> None:
    features = service.get("/features").json()
    assert features == {"supports_preview_metadata": True, "max_upload_size": 100 * 1024 * 1024}


def test_there_is_a_page(service: Service) -> None:
    page = service.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no/such/route", 404),
        ("HEAD", "/no/such/route", 404),
        ("POST", "/no/such/route", 405),
        ("GET", "/api/no/such/route", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/..%2F..%2Fetc%2Fpasswd", 404),
        ("PUT", "/prompt", 405),
        ("DELETE", "/queue", 405),
        ("HEAD", "/queue", 200),
        ("OPTIONS", "/queue", 200),
        ("OPTIONS", "/no/such/route", 200),
    ],
)
def test_what_is_no_route_is_refused(service: Service, method: str, path: str, status: int) -> None:
    assert service.raw(method, path) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://elsewhere.example", 403),
        ("http://elsewhere.example:{port}", 403),
        ("http://127.0.0.1:1", 403),
        ("http://127.0.0.1:{port}", 200),
        ("http://127.0.0.1", 200),
        ("null", 200),
        ("", 200),
    ],
)
def test_pages_from_elsewhere_are_refused_on_loopback(
    service: Service, origin: str, status: int
) -> None:
    port = service.url.rpartition(":")[2]
    headers = {"Origin": origin.format(port=port), "Host": f"127.0.0.1:{port}"}
    assert service.get("/queue", headers=headers).status_code == status


def test_pages_from_anywhere_are_answered_under_a_public_name(service: Service) -> None:
    headers = {"Origin": "http://elsewhere.example", "Host": "192.0.2.1"}
    assert service.get("/queue", headers=headers).status_code == 200
