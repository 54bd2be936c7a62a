"""SIGKILL of the harness at any moment: after the next start nothing of the run is left."""

from __future__ import annotations

import random
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from colordrill.drill.leftovers import heal_leftovers
from colordrill.fault.ledger import open_faults
from colordrill.scenario.catalogue import SCENARIOS
from colordrill.scenario.fault_spec import Recovery, StackKind
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.parts import Part
from colordrill.stack.runs import project_of, state_directory
from drills.conftest import finish, start_colordrill
from drills.follower import Follower
from drills.traces import loop_devices, run_of, traces_of

KILLED_LIMIT_S = 60
PHASES = {
    # what is said as it begins, and for how many seconds it may go on
    "preparing": ("bringing it up", 12.0),
    "steady state": ("steady state:", 12.0),
    "fault": ("fault injected", 3.0),
    "recovery": ("the runbook starts", 6.0),
    "stability": ("runbook record", 8.0),
}
WHERE_SOMEBODY_ACTS = ("recovery", "stability")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a drill's harness is killed."""

    scenario: str
    phase: str
    after_s: float

    def __str__(self) -> str:
        """For test ids and messages."""
        return f"{self.scenario}, {self.phase} + {self.after_s:.2f} s"


def moments(seed: int) -> list[Moment]:
    """Two moments in each phase, in ten different drills, some of them on a disk."""
    rng = random.Random(seed)
    acted = [each for each in SCENARIOS.values() if each.recovery is not Recovery.UNAIDED]
    chosen = _draw(rng, [(each.name, each.stack) for each in acted], 4)
    others = [(each.name, each.stack) for each in SCENARIOS.values() if each.name not in chosen]
    phases = [each for each in PHASES if each not in WHERE_SOMEBODY_ACTS] * 2
    paired = [*zip(chosen, WHERE_SOMEBODY_ACTS * 2, strict=True)]
    paired += zip(_draw(rng, others, len(phases)), phases, strict=True)
    return [
        Moment(scenario, phase, rng.uniform(0.0, PHASES[phase][1])) for scenario, phase in paired
    ]


def _draw(rng: random.Random, scenarios: list[tuple[str, StackKind]], count: int) -> list[str]:
    on_disk = [name for name, kind in scenarios if kind is StackKind.DISK]
    plain = [name for name, kind in scenarios if kind is not StackKind.DISK]
    drawn = [rng.choice(on_disk), *rng.sample(plain, count - 1)]
    rng.shuffle(drawn)
    return drawn


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Draw by ``--drill-seed``, so that a failing draw can be had again and others be tried."""
    if "moment" in metafunc.fixturenames:
        seed = int(metafunc.config.getoption("colordrill_seed") or 1)
        metafunc.parametrize("moment", moments(seed), ids=str)


def kill(process: subprocess.Popen[str], follower: Follower, phase: str, after_s: float) -> str:
    """SIGKILL *process* so long after *phase* began; returns its run's id."""
    follower.await_line(PHASES[phase][0])
    with suppress(subprocess.TimeoutExpired):
        process.wait(after_s)
    assert process.poll() is None, follower.lines
    run_id = run_of(process.pid)
    process.kill()
    process.wait(timeout=KILLED_LIMIT_S)
    follower.close()
    assert run_id is not None, follower.lines
    return run_id


@pytest.mark.drill
@pytest.mark.nightly
def test_a_killed_harness_leaves_nothing_after_the_next_start(
    moment: Moment, tmp_path: Path
) -> None:
    devices = loop_devices()
    process = start_colordrill("run", moment.scenario, "--out", str(tmp_path))
    run_id = kill(process, Follower(process), moment.phase, moment.after_s)

    ended = finish(start_colordrill("down"))

    assert ended.exit_code == 0, ended.stderr
    assert traces_of(run_id) == []
    assert loop_devices() <= devices


@pytest.mark.drill
def test_what_a_killed_run_broke_on_a_kept_stack_is_healed_by_the_next_start(
    tmp_path: Path,
) -> None:
    process = start_colordrill("run", "container_stopped", "--keep", "--out", str(tmp_path))
    run_id = kill(process, Follower(process), "fault", 0.0)
    target = DockerTarget(project_of(run_id))
    try:
        assert not target.state(Part.PRIMARY_COLORIZATION).running
        said: list[str] = []

        assert heal_leftovers(said.append) == 1, said

        assert target.state(Part.PRIMARY_COLORIZATION).running
        assert open_faults(state_directory() / "runs" / run_id) == ()
    finally:
        target.close()
        assert finish(start_colordrill("down")).exit_code == 0
    assert traces_of(run_id) == []
