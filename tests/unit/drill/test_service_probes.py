"""Each probe of a service's API holds on a sound service, and fails on the one defect it is for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from colordrill.clock import SystemClock
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.contract import Clause, Outcome
from colordrill.drill.examine_service import CONTAINER_CLAUSES, examine_url
from colordrill.drill.service_probes import ServiceProbes
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from fakes.clock import ManualClock
from fakes.comfyui import FakeComfyUI, fake_comfyui

NODE: dict[str, Any] = {
    "name": "DDColor-ddcolorize",
    "input": {
        "required": {
            "image": ["IMAGE"],
            "model": [["ddcolor_nano.safetensors"]],
            "size": ["INT", {"min": 32, "max": 4096}],
        }
    },
}
CLAUSES = {
    "version",
    "node",
    "checkpoint offered",
    "job person",
    "websocket",
    "embedded prompt",
    "golden person",
    "result cache",
    "job building",
    "golden building",
    "userdata",
}


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load_assets()


@pytest.fixture
def service(assets: Assets) -> Iterator[FakeComfyUI]:
    by_photo = {golden.photo: golden.content for golden in assets.goldens}

    def golden(photo: str) -> bytes:
        return next(content for name, content in by_photo.items() if name in photo)

    with fake_comfyui(NODE, golden) as running:
        yield running


def probed(service: FakeComfyUI, assets: Assets) -> dict[str, Clause]:
    with ComfyClient(service.url) as client:
        probes = ServiceProbes(client, assets, HOST_POWER_LOSS.objectives, SystemClock())
        return {each.name: each for each in probes.run()}


def test_on_a_sound_service_everything_holds(service: FakeComfyUI, assets: Assets) -> None:
    found = probed(service, assets)

    assert set(found) == CLAUSES
    assert [each for each in found.values() if each.outcome is not Outcome.HOLDS] == []


@pytest.mark.parametrize(
    ("defect", "broken", "said"),
    [
        ("another_page", {"node"}, "not JSON"),
        ("upload_refused", {"websocket", "job person", "job building"}, "disk full"),
        ("prompt_refused", {"websocket", "job person", "job building"}, "invalid_prompt"),
        ("job_fails", {"websocket", "job person", "job building"}, "out of paint"),
        ("no_websocket", {"websocket"}, "opens no WebSocket"),
        ("few_messages", {"websocket"}, "not executing"),
        ("caches_content", {"result cache"}, "fresh name"),
        ("userdata_refused", {"userdata"}, "read-only"),
        ("userdata_cut", {"userdata"}, "changed"),
        ("uncoloured", {"golden person", "golden building"}, "chroma"),
        (
            "no_metadata",
            {"embedded prompt", "golden person", "golden building"},
            "does not hold the prompt",
        ),
        (
            "half_size",
            {"job person", "job building", "golden person", "golden building"},
            "its photo",
        ),
        (
            "truncates",
            {"job person", "job building", "golden person", "golden building"},
            "the picture",
        ),
    ],
)
def test_a_defect_is_found_by_its_probe_and_no_other(
    service: FakeComfyUI,
    assets: Assets,
    monkeypatch: pytest.MonkeyPatch,
    defect: str,
    broken: set[str],
    said: str,
) -> None:
    monkeypatch.setattr("colordrill.drill.service_probes.MESSAGES_LIMIT_S", 0.2)
    service.defects = {defect}

    found = probed(service, assets)

    missing = {name: each for name, each in found.items() if each.outcome is Outcome.MISSING}
    assert set(missing) == broken
    assert any(said in each.detail for each in missing.values())
    assert all(each.remedy for each in missing.values())


def test_a_service_without_a_version_is_unknown_there(service: FakeComfyUI, assets: Assets) -> None:
    service.defects = {"no_version"}

    assert probed(service, assets)["version"].outcome is Outcome.UNKNOWN


def test_an_unknown_node_is_named(service: FakeComfyUI, assets: Assets) -> None:
    service.node = {**NODE, "name": "Another"}

    found = probed(service, assets)

    assert found["node"].outcome is Outcome.MISSING
    assert "DDColor-ddcolorize" in found["node"].detail
    assert found["checkpoint offered"].outcome is Outcome.UNKNOWN


def test_without_goldens_they_are_missing_with_the_command_that_captures_them(
    service: FakeComfyUI, assets: Assets
) -> None:
    found = probed(service, replace(assets, goldens=()))

    assert found["golden person"].outcome is Outcome.MISSING
    assert "colordrill golden capture" in found["golden person"].remedy


def test_a_job_that_never_ends_is_given_up(service: FakeComfyUI, assets: Assets) -> None:
    service.answer = lambda method, path, body: (  # type: ignore[method-assign]
        (200, b"{}")
        if path.startswith("/history")
        else FakeComfyUI.answer(service, method, path, body)
    )
    clock = ManualClock()
    clock.pause_at_least(30.0)

    with ComfyClient(service.url) as client:
        probes = ServiceProbes(client, assets, HOST_POWER_LOSS.objectives, clock)
        found = {each.name: each for each in probes.run()}

    assert "no answer within 120 s" in found["job person"].detail


def test_a_url_is_examined_and_its_container_is_not(service: FakeComfyUI) -> None:
    found = {each.name: each for each in examine_url(Settings(), service.url)}

    assert found["answers"].outcome is Outcome.HOLDS
    unknown = {name for name, each in found.items() if each.outcome is Outcome.UNKNOWN}
    assert unknown == set(CONTAINER_CLAUSES)


def test_the_workflow_of_an_examination_does_not_stay(service: FakeComfyUI) -> None:
    list(examine_url(Settings(), service.url))

    assert service.files == {}


def test_a_url_that_does_not_answer_is_one_clause() -> None:
    (found,) = examine_url(Settings(), "http://127.0.0.1:9")

    assert (found.name, found.outcome) == ("answers", Outcome.MISSING)
    assert found.remedy
