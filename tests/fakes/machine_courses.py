"""Every fault of configuration, data and people's mistakes, ready for a stack in memory."""

from __future__ import annotations

from collections.abc import Callable

from colordrill.data import fixtures
from colordrill.fault import (
    configuration,
)
from colordrill.fault.clock_skew import BackupClockSkewed
from colordrill.fault.configuration import WorkflowDeleted, WorkflowOutdated
from colordrill.fault.configuration_accounts import (
    BackupAccountReadOnly,
    DrOwnerWrong,
    StorageKeysExpired,
)
from colordrill.fault.configuration_checkpoints import (
    CheckpointCorrupt,
    CheckpointMissing,
    CheckpointOther,
)
from colordrill.fault.configuration_dr_container import (
    DrComposeOutdated,
    DrImageStale,
    DrSettingsMixed,
    DrVolumeMisplaced,
)
from colordrill.fault.protocol import Fault
from colordrill.fault.service_state import WorkerDead
from colordrill.fault.service_state_cache import ResultCacheStale
from fakes.clock import ManualClock
from fakes.machine import Machine

WORKFLOW = configuration.FILE_NAMES["building"]
JOB = {
    "1": {"class_type": "Colorize", "inputs": {"image": "a.png"}},
    "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "user", "images": ["1", 0]}},
}


def build(kind: type[Fault], **parameters: object) -> Fault:
    """A fault whose waits pass at once, where it waits."""
    clocked = "clock" in getattr(kind, "__dataclass_fields__", {})
    return kind(**parameters, **({"clock": ManualClock()} if clocked else {}))


COURSES: dict[str, Callable[[], Fault]] = {
    "workflow_deleted": lambda: build(WorkflowDeleted),
    "workflow_deleted_by_name": lambda: build(WorkflowDeleted, target_name=WORKFLOW),
    "workflow_outdated": lambda: build(WorkflowOutdated),
    "checkpoint_missing": lambda: build(CheckpointMissing),
    "checkpoint_corrupt": lambda: build(CheckpointCorrupt),
    "checkpoint_other": lambda: build(CheckpointOther),
    "dr_image_stale": lambda: build(DrImageStale, image="service:old"),
    "dr_settings_mixed": lambda: build(DrSettingsMixed, device="cuda"),
    "dr_volume_misplaced": lambda: build(DrVolumeMisplaced),
    "dr_compose_outdated": lambda: build(DrComposeOutdated),
    "dr_owner_wrong": lambda: build(DrOwnerWrong),
    "backup_account_read_only": lambda: build(BackupAccountReadOnly),
    "storage_keys_expired": lambda: build(StorageKeysExpired),
    "backup_clock_skewed": lambda: build(BackupClockSkewed),
    "worker_dead": lambda: build(WorkerDead),
    "result_cache_stale": lambda: build(ResultCacheStale),
}


def with_work(machine: Machine) -> Machine:
    """The stack with a workflow, and a job that a user has had done."""
    content = (fixtures() / "workflows" / WORKFLOW).read_bytes()
    (machine.target.folder / "workflows" / WORKFLOW).write_bytes(content)
    machine.service.answer("POST", "/prompt", {"prompt": JOB, "prompt_id": "user-1"})
    return machine


def files_of(machine: Machine) -> dict[str, bytes]:
    """Every file of the site but the pictures that probes save."""
    return {
        str(path.relative_to(machine.target.folder)): path.read_bytes()
        for path in machine.target.folder.rglob("*")
        if path.is_file() and "fault" not in path.name
    }
