"""What can go wrong with each fault of configuration, data and people's mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from colordrill.data import fixtures
from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.fault import (
    clock_skew,
    configuration,
    configuration_accounts,
    configuration_checkpoints,
    configuration_dr_container,
    service_state,
    service_state_cache,
)
from colordrill.fault.clock_skew import BackupClockSkewed
from colordrill.fault.configuration import WorkflowDeleted, WorkflowOutdated, outdated, sizes
from colordrill.fault.configuration_accounts import (
    BackupAccountReadOnly,
    DrOwnerWrong,
    StorageKeysExpired,
)
from colordrill.fault.configuration_checkpoints import (
    CheckpointCorrupt,
    CheckpointMissing,
)
from colordrill.fault.configuration_dr_container import (
    DrComposeOutdated,
    DrImageStale,
    DrSettingsMixed,
    DrVolumeMisplaced,
)
from colordrill.fault.protocol import Fault
from colordrill.fault.service_state import WorkerDead
from colordrill.stack.parts import Part
from fakes.machine import Machine
from fakes.machine_courses import COURSES, WORKFLOW, files_of, with_work

MODULES = (
    clock_skew,
    configuration,
    configuration_accounts,
    configuration_checkpoints,
    configuration_dr_container,
    service_state,
    service_state_cache,
)


@pytest.fixture
def machine(machine: Machine) -> Machine:
    return with_work(machine)


def test_weights_that_nobody_has_noticed_are_no_evidence(machine: Machine) -> None:
    fault = COURSES["checkpoint_other"]()
    fault.healthy(machine.target)
    answer = machine.service.answer

    def deaf(method: str, url: str, body: dict[str, object]) -> tuple[int, bytes]:
        return (200, b"{}") if url.endswith("/free") else answer(method, url, body)

    machine.service.answer = deaf  # type: ignore[method-assign, assignment]
    fault.inject(machine.target)

    found = fault.evidence(machine.target)
    assert not found.seen
    assert "differs by 0.00" in found.detail


def test_a_service_that_colours_without_its_weights_is_said(machine: Machine) -> None:
    fault = COURSES["checkpoint_missing"]()
    fault.healthy(machine.target)
    other = machine.target.folder / "models" / "elsewhere"
    other.write_bytes(b"whole weights")
    machine.service.checkpoint = "elsewhere"

    with pytest.raises(EnvironmentProblem, match="the service coloured without"):
        fault.inject(machine.target)


@pytest.mark.parametrize("name", ["checkpoint_missing", "checkpoint_corrupt"])
def test_a_users_job_may_be_the_one_that_fails_first(machine: Machine, name: str) -> None:
    fault = COURSES[name]()
    fault.healthy(machine.target)
    answer, prompt = machine.service.answer, fault.memory["job"]

    def busy(method: str, url: str, body: dict[str, object]) -> tuple[int, bytes]:
        reply = answer(method, url, body)
        if url.endswith("/free"):
            answer("POST", "http://service/prompt", {"prompt_id": "user", "prompt": prompt})
        return reply

    machine.service.answer = busy  # type: ignore[method-assign, assignment]
    fault.inject(machine.target)

    assert machine.service.history["user"]["status"]["status_str"] == "error"
    assert fault.evidence(machine.target).seen


def test_random_weights_stay_until_the_service_forgets_them(machine: Machine) -> None:
    fault, target = COURSES["checkpoint_corrupt"](), machine.target
    fault.healthy(target)
    fault.inject(target)
    held = target.folder / "models" / "ddcolor" / "ddcolor_nano.safetensors.colordrill-held"
    held.rename(held.with_suffix(""))

    assert not fault.healed(target).seen
    fault.heal(target)
    assert fault.healed(target).seen


@pytest.mark.parametrize("name", ["checkpoint_other", "result_cache_stale"])
def test_without_a_finished_job_there_is_nothing_to_compare(machine: Machine, name: str) -> None:
    machine.service.restarted()

    found = COURSES[name]().healthy(machine.target)

    assert not found.seen
    assert "no finished job" in found.detail


def test_a_mended_service_keeps_its_worker_and_that_is_said(machine: Machine) -> None:
    fault = COURSES["worker_dead"]()
    fault.healthy(machine.target)
    machine.service.mended = True

    with pytest.raises(EnvironmentProblem, match="refuses the prompt that ends its worker"):
        fault.inject(machine.target)
    fault.heal(machine.target)

    assert ("stop", Part.PRIMARY_COLORIZATION) not in machine.target.calls


def test_a_busy_service_is_no_dead_worker(machine: Machine) -> None:
    fault = COURSES["worker_dead"]()
    fault.healthy(machine.target)
    machine.service.worker = False
    machine.service.running = ["somebody's long job"]
    fault.memory["poison"] = "gone"

    assert not fault.evidence(machine.target).seen


def test_a_cache_that_is_never_stale_is_said_and_the_picture_is_put_back(machine: Machine) -> None:
    fault = COURSES["result_cache_stale"]()
    files = files_of(machine)
    fault.healthy(machine.target)
    machine.service.forgetful = True

    with pytest.raises(EnvironmentProblem, match="ran the job again each of 20 times"):
        fault.inject(machine.target)

    assert files.items() <= files_of(machine).items()


def test_the_picture_is_taken_while_nothing_runs_that_would_clear_the_cache(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = COURSES["result_cache_stale"]()
    fault.healthy(machine.target)
    busy, idle = [0, "a job"], 3
    looks: list[str] = []
    answer = machine.service.answer

    def queued(method: str, url: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        if not url.endswith("/queue"):
            assert len(looks) == idle, f"{url} was asked while a job ran"
            return answer(method, url, body)
        looks.append(url)
        waiting = {"queue_running": [busy] * (len(looks) == 1)}
        waiting["queue_pending"] = [busy] * (len(looks) < idle)
        return 200, json.dumps(waiting).encode()

    monkeypatch.setattr(machine.service, "answer", queued)

    fault.inject(machine.target)

    assert len(looks) == idle
    assert fault.evidence(machine.target).seen


def test_a_clock_without_the_library_cannot_be_skewed(machine: Machine) -> None:
    machine.library = False
    fault = COURSES["backup_clock_skewed"]()
    fault.healthy(machine.target)

    with pytest.raises(EnvironmentProblem, match=r"has no .*libfaketime"):
        fault.inject(machine.target)


def test_a_workflow_without_the_node_cannot_be_outdated(machine: Machine) -> None:
    (machine.target.folder / "workflows" / WORKFLOW).write_text('{"nodes": []}')
    fault = COURSES["workflow_outdated"]()
    fault.healthy(machine.target)

    with pytest.raises(EnvironmentProblem, match="no DDColor node of another size than 680"):
        fault.inject(machine.target)


def test_an_outdated_workflow_differs_in_the_size_alone() -> None:
    content = (fixtures() / "workflows" / WORKFLOW).read_bytes()

    older = outdated(content, 680)

    assert older is not None
    assert (sizes(content), sizes(older)) == ([1280], [680])
    assert json.loads(older.replace(b"680", b"1280")) == json.loads(content)
    assert outdated(older, 680) is None
    assert sizes(b"no json") == sizes(b"[]") == sizes(b'{"nodes": 1}') == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: WorkflowDeleted("landscape"),
        lambda: WorkflowDeleted("../x.json"),
        lambda: WorkflowOutdated(""),
        lambda: CheckpointMissing("dr-colorization"),
        lambda: DrImageStale("primary-colorization"),
        lambda: DrOwnerWrong("backup"),
        lambda: BackupAccountReadOnly("gateway"),
        lambda: StorageKeysExpired("dr-storage"),
        lambda: BackupClockSkewed("host"),
        lambda: WorkerDead("backup"),
        lambda: DrVolumeMisplaced(folder="config"),
        lambda: DrSettingsMixed(device="tpu"),
    ],
)
def test_a_target_that_there_is_not_is_an_unknown_name(wrong: Callable[[], Fault]) -> None:
    with pytest.raises(UnknownName):
        wrong()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: WorkflowOutdated(size_px=0),
        lambda: WorkflowOutdated(size_px=1e9),  # type: ignore[arg-type]
        lambda: CheckpointCorrupt(checkpoint="../../secret"),
        lambda: CheckpointCorrupt(checkpoint="/secret"),
        lambda: DrSettingsMixed(model_size=-1),
        lambda: DrSettingsMixed(model_size=None),
        lambda: DrVolumeMisplaced(path="relative"),
        lambda: DrComposeOutdated(path="/a/../b"),
        lambda: BackupClockSkewed(offset_s=float("inf")),
        lambda: BackupClockSkewed(offset_s=1.0),
        lambda: WorkerDead(service_port=-1),
    ],
)
def test_absurd_parameters_are_refused_before_anything_is_touched(
    wrong: Callable[[], Fault],
) -> None:
    with pytest.raises(UsageProblem, match=r"must|needs"):
        wrong()


@pytest.mark.parametrize("kind", [kind for module in MODULES for kind in module.FAULTS])
def test_every_fault_describes_itself(kind: type[Fault]) -> None:
    about = kind.about

    assert kind.name
    assert kind.requires
    assert all(len(getattr(about, each)) > 20 for each in ("effect", "method", "evidence", "cure"))
    assert about.incidents
    assert about.targets
