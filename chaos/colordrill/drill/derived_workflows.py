"""Writes what follows from workflow files: their API forms, or all of them for another node."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from colordrill.drill.workflows import definitions_of, service_client, workflows_directory
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.scenario.service import ColorizeNode
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.conversion import classes_of, derive, layout_of
from colordrill.workload.retarget import NodeLayout
from colordrill.workload.workflow_files import (
    API_FOLDER,
    MANIFEST,
    Manifest,
    WorkflowProblem,
    as_text,
    manifest_problems,
    read_forms,
    read_manifest,
)
from colordrill.workload.workflows import plan_retarget


def derive_api_forms(settings: Settings, url: str | None) -> Iterator[str]:
    """Rewrite the API form of every UI form in the configured directory.

    Args:
        settings: name the directory, the node that colours, and the service.
        url: a running service; None starts the configured one.

    Yields:
        One line per file.

    Raises:
        UsageProblem: a file is not what it should be; nothing has been written then.
        EnvironmentProblem: the service does not answer, or a file cannot be written.
    """
    directory = workflows_directory(settings.service)
    manifest = _sound_manifest(directory)
    node = settings.service.node
    if manifest.node not in {None, node}:
        raise UsageProblem(
            f"the workflows in {directory} are made for another node than {node.class_type} as it "
            "is configured",
            "write those for it elsewhere, with --to DIR",
        )
    with service_client(_without_workflows(settings), url) as client:
        derived = {
            f"{API_FOLDER}/{entry.file}": _derived(client, ui)
            for entry in manifest.entries
            if (ui := read_forms(directory, entry.file).ui) is not None
        }
    yield from _write(directory, {name: as_text(form) for name, form in derived.items()})


def derive_directory(settings: Settings, url: str | None, to: Path) -> Iterator[str]:
    """Write the configured workflows, made for the configured node, into the directory *to*.

    Args:
        settings: name the directory to start from, the node that colours, and the service.
        url: a running service; None starts the configured one.
        to: absent or empty; gets UI forms, API forms and a manifest.

    Yields:
        One line per file.

    Raises:
        UsageProblem: *to* holds something, or a file is not what it should be; nothing has been
            written then.
        EnvironmentProblem: the service does not answer, or a file cannot be written.
    """
    if os.path.lexists(to) and not (to.is_dir() and not any(to.iterdir())):
        raise UsageProblem(f"{to} is not an empty directory", "name one that does not exist yet")
    directory, node = workflows_directory(settings.service), settings.service.node
    manifest = _sound_manifest(directory)
    with service_client(_without_workflows(settings), url) as client:
        layout = _layout(client, node)
        texts = {}
        for entry in manifest.entries:
            retarget = plan_retarget(manifest, entry.object_type, node, layout)
            forms = read_forms(directory, entry.file)
            if forms.ui is not None:
                ui = forms.ui if retarget is None else retarget.ui(forms.ui)
                texts[entry.file] = as_text(ui)
                texts[f"{API_FOLDER}/{entry.file}"] = as_text(_derived(client, ui))
            elif forms.api is not None:
                api = forms.api if retarget is None else retarget.api(forms.api)
                texts[entry.file] = as_text(api)
    texts[MANIFEST] = as_text(
        {
            "node": asdict(node),
            "widget_order": {node.class_type: list(layout.widgets)},
            "workflows": [asdict(entry) for entry in manifest.entries],
        }
    )
    yield from _write(to, texts)


def _sound_manifest(directory: Path) -> Manifest:
    manifest = read_manifest(directory)
    for problem in manifest_problems(manifest):
        raise problem
    return manifest


def _without_workflows(settings: Settings) -> Settings:
    """A service that is started only to be asked needs none of the files that are being written."""
    values = {name: value for name, value in settings.service_values.items() if name != "workflows"}
    return replace(settings, service_values=values)


def _derived(client: ComfyClient, ui: Mapping[str, Any]) -> Mapping[str, Any]:
    return derive(ui, definitions_of(client, classes_of(ui)))


def _layout(client: ComfyClient, node: ColorizeNode) -> NodeLayout:
    definition = client.node_class(node.class_type)
    if definition is None:
        raise WorkflowProblem(
            f"the service does not know the node {node.class_type}",
            "name one that its /object_info lists as service.node.class_type",
        )
    return layout_of(definition, node.class_type, frozenset({node.size_input, node.model_input}))


def _write(directory: Path, texts: Mapping[str, str]) -> Iterator[str]:
    """Write files of *directory*, each whole or not at all; a line for each."""
    for name, text in texts.items():
        path = directory / name
        content = text.encode()
        if path.is_file() and path.read_bytes() == content:
            yield f"{path}: unchanged"
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.parent.resolve().is_relative_to(directory.resolve()):
                raise UsageProblem(f"{path.parent} leads out of {directory}", "remove the link")
            beside = path.with_name(f".{path.name}.new")
            beside.write_bytes(content)
            beside.replace(path)
        except OSError as error:
            raise EnvironmentProblem(
                f"{path} cannot be written: {error}", "are the directory and the disk writable?"
            ) from error
        yield f"{path}: written, {len(content)} bytes"
