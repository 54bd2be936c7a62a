from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from colordrill import data
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.provision import (
    _draw_crop,
    await_ready,
    configuration_text,
    seed_primary,
)
from colordrill.errors import ColordrillError, EnvironmentProblem, ServiceProblem, WaitExpired
from colordrill.scenario.service import ServiceSpec
from colordrill.scenario.service_values import build_service
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part
from fakes.clock import ManualClock
from fakes.service import Reply, Request, as_json, scripted_service
from fakes.target import FakePart, FakeTarget


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load_assets()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled data that a test may damage."""
    root = tmp_path / "data"
    shutil.copytree(data.fixtures(), root / "fixtures")
    shutil.copytree(data.golden_images(), root / "golden_images")
    monkeypatch.setattr(data, "_PACKAGE", tmp_path / "no-wheel")
    monkeypatch.setattr(data, "_CHECKOUT", root)
    return root


def test_the_bundled_assets_fit_together(assets: Assets) -> None:
    assert {golden.workflow for golden in assets.goldens} == set(assets.workflows)
    assert {golden.photo for golden in assets.goldens} <= set(assets.photos)
    assert assets.checkpoint


@pytest.mark.parametrize(
    "absent",
    [
        "fixtures/models/ddcolor_nano.safetensors",
        "fixtures/photos/china.png",
        "fixtures/workflows/DDColor人物黑白修复.json",
        "golden_images/ddcolor_nano/MANIFEST.json",
        "golden_images/ddcolor_nano/person/astronaut.png",
    ],
)
def test_an_absent_asset_is_named_before_anything_is_started(copied: Path, absent: str) -> None:
    (copied / absent).unlink()

    with pytest.raises(ColordrillError, match=Path(absent).name):
        load_assets()


def test_goldens_are_not_needed_where_they_are_about_to_be_captured(copied: Path) -> None:
    shutil.rmtree(copied / "golden_images")

    assert load_assets(with_goldens=False).goldens == ()


def test_the_crop_is_drawn_by_the_seed_alone(assets: Assets) -> None:
    crops = [_draw_crop(assets, seed) for seed in (1, 2, 3)]

    assert crops == [_draw_crop(assets, seed) for seed in (1, 2, 3)]
    assert len({each.content for each in crops}) == 3


def test_the_crop_is_no_picture_that_a_golden_answers(assets: Assets) -> None:
    with Image.open(io.BytesIO(_draw_crop(assets, 1).content)) as image:
        sizes = [Image.open(io.BytesIO(golden.content)).size for golden in assets.goldens]
        assert image.size not in sizes


def test_the_primarys_data_are_put_where_its_owners_have_them(assets: Assets) -> None:
    target = FakeTarget(parts={Part.PRIMARY_AGENT: FakePart(), Part.DR_AGENT: FakePart()})

    seed_primary(target, assets, "MODEL_SIZE=960\n")

    files = target.parts[Part.PRIMARY_AGENT].files
    assert files["models/ddcolor/ddcolor_nano.safetensors"][0] == assets.checkpoint
    assert files["config/stack.env"][0] == b"MODEL_SIZE=960\n"
    json.loads(files["workflows/DDColor建筑黑白修复.json"][0])
    assert not any(name.startswith(("input/", "output/")) for name in files)


def test_the_volumes_of_both_sites_belong_to_the_services_user_before_data_come(
    assets: Assets,
) -> None:
    target = FakeTarget(parts={Part.PRIMARY_AGENT: FakePart(), Part.DR_AGENT: FakePart()})

    seed_primary(target, assets, "")

    owned = {call[1:] for call in target.calls[:10]}
    folders = ("input", "output", "workflows", "models", "config")
    assert owned == {(f"{site}-agent", name) for site in ("primary", "dr") for name in folders}
    assert target.parts[Part.DR_AGENT].files == {}


def test_an_image_that_brings_its_own_weights_gets_none(assets: Assets) -> None:
    target = FakeTarget(parts={Part.PRIMARY_AGENT: FakePart(), Part.DR_AGENT: FakePart()})

    seed_primary(target, replace(assets, checkpoint=None), "")

    assert not any(name.startswith("models/") for name in target.parts[Part.PRIMARY_AGENT].files)


def test_the_configuration_that_is_backed_up_says_everything_of_the_service() -> None:
    images = {"service": "mine:1"}
    bundled = configuration_text(images, "cpu", ServiceSpec())
    assert bundled.startswith("IMAGE=mine:1\nMODEL_SIZE=960\nDEVICE=cpu\n")

    said = (
        {"port": "1"},
        {"user": "1:1"},
        {"command": "a b"},
        {"entrypoint": "a"},
        {"environment.MODEL_SIZE": "512"},
        {"mounts.models": "/m"},
        {"node.checkpoint": "x"},
    )
    texts = {configuration_text(images, "cpu", build_service(each, "mine:1")) for each in said}
    assert len(texts - {bundled}) == len(said)


def service(request: Request, *, unknown: tuple[str, ...] = ()) -> Reply:
    """A ComfyUI that knows every node but *unknown* ones."""
    name = request.path.rpartition("/")[2]
    info: dict[str, Any] = {} if name in unknown else {name: {"input": {}}}
    return as_json(info if "object_info" in request.path else {}, site="primary")


@pytest.fixture
def target() -> FakeTarget:
    return FakeTarget(parts={Part.PRIMARY_COLORIZATION: FakePart(printed=["out of memory"])})


def test_a_service_that_knows_the_nodes_is_ready(assets: Assets, target: FakeTarget) -> None:
    with scripted_service(service) as running, ComfyClient(running.url) as client:
        await_ready(target, client, ManualClock(), assets.workflows)


def test_a_service_that_lacks_a_node_is_refused_by_its_name(
    assets: Assets, target: FakeTarget
) -> None:
    lacking = assets.workflows["person"].api_form[assets.workflows["person"].colorize_node()]

    def answer(request: Request) -> Reply:
        return service(request, unknown=(lacking["class_type"],))

    with (
        scripted_service(answer) as running,
        ComfyClient(running.url) as client,
        pytest.raises(ServiceProblem, match=lacking["class_type"]) as caught,
    ):
        await_ready(target, client, ManualClock(), assets.workflows)

    assert caught.value.next_step


@pytest.mark.parametrize("reply", [Reply(200, b"<html>"), Reply(404)])
def test_what_answers_otherwise_than_comfyui_is_refused_at_once(
    assets: Assets, target: FakeTarget, reply: Reply
) -> None:
    with (
        scripted_service(lambda _request: reply) as running,
        ComfyClient(running.url) as client,
        pytest.raises(ServiceProblem, match="not ComfyUI") as caught,
    ):
        await_ready(target, client, ManualClock(), assets.workflows)

    assert caught.value.next_step


@pytest.mark.parametrize("reply", [Reply(503), Reply(200, b"{}", "dr")])
def test_what_is_not_the_primary_is_waited_for_and_given_up_with_the_log(
    assets: Assets, target: FakeTarget, reply: Reply
) -> None:
    clock = ManualClock()
    clock.pause_at_least(10.0)

    with (
        scripted_service(lambda _request: reply) as running,
        ComfyClient(running.url) as client,
        pytest.raises(EnvironmentProblem) as caught,
    ):
        await_ready(target, client, clock, assets.workflows)

    assert isinstance(caught.value, WaitExpired)
    assert "out of memory" in str(caught.value)
