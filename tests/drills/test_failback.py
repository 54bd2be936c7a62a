"""The real `colordrill failback` on a real stack: there and back, killed in between, and again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from colordrill.backup.schedule import BackupSchedule
from colordrill.clock import SystemClock, poll
from colordrill.data import fixtures
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.incident_world import file_at_dr, public_client
from colordrill.history import History
from colordrill.recover.gateway import active_sites
from colordrill.recover.incidents import JOURNAL
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part, Site
from drills.conftest import Ended, finish, start_colordrill
from drills.traces import traces_of

pytestmark = [pytest.mark.drill, pytest.mark.nightly]

PRIMARY, DR = Part.PRIMARY_COLORIZATION, Part.DR_COLORIZATION
PHASES = ("begin", "merge", "switch", "empty", "done")
REACHED_LIMIT_S = 120.0
PHOTO = (fixtures() / "photos" / "astronaut.png").read_bytes()


@dataclass
class Journey:
    """A standing stack, and everything that it has acknowledged."""

    stack: AttachedStack
    public: ComfyClient
    out: Path
    uploads: dict[str, bytes] = field(default_factory=dict)
    workflows: dict[str, bytes] = field(default_factory=dict)
    number: int = 0

    def write(self) -> None:
        """A user uploads a photo, and saves a workflow of their own."""
        self.number += 1
        photo = PHOTO + bytes([self.number])
        self.uploads[self.public.upload(f"user-{self.number}.png", photo)] = photo
        name, content = f"own-{self.number}.json", b'{"saved": %d}' % self.number
        self.public.save_workflow(name, content)
        self.workflows[name] = content

    def edit(self, content: bytes) -> None:
        self.public.save_workflow("edited.json", content)
        self.workflows["edited.json"] = content

    def back_up(self) -> None:
        clock = SystemClock()
        self.number += 1
        with History(self.out / f"{self.number}.jsonl", clock) as history:
            assert BackupSchedule(self.stack.target, history, clock, 1.0).take() is not None

    def run(self, command: str, *arguments: str) -> Ended:
        return finish(self.start(command, *arguments))

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        words = ["--stack", self.stack.run_id, "--out", str(self.out), "--json", *arguments]
        return start_colordrill(command, *words)

    def recover(self) -> None:
        self.stack.target.kill([PRIMARY])
        ended = self.run("recover")
        assert ended.exit_code == 0, ended

    def fail_back(self) -> dict[str, Any]:
        ended = self.run("failback")
        assert ended.exit_code == 0, ended
        told: dict[str, Any] = json.loads(ended.stdout)
        return told

    def kill_failback(self, phase: str) -> None:
        """Start a failback and SIGKILL it as soon as it has announced *phase*."""
        before = len(self.journal())
        process = self.start("failback")
        poll(
            SystemClock(),
            lambda: any(each.get("phase") == phase for each in self.journal()[before:]) or None,
            awaited=phase,
            timeout_s=REACHED_LIMIT_S,
            every_s=0.002,
        )
        process.kill()
        finish(process)

    def journal(self) -> list[dict[str, Any]]:
        path = self.stack.directory / JOURNAL
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def expect_everything_at(self, site: Site) -> None:
        for name, content in self.uploads.items():
            answer = self.public.view("input", "", name)
            assert (answer.site, answer.body) == (site, content), name
        for name, content in self.workflows.items():
            saved = self.public.read_workflow(name)
            assert (saved.site, saved.body) == (site, content), name

    def expect_returned(self) -> None:
        target = self.stack.target
        assert active_sites(target) == {Site.PRIMARY}
        assert (target.state(PRIMARY).running, target.state(DR).running) == (True, False)
        assert file_at_dr(target) == ""
        self.expect_everything_at(Site.PRIMARY)


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """One stack for all tests here, in a state directory of its own: no other stack is touched."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        up = finish(start_colordrill("up"))
        assert up.exit_code == 0, up
        run_id = up.stdout.split("project: colordrill-")[1].split()[0]
        try:
            with attached_stack(run_id, "test") as stack, public_client(stack) as public:
                yield Journey(stack, public, tmp_path_factory.mktemp("runs"))
        finally:
            down = finish(start_colordrill("down"))
        assert down.exit_code == 0, down
        assert traces_of(run_id) == []


def test_there_and_back_nothing_that_either_site_acknowledged_is_lost(journey: Journey) -> None:
    refused = journey.run("failback")
    assert refused.exit_code == 2, refused
    journey.write()
    journey.edit(b'{"edited": "before the backup"}')
    journey.back_up()
    # acknowledged, and in no point: what the recovery gives up for lost
    journey.write()
    journey.edit(b'{"edited": "before the disaster"}')
    lost = dict(journey.workflows)
    journey.recover()
    journey.write()
    journey.edit(b'{"edited": "at the DR site"}')

    planned = json.loads(journey.run("failback", "--dry-run").stdout)
    done = journey.fail_back()

    journey.expect_returned()
    assert done["users_waited_s"] < done["took_s"]
    assert len(done["files"]["conflicts"]) == 1
    assert planned["files"]["conflicts"] == done["files"]["conflicts"]
    assert set(planned["files"]["brought"]) == set(done["files"]["brought"])
    beside = done["files"]["conflicts"][0].removeprefix("workflows/")
    assert journey.public.read_workflow(beside).body == lost["edited.json"]
    assert journey.run("failback").exit_code == 0


def test_after_a_failback_the_next_disaster_is_recovered_too(journey: Journey) -> None:
    journey.write()
    journey.back_up()

    journey.recover()

    journey.expect_everything_at(Site.DR)
    journey.fail_back()
    journey.expect_returned()


@pytest.mark.parametrize("phase", PHASES)
def test_killed_and_started_again_it_ends_with_one_site_that_has_it_all(
    phase: str, journey: Journey
) -> None:
    journey.write()
    journey.back_up()
    journey.recover()
    journey.write()

    journey.kill_failback(phase)
    journey.fail_back()

    journey.expect_returned()


@pytest.mark.parametrize("phase", ["begin", "merge", "switch"])
def test_killed_a_recovery_gives_users_the_dr_site_back_with_what_they_wrote(
    phase: str, journey: Journey
) -> None:
    journey.write()
    journey.back_up()
    journey.recover()
    journey.write()
    journey.kill_failback(phase)

    ended = journey.run("recover")

    if ended.exit_code == 2:
        # it had just switched: the primary is healthy, and has it all
        journey.expect_everything_at(Site.PRIMARY)
    else:
        assert ended.exit_code == 0, ended
        assert active_sites(journey.stack.target) == {Site.DR}
        journey.expect_everything_at(Site.DR)
        journey.write()
    journey.fail_back()
    journey.expect_returned()
