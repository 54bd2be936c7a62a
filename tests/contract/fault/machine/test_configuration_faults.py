"""Faults of configuration, data and accounts on a real stack."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from colordrill.errors import ServiceProblem
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
from colordrill.stack.parts import Part

from .conftest import Lab

pytestmark = pytest.mark.docker

FAULTS: dict[str, Callable[[], Fault]] = {
    "workflow_deleted": lambda: WorkflowDeleted("person"),
    "workflow_outdated": WorkflowOutdated,
    "checkpoint_other": CheckpointOther,
    "dr_image_stale": DrImageStale,
    "dr_settings_mixed": lambda: DrSettingsMixed(device="cuda"),
    "dr_compose_outdated": DrComposeOutdated,
    "dr_volume_misplaced": DrVolumeMisplaced,
    "dr_owner_wrong": DrOwnerWrong,
    "backup_account_read_only": BackupAccountReadOnly,
    "storage_keys_expired": StorageKeysExpired,
    "backup_clock_skewed": BackupClockSkewed,
    "backup_clock_ahead": lambda: BackupClockSkewed(offset_s=86_400.0),
    "result_cache_stale": ResultCacheStale,
}


@pytest.mark.parametrize("name", FAULTS)
def test_it_happens_is_seen_by_a_peer_and_is_undone_by_another_object(lab: Lab, name: str) -> None:
    taken = lab.course(FAULTS[name](), FAULTS[name])

    assert float(taken["injected_s"]) <= 10.0


@pytest.mark.parametrize("kind", [CheckpointMissing, CheckpointCorrupt])
def test_without_its_weights_the_service_refuses_or_fails_and_then_colours_at_random(
    lab: Lab, kind: Callable[[], Fault]
) -> None:
    right = lab.colour().answer.body

    def users() -> None:
        try:
            wrong = lab.colour().answer.body
        except ServiceProblem:
            return
        assert wrong != right

    lab.course(kind(), kind, users)

    assert lab.colour().answer.body[-2000:] == right[-2000:]


def test_a_dead_worker_hides_behind_a_healthy_service(lab: Lab) -> None:
    def users() -> None:
        assert lab.stack.target.state(Part.PRIMARY_COLORIZATION).running
        with pytest.raises(ServiceProblem):
            lab.colour(2.0)

    lab.course(WorkerDead(), WorkerDead, users)

    lab.colour()
