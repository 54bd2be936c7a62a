"""What ComfyUI's web page asks for, beside the API: settings, the user, models, the log."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from clients.reference import REQUEST_S_MAX, Reference
from colorservice import web_page
from colorservice.app import build_app
from colorservice.settings import Settings
from colorservice.state import SERVICE, Service
from colorservice.websocket import Hub


def _get(reference: Reference, path: str) -> Any:
    answer = requests.get(f"{reference.url}{path}", timeout=REQUEST_S_MAX)
    answer.raise_for_status()
    return answer.json()


def _post(reference: Reference, path: str, value: Any) -> int:
    body = json.dumps(value)
    return requests.post(f"{reference.url}{path}", data=body, timeout=REQUEST_S_MAX).status_code


def test_settings_are_kept_one_by_one_and_together(reference: Reference) -> None:
    assert _post(reference, "/api/settings/Colordrill.One", [1, "二"]) == 200
    assert _post(reference, "/settings", {"Colordrill.Two": 2}) == 200

    assert _get(reference, "/settings/Colordrill.One") == [1, "二"]
    assert _get(reference, "/settings/Colordrill.Never") is None
    everything = _get(reference, "/api/settings")
    assert everything["Colordrill.One"] == [1, "二"]
    assert everything["Colordrill.Two"] == 2


def test_nonsense_is_no_setting_and_loses_none(reference: Reference) -> None:
    _post(reference, "/settings/Colordrill.Kept", 1)

    answer = requests.post(f"{reference.url}/settings", data="{", timeout=REQUEST_S_MAX)

    assert answer.status_code == 500  # as ComfyUI answers what it does not expect
    assert _get(reference, "/settings/Colordrill.Kept") == 1


def test_a_corrupted_settings_file_counts_as_none(reference: Reference) -> None:
    requests.post(f"{reference.url}/userdata/comfy.settings.json", data="{", timeout=REQUEST_S_MAX)

    assert _get(reference, "/settings") == {}


def test_there_is_one_user_and_nothing_of_node_packs(reference: Reference) -> None:
    assert _get(reference, "/api/users") == {"storage": "server", "migrated": True}
    assert _get(reference, "/api/i18n") == {}
    assert _get(reference, "/api/workflow_templates") == {}
    assert _get(reference, "/templates/index.json") == []


def test_the_model_browser_lists_folders_and_files(reference: Reference) -> None:
    kinds = {entry["name"]: entry["folders"] for entry in _get(reference, "/experiment/models")}
    [model] = _get(reference, "/experiment/models/ddcolor")
    unknown = requests.get(f"{reference.url}/experiment/models/nope", timeout=REQUEST_S_MAX)

    assert {"checkpoints", "ddcolor"} <= kinds.keys()
    assert not {"configs", "custom_nodes"} & kinds.keys()
    assert kinds["ddcolor"] == _get(reference, "/internal/folder_paths")["ddcolor"]
    assert model["name"] == "ddcolor_nano.safetensors"
    assert model["pathIndex"] == 0
    assert model["size"] > 1_000_000
    assert unknown.status_code == 404


def test_files_are_listed_the_newest_first(reference: Reference, photo: bytes) -> None:
    older, newer = reference.upload("older.png", photo), reference.upload("newer.png", photo)

    names = _get(reference, "/internal/files/input")
    unknown = requests.get(f"{reference.url}/internal/files/user", timeout=REQUEST_S_MAX)

    assert names.index(newer) < names.index(older)
    assert unknown.status_code == 400


def test_the_log_is_shown_whole_and_by_line(reference: Reference) -> None:
    text, raw = _get(reference, "/internal/logs"), _get(reference, "/internal/logs/raw")

    assert f"listening on 127.0.0.1 port {reference.port}" in text
    assert raw["entries"][0]["m"] in text
    assert raw["size"] == {"cols": 80, "rows": 24}


def _hub_of(client: TestClient[web.Request, web.Application]) -> Hub:
    return client.app[SERVICE].hub


async def _client(base: Path) -> TestClient[web.Request, web.Application]:
    settings = Settings(base)
    settings.create_folders()
    service = Service.create(settings)
    service.hub.attach(asyncio.get_running_loop())
    return TestClient(TestServer(build_app(service)))


def test_new_log_lines_reach_those_who_asked_for_them(tmp_path: Path) -> None:
    async def listen() -> list[dict[str, Any]]:
        async with await _client(tmp_path) as client:
            deliver = asyncio.create_task(_hub_of(client).deliver_forever())
            seen = []
            async with client.ws_connect("/ws?clientId=me") as stream:
                seen.append(await stream.receive_json(timeout=REQUEST_S_MAX))
                wanted = {"clientId": "me", "enabled": True}
                await client.patch("/internal/logs/subscribe", json=wanted)
                logging.getLogger("colorservice.test").error("a line")
                seen.append(await stream.receive_json(timeout=REQUEST_S_MAX))
                await client.patch("/internal/logs/subscribe", json={**wanted, "enabled": False})
                logging.getLogger("colorservice.test").error("another line")
                _hub_of(client).queue_changed()
                seen.append(await stream.receive_json(timeout=REQUEST_S_MAX))
            deliver.cancel()
        return seen

    messages = asyncio.run(listen())

    assert [message["type"] for message in messages] == ["status", "logs", "status"]
    assert [entry["m"] for entry in messages[1]["data"]["entries"]] == ["a line\n"]


def _safetensors(header: bytes, size: int | None = None) -> bytes:
    return (len(header) if size is None else size).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    ("kind", "name", "content", "found"),
    [
        ("loras", "a.safetensors", _safetensors(b'{"__metadata__": {"a": "b"}}'), {"a": "b"}),
        ("loras", "a.safetensors", _safetensors(b'{"tensor": {}}'), None),
        ("loras", "a.safetensors", _safetensors(b"[]"), None),
        ("loras", "a.safetensors", _safetensors(b'{"__meta', 100), None),
        ("loras", "a.safetensors", _safetensors(b"{}", 2**63), None),
        ("loras", "a.safetensors", b"", None),
        ("loras", "a.ckpt", _safetensors(b'{"__metadata__": {"a": "b"}}'), None),
        ("loras", "absent.safetensors", None, None),
        ("vae", "../loras/a.safetensors", _safetensors(b'{"__metadata__": {"a": "b"}}'), None),
        ("nope", "a.safetensors", None, None),
    ],
)
def test_a_checkpoint_tells_about_itself_where_it_can(
    kind: str, name: str, content: bytes | None, found: dict[str, str] | None, tmp_path: Path
) -> None:
    file = tmp_path / "models" / "loras" / Path(name).name
    file.parent.mkdir(parents=True)
    if content is not None:
        file.write_bytes(content)

    async def ask() -> tuple[int, Any]:
        async with await _client(tmp_path) as client:
            answer = await client.get(f"/view_metadata/{kind}", params={"filename": name})
            return answer.status, await answer.json() if answer.status == 200 else None

    assert asyncio.run(ask()) == ((200, found) if found else (404, None))


def test_without_the_package_a_plain_page_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_page, "find_page", lambda: None)

    async def ask() -> tuple[str, str, Any, int]:
        async with await _client(tmp_path) as client:
            root = await client.get("/")
            scripts = await client.get("/extensions")
            missing = await client.get("/index.html")
            return root.content_type, await root.text(), await scripts.json(), missing.status

    kind, text, scripts, missing_status = asyncio.run(ask())

    assert kind == "text/html"
    assert "Colorization reference service" in text
    assert scripts == []
    assert missing_status == 404


def test_a_package_that_is_missing_or_has_no_page_is_none() -> None:
    assert web_page.find_page("no_such_package") is None
    assert web_page.find_page("json") is None


@pytest.mark.parametrize(
    ("path", "status", "header"),
    [
        ("/assets/index.js", 200, "no-cache"),
        ("/fonts/a.css", 404, "no-cache"),
        ("/templates/index.zh.json", 200, "no-cache"),
        ("/userdata/photo.PNG", 200, "public, max-age=86400"),
        ("/userdata/photo.png", 404, "public, max-age=3600"),
        ("/userdata/photo.png", 302, "no-cache"),
        ("/userdata/photo.png", 304, None),
        ("/view", 200, None),
    ],
)
def test_answers_are_kept_as_long_as_comfyui_says(
    path: str, status: int, header: str | None
) -> None:
    assert web_page._cache_header(path, status) == header
