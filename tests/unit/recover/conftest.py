"""A recoverable stack in memory: its DR service and its gateway are local HTTP servers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from colordrill.backup import rsync
from colordrill.backup.bringing_back import BroughtBack
from colordrill.backup.points import PointDamaged, restore_point
from colordrill.data import fixtures
from colordrill.errors import EnvironmentProblem
from colordrill.history import Event, History
from colordrill.picture import Judgement
from colordrill.recover import in_place
from colordrill.recover.in_place import InPlaceRunbook
from colordrill.recover.runbook import FailoverRunbook
from colordrill.recover.steps import Operator
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import COLORIZATION_PORT, Part, Site, parts_of
from colordrill.stack.target import Executed, PartDescription, Target
from colordrill.workload.canary import Canary, CanaryRunner
from colordrill.workload.photos import Photo
from colordrill.workload.scoring import ScoringTask, ScoringWorker
from colordrill.workload.workflows import PERSON, load_workflows
from fakes.clock import ManualClock
from fakes.service import Reply, Request, ScriptedService, comfyui, scripted_service
from fakes.target import FakePart, FakeTarget

RIGHT = Judgement(correct=True, reasons=(), scores=None)
POINTS = ("20261122T201530.123Z", "20261122T201534.123Z")
CONFIGURED = {
    "IMAGE": "service:2",
    "MODEL_SIZE": "512",
    "DEVICE": "cpu",
    "MOUNT_INPUT": "/comfyui/input",
    "MOUNT_OUTPUT": "/comfyui/output",
    "MOUNT_WORKFLOWS": "/comfyui/user/default/workflows",
    "MOUNT_MODELS": "/comfyui/models",
}
"""What the primary was, as every recovery point holds it."""

AS_CONFIGURED = PartDescription(
    image="service:2",
    image_id="sha256:2",
    environment={"MODEL_SIZE": "512", "DEVICE": "cpu", "PATH": "/bin"},
    mounts={
        "/comfyui/input": "input",
        "/comfyui/output": "output",
        "/comfyui/user/default/workflows": "workflows",
        "/comfyui/models": "models",
    },
    read_only=(),
    restart="unless-stopped",
)


@dataclass
class Scoring:
    """Judges every picture as a test wants."""

    found: Judgement = RIGHT

    def submit(self, _task: ScoringTask) -> Future[Judgement]:
        future: Future[Judgement] = Future()
        future.set_result(self.found)
        return future

    def judgement(self, future: Future[Judgement], timeout_s: float) -> Judgement:
        return future.result(timeout_s)


@dataclass
class Disaster:
    """Everything after a disaster, before the runbook.

    Attributes:
        active: the site that the gateway's traffic goes to; commands of its runtime API change it.
        gateway_says: what the runtime API prints for each command.
        damaged: points that are not what their manifests say.
        known_damaged: those of which a verification has said so.
        offsite: the points that are kept off site, oldest first.
        damaged_offsite: those of them that are not what their manifests say.
        configured: the configuration that every point holds.
        unwritable: folders of the DR site that refuse a file, until they get their owner.
        restored: what was mounted where, in order.
    """

    target: FakeTarget
    clock: ManualClock
    dr: ScriptedService
    primary: ScriptedService
    public: ScriptedService
    events: list[Event]
    scoring: Scoring = field(default_factory=Scoring)
    points: tuple[str, ...] = POINTS
    active: str | None = None
    gateway_says: str = "\n"
    switches: bool = True
    commands: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    known_damaged: set[str] = field(default_factory=set)
    offsite: tuple[str, ...] = ()
    damaged_offsite: set[str] = field(default_factory=set)
    configured: dict[str, str] = field(default_factory=lambda: dict(CONFIGURED))
    unwritable: set[str] = field(default_factory=set)
    restored: list[str] = field(default_factory=list)
    repaired: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    operator: Operator = field(init=False)
    runbook: FailoverRunbook = field(init=False)

    def in_place(self, *repair: str, restarts: bool = True, **more: Any) -> InPlaceRunbook:
        """The runbook of a primary that can be repaired, from its newest point."""
        point = more.pop("point", POINTS[-1])
        return InPlaceRunbook(self.operator, point, repair, restarts, **more)

    def answer_public(self, _request: Request) -> Reply:
        return Reply(200, b"{}", self.active) if self.active else Reply(503)

    def run_points(self, _part: Part, _command: Sequence[str]) -> Executed:
        listed = [
            {"point": point, "strategy": "rsync", "files": 3, "bytes": 9, **self._verified(point)}
            for point in self.points
        ]
        return Executed(0, json.dumps(listed), "")

    def _verified(self, point: str) -> dict[str, Any]:
        if point not in self.known_damaged:
            return {}
        found = {"outcome": "damaged", "damaged_files": 1, "damaged": ["output/a.png"]}
        return {"verified": {"at": "2026-11-22T20:15:35+00:00", **found}}

    def run_gateway(self, _part: Part, command: Sequence[str]) -> Executed:
        self.commands.append(command[1])
        if self.gateway_says.strip():
            return Executed(0, self.gateway_says, "")
        if self.switches and command[1].endswith(" ready"):
            self.active = command[1].split()[2].removeprefix("sites/")
        return Executed(0, self.gateway_says, "")

    def run_restore(self, _part: Part, command: Sequence[str]) -> Executed:
        self.restored.append(command[1])
        return Executed(0, '{"files": 3}', "")

    def run_offsite(self, _part: Part, command: Sequence[str]) -> Executed:
        _, verb, *words = command
        if verb == "list":
            listed = [
                {"point": p, "strategy": "restic", "files": 3, "bytes": 9} for p in self.offsite
            ]
            return Executed(0, json.dumps(listed), "")
        if words[0] not in self.offsite:
            return Executed(1, "", f"there is no recovery point {words[0]} off site")
        if words[0] in self.damaged_offsite:
            return Executed(5, "", f"{words[0]} is not what its manifest says")
        if verb == "read":
            text = "".join(f"{k}={v}\n" for k, v in self.configured.items())
            return Executed(0, json.dumps({"point": words[0], "text": text}), "")
        self.restored.append(f"{words[0]} from off site")
        return Executed(0, '{"files": 3}', "")

    def read_configuration(self, _part: Part, command: Sequence[str]) -> Executed:
        if not command[1].endswith("/config/stack.env"):
            return Executed(1, "", "No such file or directory")
        return Executed(0, "".join(f"{k}={v}\n" for k, v in self.configured.items()), "")

    def write_probe(self, _part: Part, command: Sequence[str]) -> Executed:
        folder = command[-1].split("/")[2]
        given = any(call[:3] == ("put_files", "dr-agent", folder) for call in self.target.calls)
        refused = folder in self.unwritable and not given
        return Executed(1, "", "Permission denied") if refused else Executed(0, "", "")

    def repair(
        self, _target: Target, _agent: Part, point: str, paths: Sequence[str]
    ) -> BroughtBack:
        if point in self.damaged:
            raise EnvironmentProblem(f"recovery point {point} is damaged")
        self.repaired.append((point, tuple(paths)))
        return BroughtBack(point, ("output/a.png",), (), ("output/b.png",))

    def readiness(self) -> dict[str, str]:
        """What the probes found."""
        return {
            event.data["probe"]: event.data["outcome"]
            for event in self.events
            if event.kind == "readiness"
        }

    def steps(self) -> list[tuple[str, str]]:
        """How each step that began ended."""
        return [
            (event.data["step"], event.type.value)
            for event in self.events
            if event.kind == "step" and event.type != "invoke"
        ]

    def last_detail(self) -> str:
        return str([e for e in self.events if e.kind == "step"][-1].data["detail"])


@pytest.fixture
def disaster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disaster]:
    clock, events = ManualClock(), cast("list[Event]", [])
    picture = (fixtures() / "photos" / "astronaut.png").read_bytes()
    workflow = load_workflows(fixtures() / "workflows")[PERSON]
    service = comfyui(picture, site=None, workflow=workflow.ui_form)
    (tmp_path / "images").mkdir()
    with (
        scripted_service(service) as dr,
        scripted_service(service) as primary,
        scripted_service(lambda _request: Reply(503)) as public,
        ComfyClient(public.url) as client,
        History(tmp_path / "history.jsonl", clock) as history,
    ):
        history.listen(events.append)
        parts = {part: FakePart() for part in parts_of(Site.PRIMARY)}
        parts |= {part: FakePart() for part in (Part.DR_AGENT, Part.BACKUP, Part.GATEWAY)}
        parts[Part.PRIMARY_COLORIZATION] = _service_part(primary, running=True)
        parts[Part.DR_COLORIZATION] = _service_part(dr, running=False)
        # one that was created anew is reached at the same port
        monkeypatch.setattr(FakePart, "again", _again)
        disaster = Disaster(FakeTarget(parts), clock, dr, primary, public, events)
        disaster.target.programs = {
            "colordrill-points": disaster.run_points,
            "colordrill-restore": disaster.run_restore,
            "colordrill-offsite": disaster.run_offsite,
            "haproxy-command": disaster.run_gateway,
            "cat": disaster.read_configuration,
            "sh": disaster.write_probe,
        }
        _replace_points(monkeypatch, disaster)
        public.answer = disaster.answer_public
        canaries = [
            Canary(name, workflow, Photo(f"{name}.png", picture), "golden.png", "photo.png")
            for name in ("person", "building", "crop")
        ]
        worker: Any = cast("ScoringWorker", disaster.scoring)
        disaster.operator = Operator(
            target=disaster.target,
            history=history,
            clock=clock,
            public=client,
            runner=CanaryRunner(history, clock, worker, tmp_path),
            canaries=canaries,
            say=disaster.said.append,
        )
        disaster.runbook = FailoverRunbook(disaster.operator)
        yield disaster


def _service_part(service: ScriptedService, *, running: bool) -> FakePart:
    port = urlsplit(service.url).port
    assert port is not None
    return FakePart(
        running=running,
        ports={COLORIZATION_PORT: port},
        printed=["last words"],
        description=AS_CONFIGURED,
    )


def _again(
    part: FakePart, networks: dict[str, list[str]], description: PartDescription
) -> FakePart:
    return replace(part, networks=networks, description=description)


def _replace_points(monkeypatch: pytest.MonkeyPatch, disaster: Disaster) -> None:
    """Restoring and repairing have their own tests, in real containers."""

    def restore(target: Target, agent: Part, point: str) -> int:
        if point in disaster.damaged:
            raise PointDamaged(f"recovery point {point}: 1 file differs")
        return restore_point(target, agent, point)

    monkeypatch.setattr(rsync, "restore_point", restore)
    monkeypatch.setattr(in_place, "bring_back", disaster.repair)
