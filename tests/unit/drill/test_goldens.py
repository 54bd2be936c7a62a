"""Goldens of a service of one's own: captured once, never replaced unasked, never passed unseen."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colordrill.clock import SystemClock
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.golden_files import refuse_missing_goldens
from colordrill.drill.goldens import capture, verify
from colordrill.drill.weights import refuse_other_weights, weights_of
from colordrill.errors import EnvironmentProblem, GoldenProblem, UsageProblem
from colordrill.scenario.service import ServiceSpec
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.comfyui import FakeComfyUI, fake_comfyui
from fakes.target import FakePart, FakeTarget

NODE: dict[str, Any] = {"name": "DDColor-ddcolorize", "input": {}}
HASH = "ab" * 32


@pytest.fixture(scope="module")
def bundled() -> Assets:
    return load_assets()


@pytest.fixture
def service(bundled: Assets) -> Iterator[FakeComfyUI]:
    by_photo = {golden.photo: golden.content for golden in bundled.goldens}

    def golden(photo: str) -> bytes:
        return next(content for name, content in by_photo.items() if name in photo)

    with fake_comfyui(NODE, golden) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    values = {"goldens": str(tmp_path / "ours"), "checkpoint_file": "image"}
    return Settings(image="mine:1", service_values=values)


def manifest_in(directory: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((directory / "MANIFEST.json").read_text(encoding="utf-8"))
    return manifest


def target_with(printed: Executed) -> FakeTarget:
    return FakeTarget(
        parts={Part.PRIMARY_AGENT: FakePart()}, programs={"sha256sum": lambda *_: printed}
    )


def test_what_is_captured_is_written_with_where_it_comes_from(
    service: FakeComfyUI, settings: Settings, tmp_path: Path
) -> None:
    lines = list(capture(settings, service.url, force=False))

    manifest = manifest_in(tmp_path / "ours")
    assert len(lines) == len(manifest["goldens"]) == 2
    for entry in manifest["goldens"]:
        content = (tmp_path / "ours" / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert entry["photo_license"]
    assert manifest["software"]["comfyui_version"] == "0.3.64"
    assert manifest["image"] == "mine:1"
    assert "--image mine:1" in manifest["command"]


def test_weights_that_cannot_be_seen_are_null_with_the_reason(
    service: FakeComfyUI, settings: Settings, tmp_path: Path
) -> None:
    list(capture(settings, service.url, force=False))

    weights = manifest_in(tmp_path / "ours")["weights"]
    assert weights["sha256"] is None
    assert service.url in weights["reason"]


def test_what_was_captured_is_verified(service: FakeComfyUI, settings: Settings) -> None:
    list(capture(settings, service.url, force=False))

    judged = dict(verify(settings, service.url))

    assert {name: each.correct for name, each in judged.items()} == {
        "person/astronaut": True,
        "building/china": True,
    }
    service.defects = {"uncoloured"}
    assert [each.correct for _, each in verify(settings, service.url)] == [False, False]


def test_goldens_that_exist_are_replaced_by_force_alone(
    service: FakeComfyUI, settings: Settings
) -> None:
    list(capture(settings, service.url, force=False))

    with pytest.raises(UsageProblem, match="already") as caught:
        list(capture(settings, service.url, force=False))

    assert "--force" in caught.value.next_step
    assert len(list(capture(settings, service.url, force=True))) == 2


def test_a_capture_that_fails_leaves_what_was_there(
    service: FakeComfyUI, settings: Settings, tmp_path: Path
) -> None:
    list(capture(settings, service.url, force=False))
    before = {path: path.read_bytes() for path in (tmp_path / "ours").rglob("*") if path.is_file()}
    service.defects = {"uncoloured"}

    with pytest.raises(GoldenProblem, match="uncoloured"):
        list(capture(settings, service.url, force=True))

    assert {path: path.read_bytes() for path in before} == before


def test_a_golden_that_is_not_there_is_written_and_fails_and_is_right_the_next_time(
    service: FakeComfyUI, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(GoldenProblem, match="no golden of person, building") as caught:
        list(verify(settings, service.url))

    assert str(tmp_path / "ours" / "person" / "astronaut.png") in caught.value.cause
    assert "look at the pictures" in caught.value.next_step
    assert all(each.correct for _, each in verify(settings, service.url))


def test_one_missing_golden_leaves_the_other_as_it_is(
    service: FakeComfyUI, settings: Settings, tmp_path: Path
) -> None:
    list(capture(settings, service.url, force=False))
    path = tmp_path / "ours" / "MANIFEST.json"
    manifest = manifest_in(tmp_path / "ours")
    forgotten = manifest["goldens"].pop(0)["workflow"]
    path.write_text(json.dumps(manifest), encoding="utf-8")

    with pytest.raises(GoldenProblem, match=f"no golden of {forgotten};"):
        list(verify(settings, service.url))

    assert {each["workflow"] for each in manifest_in(tmp_path / "ours")["goldens"]} == {
        "person",
        "building",
    }


def test_a_golden_file_that_was_lost_is_not_made_anew_unasked(
    service: FakeComfyUI, settings: Settings, tmp_path: Path
) -> None:
    list(capture(settings, service.url, force=False))
    shutil.rmtree(tmp_path / "ours" / "person")

    with pytest.raises(GoldenProblem, match=r"astronaut\.png"):
        list(verify(settings, service.url))

    assert not (tmp_path / "ours" / "person").exists()


def test_a_drill_without_goldens_writes_them_and_ends(
    service: FakeComfyUI, settings: Settings, tmp_path: Path
) -> None:
    assets = load_assets(settings.service)
    target = target_with(Executed(0, f"{HASH}  /site/models/x\n", ""))

    with (
        ComfyClient(service.url) as client,
        pytest.raises(GoldenProblem, match="no golden of person, building"),
    ):
        refuse_missing_goldens(
            assets, lambda: weights_of(target, settings.service), client, SystemClock(), settings
        )

    assert manifest_in(tmp_path / "ours")["weights"]["sha256"] == HASH
    assert load_assets(settings.service).golden_weights == HASH


def test_a_drill_with_goldens_goes_on(bundled: Assets) -> None:
    with ComfyClient("http://127.0.0.1:9") as client:
        refuse_missing_goldens(bundled, pytest.fail, client, SystemClock(), Settings())


def test_a_directory_that_cannot_be_written_is_named(
    service: FakeComfyUI, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "ours").write_text("a file")

    with pytest.raises(GoldenProblem, match="cannot be written"):
        list(capture(settings, service.url, force=False))


def test_the_weights_in_the_volume_are_known_by_their_hash() -> None:
    found = weights_of(target_with(Executed(0, f"{HASH}  /site/models/x\n", "")), ServiceSpec())

    assert (found.sha256, found.reason) == (HASH, "")


def test_weights_outside_the_volume_are_not_known_and_why() -> None:
    found = weights_of(target_with(Executed(1, "", "No such file")), ServiceSpec())

    assert found.sha256 is None
    assert "No such file" in found.reason
    assert "/comfyui/models" in found.reason


def test_goldens_of_other_weights_are_refused(service: FakeComfyUI, settings: Settings) -> None:
    list(capture(settings, service.url, force=False))
    directory = settings.service.goldens
    assert directory is not None
    manifest = manifest_in(directory)
    manifest["weights"] = {"file": "x.pth", "sha256": HASH}
    (directory / "MANIFEST.json").write_text(json.dumps(manifest), encoding="utf-8")
    assets = load_assets(settings.service)

    refuse_other_weights(target_with(Executed(0, f"{HASH}  x\n", "")), assets)
    refuse_other_weights(target_with(Executed(1, "", "not there")), assets)
    with pytest.raises(GoldenProblem, match="another"):
        refuse_other_weights(target_with(Executed(0, f"{'cd' * 32}  x\n", "")), assets)


def test_a_checkpoint_of_ones_own_is_read_and_a_lost_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"weights")
    spec = ServiceSpec(checkpoint_file=tmp_path / "w.pth", goldens=tmp_path / "none")

    assert load_assets(spec).checkpoint == b"weights"
    (tmp_path / "w.pth").unlink()
    with pytest.raises(EnvironmentProblem, match=r"w\.pth"):
        load_assets(spec)


def test_the_bundled_goldens_are_not_those_of_another_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"weights")

    with pytest.raises(GoldenProblem, match="another checkpoint"):
        load_assets(ServiceSpec(checkpoint_file=tmp_path / "w.pth"))
