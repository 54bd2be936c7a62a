"""A directory of workflows as it lies on disk: its manifest, and the two forms of each file.

``MANIFEST.json`` says which file is for which object type. A file is in the web page's form (then
its API form lies under the same name in ``api/``) or in the API's form, which then is all there is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePath
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario.service import ColorizeNode
from colordrill.workload.object_types import OBJECT_TYPES, UnsupportedObjectType

MANIFEST = "MANIFEST.json"
API_FOLDER = "api"
FILE_BYTES_MAX = 8 * 1024 * 1024
"""Far above any workflow (pictures are not stored in them), far below what would hurt."""

Prompt = Mapping[str, Any]


class WorkflowProblem(UsageProblem):
    """A workflow file or the manifest beside it is not what it should be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One workflow as the manifest lists it: its file and what it is for."""

    file: str
    object_type: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``MANIFEST.json`` says.

    Attributes:
        entries: the workflows.
        node: the node that the files are written for; None: the one that is configured.
        widget_order: node class to its widgets in the order in which the page stores their values.
    """

    entries: tuple[Entry, ...]
    node: ColorizeNode | None
    widget_order: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one workflow file.

    Attributes:
        content: the file's bytes.
        ui: the page's form; None where the file itself is in the API's.
        api: the API's form; None where it has not been derived yet.
    """

    content: bytes
    ui: Mapping[str, Any] | None
    api: Prompt | None


def read_manifest(directory: Path) -> Manifest:
    """Read *directory*'s manifest.

    Raises:
        WorkflowProblem: it is absent or malformed.
    """
    content = _parsed(directory, _read(directory, MANIFEST), MANIFEST)
    try:
        node = content.get("node")
        order = content.get("widget_order", {})
        return Manifest(
            tuple(_entry(each) for each in content["workflows"]),
            None if node is None else _node(node),
            {str(name): tuple(str(each) for each in order[name]) for name in order},
        )
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise WorkflowProblem(
            f"{MANIFEST} in {directory} is not a manifest of workflows: "
            f"{type(error).__name__}: {error}",
            'it needs "workflows": [{"file": "NAME.json", "object_type": "person"}, …]',
        ) from error


def manifest_problems(manifest: Manifest) -> list[UsageProblem]:
    """What is wrong with the list itself: types unknown, absent or twice, files twice."""
    found: list[UsageProblem] = []
    types = [each.object_type for each in manifest.entries]
    files = [each.file for each in manifest.entries]
    found += [UnsupportedObjectType(each) for each in types if each not in OBJECT_TYPES]
    for object_type in OBJECT_TYPES:
        count = types.count(object_type)
        if count != 1:
            found.append(
                WorkflowProblem(
                    f"{MANIFEST} lists {count} workflows for the object type {object_type}, not one"
                )
            )
    found += [
        WorkflowProblem(f"{MANIFEST} lists {file} {files.count(file)} times")
        for file in sorted(set(files))
        if files.count(file) > 1
    ]
    return found


def unlisted(directory: Path, manifest: Manifest) -> list[str]:
    """Workflow files of *directory* and of its ``api/`` that the manifest does not list."""
    listed = {each.file for each in manifest.entries}
    folders = {"": directory, f"{API_FOLDER}/": directory / API_FOLDER}
    return sorted(
        prefix + path.name
        for prefix, folder in folders.items()
        if folder.is_dir()
        for path in folder.iterdir()
        if path.suffix == ".json" and path.name not in listed | {MANIFEST}
    )


def read_forms(directory: Path, file: str) -> Forms:
    """Both forms of *file*.

    Raises:
        WorkflowProblem: a file is absent, leads out of *directory*, is too large, is no JSON, or is
            in neither form.
    """
    content = _read(directory, file)
    form = _parsed(directory, content, file)
    if not is_ui_form(form):
        return Forms(content, None, _as_prompt(form, file))
    name = f"{API_FOLDER}/{file}"
    if not os.path.lexists(directory / name):
        return Forms(content, form, None)
    return Forms(content, form, _as_prompt(_parsed(directory, _read(directory, name), name), name))


def is_ui_form(form: Mapping[str, Any]) -> bool:
    """Whether *form* is the web page's: lists of nodes and links."""
    return isinstance(form.get("nodes"), list) and isinstance(form.get("links"), list)


def as_text(form: Mapping[str, Any]) -> str:
    """A form as its file holds it."""
    return json.dumps(form, indent=2, ensure_ascii=False) + "\n"


def _entry(entry: Mapping[str, Any]) -> Entry:
    file, object_type = entry["file"], entry["object_type"]
    if not isinstance(file, str) or not isinstance(object_type, str):
        raise TypeError("file and object_type are texts")
    if PurePath(file).name != file or file in {"", ".", "..", MANIFEST}:
        raise ValueError(f"{file!r} is not the plain name of a file beside it")
    return Entry(file, object_type)


def _node(values: Mapping[str, Any]) -> ColorizeNode:
    kinds = {field.name: type(field.default) for field in fields(ColorizeNode)}
    for name, kind in kinds.items():
        if type(values[name]) is not kind:
            raise TypeError(f"node.{name} is {values[name]!r}, not {kind.__name__}")
    if unknown := values.keys() - kinds.keys():
        raise ValueError(f"node.{min(unknown)} is unknown; known: {', '.join(kinds)}")
    return ColorizeNode(**values)


def _read(directory: Path, name: str) -> bytes:
    path = directory / name
    try:
        if not path.resolve(strict=True).is_relative_to(directory.resolve(strict=True)):
            raise WorkflowProblem(
                f"workflow {name} leads out of {directory}", "put the file itself there"
            )
        if not path.is_file():
            raise WorkflowProblem(f"workflow {name} in {directory} is not a file")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except (OSError, RuntimeError, ValueError) as error:
        raise WorkflowProblem(
            f"workflow {name} in {directory} cannot be read: {error}",
            f"restore it, or mend {MANIFEST}",
        ) from error
    if len(content) > FILE_BYTES_MAX:
        raise WorkflowProblem(
            f"workflow {name} in {directory} is larger than {FILE_BYTES_MAX} bytes",
            "is it a workflow?",
        )
    return content


def _parsed(directory: Path, content: bytes, name: str) -> Mapping[str, Any]:
    try:
        form = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise WorkflowProblem(
            f"workflow {name} in {directory} is not JSON: {error}",
            "restore it from version control, or save it from ComfyUI once more",
        ) from error
    if not isinstance(form, dict):
        raise WorkflowProblem(f"workflow {name} holds a {type(form).__name__}, not an object")
    return form


def _as_prompt(form: Mapping[str, Any], name: str) -> Prompt:
    for key, node in form.items():
        shaped = isinstance(node, dict) and isinstance(node.get("inputs"), dict)
        if not shaped or not isinstance(node.get("class_type"), str):
            raise WorkflowProblem(
                f"workflow {name} is in neither of ComfyUI's forms: {key!r} is no node",
                "save it from ComfyUI (Save, or Export (API)) once more",
            )
    if not form:
        raise WorkflowProblem(f"workflow {name} has no nodes")
    return form
