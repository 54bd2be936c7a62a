"""The real `colordrill recover` on a real stack: refused, killed in and after each step."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colordrill.backup.schedule import BackupSchedule
from colordrill.clock import SystemClock, poll
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.incident_world import public_client
from colordrill.history import History
from colordrill.recover.gateway import active_sites, switch_gateway
from colordrill.recover.incidents import JOURNAL
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part, Site
from drills.conftest import Ended, finish, start_colordrill
from drills.traces import traces_of

pytestmark = pytest.mark.drill

PRIMARY, DR = Part.PRIMARY_COLORIZATION, Part.DR_COLORIZATION
STEPS = ("start", "mount", "verify", "switch", "record")
REACHED_LIMIT_S = 120.0
EMPTY_SITE = ("sh", "-c", "find /site/*/ -mindepth 1 -delete")

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Incidents:
    """A standing stack, and the journal of the recoveries on it."""

    stack: AttachedStack
    public: ComfyClient
    out: Path

    def recover(self, *arguments: str) -> Ended:
        return finish(self._start(*arguments))

    def kill(self, event: str, step: str | None = None) -> None:
        """Start a recovery and SIGKILL it as soon as it has written *event* of *step*."""
        before = len(self.journal())
        process = self._start()
        poll(
            SystemClock(),
            lambda: self._reached(process, event, step, before),
            awaited=f"{event} of {step}",
            timeout_s=REACHED_LIMIT_S,
            every_s=0.002,
        )
        process.kill()
        finish(process)

    def journal(self) -> list[Line]:
        path = self.stack.directory / JOURNAL
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def back_up(self, name: str) -> None:
        clock = SystemClock()
        with History(self.out / f"{name}.jsonl", clock) as history:
            assert BackupSchedule(self.stack.target, history, clock, 1.0).take() is not None

    def lose_the_primary(self) -> None:
        self.stack.target.kill([PRIMARY])

    def bring_the_primary_back(self) -> None:
        """As people do it by hand afterwards: the DR site is empty and stands by again."""
        target = self.stack.target
        target.kill([DR])
        target.recreate(DR)
        assert target.execute(Part.DR_AGENT, EMPTY_SITE).exit_code == 0
        target.start(PRIMARY)
        poll(
            SystemClock(),
            lambda: self._switched_back(target),
            awaited="the primary to answer again",
            timeout_s=REACHED_LIMIT_S,
            every_s=0.5,
        )

    def expect_one_healthy_site(self) -> None:
        target = self.stack.target
        assert active_sites(target) == {Site.DR}
        assert (target.state(PRIMARY).running, target.state(DR).running) == (False, True)
        seen = finish(start_colordrill("golden", "verify", "--url", self.public.base_url))
        assert seen.exit_code == 0, seen

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        words = ["--stack", self.stack.run_id, "--out", str(self.out), "--json", *arguments]
        return start_colordrill("recover", *words)

    def _reached(
        self, process: subprocess.Popen[str], event: str, step: str | None, before: int
    ) -> bool | None:
        lines = self.journal()[before:]
        if any((each["event"], each.get("step")) == (event, step) for each in lines):
            return True
        assert process.poll() is None, (process.communicate(), lines)
        return None

    def _switched_back(self, target: Any) -> str | None:
        try:
            return switch_gateway(target, self.public, Site.PRIMARY, SystemClock())
        except Exception:  # noqa: BLE001 (not yet; the poll ends it)
            return None


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incidents]:
    """One stack for all tests here, in a state directory of its own: no other stack is touched."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        up = finish(start_colordrill("up"))
        assert up.exit_code == 0, up
        run_id = up.stdout.split("project: colordrill-")[1].split()[0]
        try:
            with attached_stack(run_id, "test") as stack, public_client(stack) as public:
                yield Incidents(stack, public, tmp_path_factory.mktemp("runs"))
        finally:
            down = finish(start_colordrill("down"))
        assert down.exit_code == 0, down
        assert traces_of(run_id) == []


@pytest.fixture
def lost(incidents: Incidents, request: pytest.FixtureRequest) -> Incidents:
    """The primary is lost, a moment after a backup of it."""
    if incidents.stack.target.state(DR).running:
        incidents.bring_the_primary_back()
    incidents.back_up(str(abs(hash(request.node.nodeid))))
    incidents.lose_the_primary()
    return incidents


def looks(incidents: Incidents) -> dict[str, Any]:
    """What a start that does nothing must leave as it is."""
    target = incidents.stack.target
    sites = [
        target.execute(agent, ["find", "/site", "-type", "f", "-printf", "%p %s %T@\n"]).stdout
        for agent in (Part.PRIMARY_AGENT, Part.DR_AGENT)
    ]
    return {
        "states": {part: target.state(part) for part in Part},
        "active": active_sites(target),
        "files": [sorted(each.splitlines()) for each in sites],
        "journal": incidents.journal(),
    }


def test_a_healthy_primary_is_refused_and_goes_on_serving(incidents: Incidents) -> None:
    incidents.back_up("healthy")

    refused = incidents.recover()

    assert refused.exit_code == 2, refused
    assert "--force" in refused.stderr
    assert active_sites(incidents.stack.target) == {Site.PRIMARY}
    assert incidents.stack.target.state(PRIMARY).running
    assert not incidents.stack.target.state(DR).running


def test_a_dry_run_changes_nothing_whatever_the_primary_does(lost: Incidents) -> None:
    before = looks(lost)

    planned = lost.recover("--dry-run")

    assert planned.exit_code == 0, planned
    assert list(json.loads(planned.stdout)["steps"]) == list(STEPS)
    assert looks(lost) == before


def test_killed_in_every_step_of_one_incident_it_ends_with_one_healthy_site(
    lost: Incidents,
) -> None:
    """One start after another is killed a step later; the last one is left alone."""
    for step in STEPS:
        lost.kill("step", step)

    ended = lost.recover()

    assert ended.exit_code == 0, ended
    lost.expect_one_healthy_site()
    before = looks(lost)
    again = lost.recover()
    assert (again.exit_code, json.loads(again.stdout)["outcome"]) == (0, "nothing to do")
    assert looks(lost) == before


@pytest.mark.nightly
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("event", ["step", "ended"])
def test_killed_in_or_after_a_step_and_started_again_it_ends_with_one_healthy_site(
    event: str, step: str, lost: Incidents
) -> None:
    lost.kill(event, step)

    ended = lost.recover()

    assert ended.exit_code == 0, ended
    lost.expect_one_healthy_site()


@pytest.mark.nightly
def test_killed_while_files_are_restored_it_goes_on_from_what_is_there(lost: Incidents) -> None:
    lost.kill("restore")

    ended = lost.recover()

    assert ended.exit_code == 0, ended
    assert "verified" in next(
        each["detail"] for each in json.loads(ended.stdout)["steps"] if each["name"] == "mount"
    )
    lost.expect_one_healthy_site()


@pytest.mark.nightly
def test_a_half_dead_primary_is_stopped_before_the_dr_site_is_written_to(
    lost: Incidents,
) -> None:
    """It runs and is frozen: it answers nobody, and thawed it would go on writing."""
    lost.stack.target.start(PRIMARY)
    lost.stack.target.freeze(PRIMARY)

    ended = lost.recover()

    assert ended.exit_code == 0, ended
    assert "does not answer" in json.loads(ended.stdout)["primary"]
    lost.expect_one_healthy_site()
