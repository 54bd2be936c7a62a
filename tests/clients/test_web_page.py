"""ComfyUI's own web page, served by the reference and used in a browser."""

from __future__ import annotations

import json
import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import requests
from playwright.sync_api import Error

from clients import web_page
from clients.expectation import PHOTO_SIDE_PX, WORKFLOW_NAME, expect_coloured, ui_workflow
from clients.reference import REQUEST_S_MAX, Reference
from clients.web_page import WebPage, on_a_quiet_network

REFUSED_BY_COMFYUI_TOO = {
    # Files that the page asks for and that exist only where a user made them: the same list came
    # from ComfyUI 0.3.64 with the same steps.
    "GET /user.css",
    "GET /api/userdata/user.css",
    "GET /api/userdata/comfy.templates.json",
    "GET /api/userdata/workflows%2F.index.json",
    "GET /api/userdata?dir=subgraphs%2F&recurse=true&split=false&full_info=true",
}


@dataclass(frozen=True)
class _Seen:
    uploaded: dict[str, Any]
    shown: dict[str, Any]
    listed: str
    picture: bytes
    refused: frozenset[str]


def test_the_page_colours_a_photo_from_upload_to_preview(
    reference: Reference, photo: bytes, tmp_path: Path
) -> None:
    earlier = reference.upload("earlier.png", photo)

    def colorize(session: WebPage) -> _Seen:
        name, prefix = f"{uuid.uuid4()}.png", f"page-{uuid.uuid4()}"
        workflow = ui_workflow(earlier, prefix)
        reference.forget_visits()
        reference.save_workflow(WORKFLOW_NAME, json.dumps(workflow).encode())
        session.open(reference.url)
        session.open_workflow(WORKFLOW_NAME)
        uploaded = session.upload(name, photo)
        shown = session.run()
        output = f"{prefix}_00001_.png"
        listed = session.shown_in_queue(output)
        picture = session.pictures[output].body()
        return _Seen(uploaded, shown, listed, picture, frozenset(session.refused))

    seen = on_a_quiet_network(reference.url, tmp_path / "page.png", colorize)

    whole = (PHOTO_SIDE_PX, PHOTO_SIDE_PX)
    assert (seen.uploaded["width"], seen.uploaded["height"]) == whole
    assert (seen.shown["width"], seen.shown["height"]) == whole
    assert "type=output" in seen.shown["url"]
    assert "type=output" in seen.listed
    expect_coloured(seen.picture)
    assert seen.refused <= REFUSED_BY_COMFYUI_TOO


@pytest.mark.parametrize(("cut_off", "attempts"), [(["a.mjs"], web_page.ATTEMPTS_MAX), ([], 1)])
def test_steps_are_repeated_only_where_the_network_changed(
    cut_off: list[str], attempts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = [WebPage(Mock(), cut_off=cut_off) for _ in range(web_page.ATTEMPTS_MAX)]
    opened = iter(sessions)
    monkeypatch.setattr(web_page, "web_page", lambda _url, _path: nullcontext(next(opened)))
    taken: list[WebPage] = []

    def steps(session: WebPage) -> None:
        taken.append(session)
        raise Error("a step")

    with pytest.raises(Error, match="a step"):
        on_a_quiet_network("http://service", tmp_path / "page.png", steps)

    assert len(taken) == attempts


@pytest.mark.parametrize(
    ("failure", "found"),
    [("net::ERR_NETWORK_CHANGED", ["http://service/a.mjs"]), ("net::ERR_FAILED", [])],
)
def test_a_changed_network_is_told_from_other_failures(failure: str, found: list[str]) -> None:
    session = WebPage(Mock())

    session.record_failure(Mock(url="http://service/a.mjs", failure=failure))

    assert session.cut_off == found


@pytest.mark.parametrize(("status", "found"), [(200, []), (404, ["GET /api/x?y=1"])])
def test_a_request_that_the_service_refuses_is_noticed(status: int, found: list[str]) -> None:
    response = Mock(url="http://service/api/x?y=1", status=status)
    response.request.method = "GET"
    session = WebPage(Mock())

    session.record(response)

    assert session.refused == found


def test_the_page_is_never_stored_and_its_scripts_are_asked_for_again(
    reference: Reference,
) -> None:
    root = requests.get(f"{reference.url}/", timeout=REQUEST_S_MAX)
    [script, *_] = requests.get(f"{reference.url}/extensions", timeout=REQUEST_S_MAX).json()
    loaded = requests.get(f"{reference.url}{script}", timeout=REQUEST_S_MAX)

    assert root.headers["Content-Type"] == "text/html"
    assert root.headers["Cache-Control"] == "no-cache"
    assert root.headers["Expires"] == "0"
    assert script.startswith("/extensions/core/")
    assert loaded.headers["Content-Type"] in {"text/javascript", "application/javascript"}
    assert loaded.headers["Cache-Control"] == "no-cache"
