"""What a killed run left broken on a kept stack is healed at the next start, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from colordrill.drill import leftovers
from colordrill.drill.leftovers import heal_leftovers
from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.ledger import LEDGER, Ledger, open_faults
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.stack.compose_project import REMEMBERED, ComposeProject
from colordrill.stack.ownership import BUNDLED_OWNER, Owner
from colordrill.stack.runs import KEPT, OWNER_LOCK, owned_run, state_directory
from fakes.clock import ManualClock
from fakes.faults import ScriptedFault, raising
from fakes.target import FakeTarget


class Host:
    """Runs on this host, and the stacks that their projects name."""

    def __init__(self) -> None:
        self.faults: dict[str, ScriptedFault] = {}
        self.log: list[str] = []
        self.said: list[str] = []
        self.opened: list[str] = []
        self.projects: list[ComposeProject | None] = []
        self.owners: list[Owner] = []
        self.closed = 0

    def target(self, project: str, owner: Owner, compose: ComposeProject | None) -> FakeTarget:
        self.opened.append(project)
        self.owners.append(owner)
        self.projects.append(compose)
        host = self

        class Target(FakeTarget):
            def close(self) -> None:
                host.closed += 1

        return Target()

    def build(self, spec: FaultSpec) -> ScriptedFault:
        if spec.name == "foreign":
            raise UnknownName("fault", spec.name, ["a"])
        return self.faults.setdefault(spec.name, ScriptedFault(spec.name, self.log))

    def run(self, name: str, *faults: str, kept: bool = True) -> Path:
        """A dead run that was killed while *faults* were there."""
        directory = state_directory() / "runs" / name
        directory.mkdir(parents=True)
        (directory / OWNER_LOCK).touch()
        if kept:
            (directory / KEPT).touch()
        for each in faults:
            injected = ScriptedFault(each, [], memory={"of": each})
            Ledger(directory).opened(FaultSpec(each, "primary"), injected)
        return directory

    def heal(self) -> int:
        return heal_leftovers(self.said.append)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Iterator[Host]:
    host = Host()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(leftovers, "DockerTarget", host.target)
    monkeypatch.setattr(leftovers, "build_fault", host.build)
    monkeypatch.setattr(leftovers, "SystemClock", lambda: clock)
    yield host
    assert host.closed == len(host.opened)


def left(directory: Path) -> list[str]:
    return [each.spec.name for each in open_faults(directory)]


def test_on_a_fresh_host_there_is_nothing_to_heal(host: Host) -> None:
    assert host.heal() == 0
    assert host.opened == host.said == []


def test_a_killed_kept_runs_faults_are_healed_newest_first_with_their_memories(
    host: Host,
) -> None:
    directory = host.run("dead0001", "a", "b")

    assert host.heal() == 2

    assert host.log == ["heal b", "heal a", "healed b", "healed a"]
    assert host.faults["a"].memory == {"of": "a"}
    assert host.opened == ["colordrill-dead0001"]
    assert left(directory) == []
    assert "healing b on primary of the kept run dead0001" in host.said[0]


def test_a_stack_that_remembers_how_it_was_brought_up_can_have_parts_created_anew(
    host: Host,
) -> None:
    told = {"command": "docker compose", "files": ["compose.yaml"], "owner": "7:8"}
    (host.run("dead0001", "a") / REMEMBERED).write_text(json.dumps(told), encoding="utf-8")
    host.run("dead0002", "b")

    assert host.heal() == 2

    remembered, forgotten = host.projects
    assert remembered is not None
    assert (remembered.name, remembered.files) == ("colordrill-dead0001", ("compose.yaml",))
    assert host.owners == [Owner(7, 8), BUNDLED_OWNER]
    assert forgotten is None


def test_what_is_healed_is_not_healed_again(host: Host) -> None:
    host.run("dead0001", "a")

    assert (host.heal(), host.heal()) == (1, 0)

    assert host.log == ["heal a", "healed a"]


def test_a_run_that_lives_is_left_alone(host: Host) -> None:
    with owned_run(keep=True) as run:
        Ledger(run.directory).opened(FaultSpec("a", "primary"), ScriptedFault("a", []))

        assert host.heal() == 0

        assert left(run.directory) == ["a"]
    assert host.opened == []


def test_a_dead_run_that_was_not_kept_is_the_sweeps(host: Host) -> None:
    host.run("dead0001", "a", kept=False)

    assert host.heal() == 0
    assert host.opened == []


def test_a_kept_run_without_open_faults_is_left_standing(host: Host) -> None:
    host.run("dead0001")

    assert host.heal() == 0
    assert host.opened == []


@pytest.mark.parametrize("error", [EnvironmentProblem("the engine hiccupped"), None])
def test_what_cannot_be_healed_is_said_and_stays_in_its_ledger(
    host: Host, error: Exception | None
) -> None:
    directory = host.run("dead0001", "a", "b")
    stuck = host.build(FaultSpec("b", "primary"))
    if error is None:
        stuck.curable = False
    else:
        stuck.acts["heal"] = raising(error)

    assert host.heal() == 1

    assert left(directory) == ["b"]
    assert any("b on primary" in line and "could not be healed" in line for line in host.said)
    assert any("colordrill down" in line for line in host.said)
    assert {"heal a", "healed a"} <= set(host.log)


def test_a_fault_that_no_longer_exists_is_said(host: Host) -> None:
    directory = host.run("dead0001", "foreign")

    assert host.heal() == 0
    assert left(directory) == ["foreign"]
    assert any("could not be healed" in line for line in host.said)


def test_a_ledger_that_cannot_be_read_does_not_keep_the_others_from_being_healed(
    host: Host,
) -> None:
    (host.run("dead0001", "a") / LEDGER).write_text("hello\n", encoding="utf-8")
    host.run("dead0002", "b")

    assert host.heal() == 1

    assert "dead0001" in host.said[0]
    assert "not its own" in host.said[0]
    assert host.log == ["heal b", "healed b"]
