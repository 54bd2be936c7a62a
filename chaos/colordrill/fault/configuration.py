"""Faults of the primary's workflow files: deleted, or an older version."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.neighbour import NOT_FOUND, OK, neighbour_of
from colordrill.fault.parameters import text, whole
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.site_data import SiteData
from colordrill.fault.witness import a_look
from colordrill.stack.parts import COLORIZATION_PORT, Part
from colordrill.stack.target import Capability, Target
from colordrill.workload.object_types import BUILDING, OBJECT_TYPES, PERSON

FILE_NAMES = {PERSON: "DDColor人物黑白修复.json", BUILDING: "DDColor建筑黑白修复.json"}
"""The bundled workflow for each object type; any other file is aimed at by its own name."""

SIZE_MIN_PX, SIZE_MAX_PX = 32, 4096
TARGETS = (*OBJECT_TYPES, "the name of a workflow file")


@dataclass
class _WorkflowFault:
    """A fault of one workflow file of the primary.

    Attributes:
        target_name: an object type, or the workflow's file name.
        service_port: where the colorization service listens inside its container.
        memory: ``content``: the file as it was, base64.
    """

    target_name: str = BUILDING
    service_port: int = COLORIZATION_PORT
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    name: ClassVar[str]
    about: ClassVar[About]
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.EXECUTE})

    def __post_init__(self) -> None:
        """Refuse what is no file in the folder of workflows."""
        self.service_port = whole("service_port", self.service_port, 1, 65535)
        name = self.file_name
        if not name.endswith(".json") or "/" in name or name.startswith("."):
            raise UnknownName("workflow", self.target_name, [*OBJECT_TYPES, *FILE_NAMES.values()])
        text("workflow", name)

    @property
    def file_name(self) -> str:
        """The workflow's file."""
        return FILE_NAMES.get(self.target_name, str(self.target_name))

    @property
    def _path(self) -> str:
        return f"workflows/{self.file_name}"

    def healthy(self, target: Target) -> Evidence:
        """The service gives its users the file as it is on the disk; it is remembered."""
        content = self._data(target).read(self._path)
        if content is None:
            return Evidence(seen=False, detail=f"there is no {self._path}")
        self.memory["content"] = base64.b64encode(content).decode()
        return self.healed(target)

    def heal(self, target: Target) -> None:
        """Put the file back as it was."""
        original = self._original()
        if original is not None and self._data(target).read(self._path) != original:
            self._data(target).write(self._path, original)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The service gives its users the file as it was."""
        original = self._original()
        if original is None:
            return Evidence(seen=True, detail=f"{self._path} was not touched")
        served = neighbour_of(target, Part.PRIMARY_COLORIZATION, self.service_port).user_file(
            self.file_name
        )
        same = served.status == OK and served.content == original
        detail = f"the service gives {self._path} {'as it was' if same else 'differently'}"
        return Evidence(seen=same, detail=f"{detail}: {served.status}")

    def _original(self) -> bytes | None:
        content = self.memory.get("content")
        return None if content is None else base64.b64decode(content)

    def _remembered(self) -> bytes:
        original = self._original()
        if original is None:
            raise EnvironmentProblem(f"{self._path} was never read, so it could not be restored")
        return original

    def _data(self, target: Target) -> SiteData:
        return SiteData(target, Part.PRIMARY_AGENT)


class WorkflowDeleted(_WorkflowFault):
    """The file is gone."""

    name: ClassVar[str] = "workflow_deleted"
    about: ClassVar[About] = About(
        effect="The workflow is gone from the users' list; jobs that use it cannot be prepared.",
        method="The site's agent deletes the file from the folder of workflows, as its owner.",
        evidence=(
            "The agent asks the service for the workflow as its web page does "
            "(`/userdata/workflows%2F…`) and gets 404 where it got the file before."
        ),
        cure="The file is written again as it was, and read back through the service.",
        incidents=(
            "Charts in use keep no volume for ComfyUI's `user` folder, so every new pod starts "
            "without any workflow; others were deleted by hand in the web page, which asks once."
        ),
        targets=TARGETS,
    )

    def inject(self, target: Target) -> None:
        """Delete it."""
        self._remembered()
        self._data(target).remove(self._path)

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The service does not know the file any more."""
        served = neighbour_of(target, Part.PRIMARY_COLORIZATION, self.service_port).user_file(
            self.file_name
        )
        return Evidence(
            seen=served.status == NOT_FOUND, detail=f"the service gives {self._path}: {served}"
        )


