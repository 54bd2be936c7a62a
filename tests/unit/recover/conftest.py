"""A recoverable stack in memory: its DR service and its gateway are local HTTP servers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from colordrill.data import fixtures
from colordrill.history import Event, History
from colordrill.picture import Judgement
from colordrill.recover.runbook import Runbook
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import COLORIZATION_PORT, Part
from colordrill.stack.target import Executed
from colordrill.workload.canary import Canary, CanaryRunner
from colordrill.workload.photos import Photo
from colordrill.workload.scoring import ScoringTask, ScoringWorker
from colordrill.workload.workflows import PERSON, load_workflows
from fakes.clock import ManualClock
from fakes.service import Reply, Request, ScriptedService, comfyui, scripted_service
from fakes.target import FakePart, FakeTarget

RIGHT = Judgement(correct=True, reasons=(), scores=None)
POINTS = ("20261122T201530.123Z", "20261122T201534.123Z")


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
    """

    target: FakeTarget
    clock: ManualClock
    dr: ScriptedService
    public: ScriptedService
    events: list[Event]
    scoring: Scoring = field(default_factory=Scoring)
    points: tuple[str, ...] = POINTS
    active: str | None = None
    gateway_says: str = "\n"
    switches: bool = True
    commands: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    runbook: Runbook = field(init=False)

    def answer_public(self, _request: Request) -> Reply:
        return Reply(200, b"{}", self.active) if self.active else Reply(503)

    def run_points(self, _part: Part, _command: Sequence[str]) -> Executed:
        listed = [{"point": p, "strategy": "rsync", "files": 3, "bytes": 9} for p in self.points]
        return Executed(0, json.dumps(listed), "")

    def run_gateway(self, _part: Part, command: Sequence[str]) -> Executed:
        self.commands.append(command[1])
        if self.gateway_says.strip():
            return Executed(0, self.gateway_says, "")
        if self.switches and command[1].endswith(" ready"):
            self.active = command[1].split()[2].removeprefix("sites/")
        return Executed(0, self.gateway_says, "")

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
def disaster(tmp_path: Path) -> Iterator[Disaster]:
    clock, events = ManualClock(), cast("list[Event]", [])
    picture = (fixtures() / "photos" / "astronaut.png").read_bytes()
    (tmp_path / "images").mkdir()
    with (
        scripted_service(comfyui(picture, site=None)) as dr,
        scripted_service(lambda _request: Reply(503)) as public,
        ComfyClient(public.url) as client,
        History(tmp_path / "history.jsonl", clock) as history,
    ):
        history.listen(events.append)
        port = urlsplit(dr.url).port
        assert port is not None
        standby = FakePart(running=False, ports={COLORIZATION_PORT: port}, printed=["last words"])
        parts = {Part.DR_COLORIZATION: standby}
        parts |= {part: FakePart() for part in (Part.DR_AGENT, Part.BACKUP, Part.GATEWAY)}
        disaster = Disaster(FakeTarget(parts), clock, dr, public, events)
        restored = Executed(0, '{"files": 3}', "")
        disaster.target.programs = {
            "colordrill-points": disaster.run_points,
            "colordrill-restore": lambda _part, _command: restored,
            "haproxy-command": disaster.run_gateway,
        }
        public.answer = disaster.answer_public
        workflow = load_workflows(fixtures() / "workflows")[PERSON]
        canaries = [
            Canary(name, workflow, Photo(f"{name}.png", picture), "golden.png", "photo.png")
            for name in ("person", "building", "crop")
        ]
        worker: Any = cast("ScoringWorker", disaster.scoring)
        disaster.runbook = Runbook(
            target=disaster.target,
            history=history,
            clock=clock,
            public=client,
            runner=CanaryRunner(history, clock, worker, tmp_path),
            canaries=canaries,
            say=disaster.said.append,
        )
        yield disaster
