"""Changes files of workflows, as people and restores do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from colordrill.workload.workflow_files import FILE_BYTES_MAX

PERSON_FILE = "DDColor人物黑白修复.json"
BUILDING_FILE = "DDColor建筑黑白修复.json"
MANIFEST = "MANIFEST.json"

Damage = Callable[[Path], object]


def rewrite(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def set_size(directory: Path, file: str, size: object) -> None:
    """An older version of a workflow, in both forms."""
    rewrite(directory / file, lambda form: form["nodes"][1]["widgets_values"].__setitem__(1, size))
    rewrite(directory / "api" / file, lambda form: form["2"]["inputs"].update(size=size))


def set_checkpoint(directory: Path, file: str, name: str) -> None:
    rewrite(directory / file, lambda form: form["nodes"][1]["widgets_values"].__setitem__(0, name))
    rewrite(directory / "api" / file, lambda form: form["2"]["inputs"].update(model=name))


def set_class(directory: Path, file: str, name: str) -> None:
    """The node that saves is one of a node pack that this service may not have."""
    rewrite(directory / file, lambda form: form["nodes"][0].update(type=name))
    rewrite(directory / "api" / file, lambda form: form["1"].update(class_type=name))


def unlink_image(directory: Path, file: str) -> None:
    """The photo is no longer connected to the node that colours."""
    rewrite(directory / file, lambda form: form["nodes"][1]["inputs"][0].update(link=None))
    rewrite(directory / "api" / file, lambda form: form["2"]["inputs"].pop("image"))


def take_mask(directory: Path, file: str) -> None:
    """The node that colours is connected to the mask instead of the picture."""
    rewrite(directory / file, lambda form: form["links"][0].__setitem__(2, 1))
    rewrite(directory / "api" / file, lambda form: form["2"]["inputs"].update(image=["1", 1]))


def _write(name: str, content: bytes) -> Damage:
    return lambda directory: (directory / name).write_bytes(content)


def _huge(directory: Path) -> None:
    with (directory / BUILDING_FILE).open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)


def _link_out(directory: Path) -> None:
    outside = directory.parent / "outside.json"
    (directory / BUILDING_FILE).rename(outside)
    (directory / BUILDING_FILE).symlink_to(outside)


def _two_persons(directory: Path) -> None:
    shutil.copyfile(directory / PERSON_FILE, directory / "second.json")
    shutil.copyfile(directory / "api" / PERSON_FILE, directory / "api" / "second.json")
    entry = {"file": "second.json", "object_type": "person"}
    rewrite(directory / MANIFEST, lambda content: content["workflows"].append(entry))


def declare(object_type: str) -> Damage:
    """The building's workflow is said to be for another object type."""

    def damage(directory: Path) -> None:
        rewrite(
            directory / MANIFEST,
            lambda content: content["workflows"][1].update(object_type=object_type),
        )

    return damage


def _api(change: Callable[[dict[str, dict[str, dict[str, object]]]], object]) -> Damage:
    return lambda directory: rewrite(directory / "api" / BUILDING_FILE, change)


DAMAGES: dict[str, tuple[Damage, str, str, str]] = {
    "deleted": (lambda at: (at / BUILDING_FILE).unlink(), BUILDING_FILE, "file", "cannot be read"),
    "not derived": (
        lambda at: (at / "api" / BUILDING_FILE).unlink(),
        BUILDING_FILE,
        "file",
        "has no API form",
    ),
    "malformed": (_write(BUILDING_FILE, b'{"nodes": ['), BUILDING_FILE, "file", "is not JSON"),
    "empty": (_write(BUILDING_FILE, b""), BUILDING_FILE, "file", "is not JSON"),
    "another kind of file": (_write(BUILDING_FILE, b"[]"), BUILDING_FILE, "file", "holds a list"),
    "huge": (_huge, BUILDING_FILE, "file", "larger than"),
    "a link out of the folder": (_link_out, BUILDING_FILE, "file", "leads out of"),
    "a second colouring": (
        _api(lambda form: form.update({"4": form["2"]})),
        BUILDING_FILE,
        "file",
        "has 2 nodes of DDColor-ddcolorize",
    ),
    "no colouring": (
        _api(lambda form: form.pop("2")),
        BUILDING_FILE,
        "file",
        "has 0 nodes of DDColor-ddcolorize",
    ),
    "not listed": (_write("new.json", b"{}"), MANIFEST, "manifest", "new.json is not listed"),
    "a type twice": (_two_persons, MANIFEST, "manifest", "2 workflows for the object type person"),
    "older": (
        lambda at: set_size(at, BUILDING_FILE, 680),
        BUILDING_FILE,
        "size",
        "colours at 680, but a building needs 1280",
    ),
    "another checkpoint": (
        lambda at: set_checkpoint(at, BUILDING_FILE, "ddcolor_paper_tiny.pth"),
        BUILDING_FILE,
        "checkpoint",
        "it colours with ddcolor_paper_tiny.pth, configured is ddcolor_nano.safetensors",
    ),
    "unconnected": (
        lambda at: unlink_image(at, BUILDING_FILE),
        BUILDING_FILE,
        "inputs",
        "the required input image is missing",
    ),
    "connected to the wrong output": (
        lambda at: take_mask(at, BUILDING_FILE),
        BUILDING_FILE,
        "inputs",
        "image takes IMAGE, node 1 gives MASK",
    ),
    "two forms": (
        _api(lambda form: form["3"]["inputs"].update(filename_prefix="older")),
        BUILDING_FILE,
        "api",
        "filename_prefix is 'older', in the UI 'building'",
    ),
}
"""Name: the damage, and the workflow, check and cause that must tell of it."""