@dataclass
class WorkflowOutdated(_WorkflowFault):
    """The file as it was before its last change: the network's size is another one.

    Attributes:
        size_px: the size in that version.
    """

    size_px: int = 680

    name: ClassVar[str] = "workflow_outdated"
    about: ClassVar[About] = About(
        effect=(
            "Jobs run and end well, at the wrong size: buildings at 680 come out with washed-out, "
            "smeared colours. No error is shown anywhere."
        ),
        method=(
            "In the web page's form of the workflow, the size of each DDColor node is replaced by "
            "`size_px`; the file is written by the site's agent, as its owner."
        ),
        evidence=(
            "The agent asks the service for the workflow as its web page does and finds the other "
            "size in it."
        ),
        cure="The file is written again as it was, and read back through the service.",
        incidents=(
            "A workflow update was never synchronised to the DR site: after the switch buildings "
            "were coloured at 680 instead of 1280, and nobody noticed until customers did."
        ),
        targets=TARGETS,
    )

    def __post_init__(self) -> None:
        """Refuse a size that no network has."""
        super().__post_init__()
        self.size_px = whole("size_px", self.size_px, SIZE_MIN_PX, SIZE_MAX_PX)

    def inject(self, target: Target) -> None:
        """Write the older version.

        Raises:
            EnvironmentProblem: the workflow has no DDColor node with a size, or already this one.
        """
        older = outdated(self._remembered(), self.size_px)
        if older is None:
            raise EnvironmentProblem(
                f"{self._path} has no DDColor node of another size than {self.size_px}",
                "choose another size_px, or another workflow",
            )
        self._data(target).write(self._path, older)

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The service gives its users the other size."""
        served = neighbour_of(target, Part.PRIMARY_COLORIZATION, self.service_port).user_file(
            self.file_name
        )
        found = sizes(served.content) if served.status == OK else []
        before = sizes(self._original() or b"")
        return Evidence(
            seen=bool(found) and found != before and set(found) == {self.size_px},
            detail=f"the service gives {self._path} with size {found}, it was {before}",
        )


def sizes(content: bytes) -> list[int]:
    """The sizes of a workflow's DDColor nodes; none where it is no such workflow."""
    return [node["widgets_values"][at] for node, at in _sized(_nodes(content))]


def outdated(content: bytes, size_px: int) -> bytes | None:
    """The workflow with every DDColor node's size replaced; None where nothing would differ."""
    found = sizes(content)
    if not found or set(found) == {size_px}:
        return None
    workflow = json.loads(content)
    for node, at in _sized(workflow["nodes"]):
        node["widgets_values"][at] = size_px
    return json.dumps(workflow, ensure_ascii=False, indent=2).encode()


def _nodes(content: bytes) -> list[dict[str, Any]]:
    try:
        nodes = json.loads(content)["nodes"]
    except (ValueError, LookupError, TypeError):
        return []
    return nodes if isinstance(nodes, list) else []


def _sized(nodes: list[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """The DDColor nodes, each with where among its values the size is: its only whole number."""
    found = []
    for node in nodes:
        values = node.get("widgets_values")
        if "ddcolor" not in str(node.get("type", "")).lower() or not isinstance(values, list):
            continue
        found += [(node, at) for at, value in enumerate(values) if type(value) is int]
    return found


FAULTS: tuple[type, ...] = (WorkflowDeleted, WorkflowOutdated)
