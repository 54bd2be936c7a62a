"""A stack in memory whose primary is down, for every start of `colordrill recover`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.data import fixtures
from colordrill.drill import incident, incident_plan, operating
from colordrill.drill.assets import load_assets
from colordrill.drill.attached import AttachedStack
from colordrill.drill.incident import Order, recover
from colordrill.drill.recovery_record import Recovery
from colordrill.errors import EnvironmentProblem
from colordrill.recover.choosing import Wish
from colordrill.recover.incidents import Journal, read_past
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, PartState
from fakes.incident import FakeDrSite, FakeGateway, KillableTarget, Killed, Killer
from fakes.service import Reply, comfyui
from fakes.target import FakeTarget

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

PRIMARY, DR = Part.PRIMARY_COLORIZATION, Part.DR_COLORIZATION


@dataclass
class Incident:
    """A standing stack whose primary is down, and everything that a start of the command sees."""

    disaster: Disaster
    directory: Path
    out: Path
    killer: Killer
    gateway: FakeGateway
    site: FakeDrSite
    said: list[str] = field(default_factory=list)

    def start(self, *, force: bool = False, **wish: Any) -> Recovery:
        order = Order(None, Wish(**wish), force)
        return recover(Settings(out=self.out), order, self.said.append, self.disaster.clock)

    def killed_at(self, moment: int, **options: Any) -> bool:
        """Whether a start was killed at that moment; else it went to its end before."""
        self.killer.at, self.killer.passed = moment, 0
        try:
            self.start(**options)
        except Killed:
            return True
        finally:
            self.killer.at = None
        return False

    def kill_in(self, step: str) -> None:
        """Let a start be killed at the first act of *step*."""
        for moment in range(200):
            assert self.killed_at(moment)
            last = read_past(self.directory).last
            if last is not None and last.broken_off == step:
                return
        raise AssertionError(step)

    def kill_while_restoring(self) -> None:
        """Let a start be killed when the DR site holds a part of its point."""
        for moment in range(200):
            assert self.killed_at(moment)
            if len(self.site.files) == 1:
                return
        raise AssertionError

    def engine_loses_the_primary(self, patched: pytest.MonkeyPatch) -> None:
        """Stopping it fails, and so does the question after it how the primary is."""
        kind, lost = type(self.disaster.target), list[Part]()
        state, silent = kind.state, EnvironmentProblem("the engine does not answer")

        def stop(_target: FakeTarget, part: Part) -> None:
            lost.append(part)
            raise silent

        def asked(target: FakeTarget, part: Part) -> PartState:
            if part in lost:
                lost.remove(part)
                raise silent
            return state(target, part)

        patched.setattr(kind, "stop", stop)
        patched.setattr(kind, "state", asked)

    def primary_runs(self) -> None:
        self.disaster.target.start(PRIMARY)

    def running(self) -> tuple[bool, bool]:
        """Whether the services of the primary and of the DR site run."""
        state = self.disaster.target.state
        return state(PRIMARY).running, state(DR).running

    def expect_one_healthy_site(self) -> None:
        assert self.gateway.off == {"primary"}
        assert self.gateway.answering() == "dr"
        assert self.running() == (False, True)
        (point,) = set(self.site.files.values())
        assert self.site.files == {"input/a.png": point, "output/b.png": point}


def broken_stack(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incident:
    """The stack of *disaster*, its primary down since after its newest recovery point."""
    killer = Killer()
    gateway, site = FakeGateway(disaster.target), FakeDrSite(killer)
    copies = disaster.run_offsite

    def offsite(part: Part, command: Sequence[str]) -> Executed:
        restores = command[1] == "restore" and command[2] in disaster.offsite
        return site.restore_offsite(part, command) if restores else copies(part, command)

    programs = {
        "haproxy-command": gateway.run,
        "colordrill-restore": site.restore,
        "colordrill-offsite": offsite,
        "find": site.first_file,
    }
    disaster.target.programs |= programs
    disaster.target.kill([PRIMARY])
    picture = (fixtures() / "photos" / "astronaut.png").read_bytes()
    disaster.dr.answer = disaster.primary.answer = comfyui(picture, site=None)
    disaster.public.answer = lambda _request: (
        Reply(200, b"{}", gateway.answering()) if gateway.answering() else Reply(503)
    )
    directory = tmp_path / "run"
    directory.mkdir()
    target: Any = KillableTarget(disaster.target, killer)

    @contextmanager
    def attached(_run_id: str | None, _purpose: str) -> Iterator[AttachedStack]:
        yield AttachedStack("aa", target, directory)

    def public(_stack: AttachedStack) -> AbstractContextManager[ComfyClient]:
        return nullcontext(disaster.operator.public)

    assets = load_assets()
    monkeypatch.setattr(incident, "load_assets", lambda _service: assets)
    for module in (incident, incident_plan):
        monkeypatch.setattr(module, "attached_stack", attached)
        monkeypatch.setattr(module, "public_client", public)
    monkeypatch.setattr(operating, "ScoringWorker", lambda *_: nullcontext(disaster.scoring))
    monkeypatch.setattr(operating, "golden_canaries", lambda *_: disaster.operator.canaries)
    monkeypatch.setattr(Journal, "_append", killer.around(Journal._append))
    # the points were begun before the incident
    disaster.clock.advance(10.0)
    return Incident(disaster, directory, tmp_path / "runs", killer, gateway, site)
