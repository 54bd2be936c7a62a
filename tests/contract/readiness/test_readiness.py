"""`colordrill readiness` on a real stack: green when healthy, and each defect by its own check."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from colordrill.clock import poll
from colordrill.data import fixtures
from colordrill.drill.clean import take_baseline
from colordrill.fault.clock_skew import BackupClockSkewed
from colordrill.fault.configuration import WorkflowOutdated
from colordrill.fault.configuration_accounts import BackupAccountReadOnly, DrOwnerWrong
from colordrill.fault.configuration_dr_container import (
    DrImageStale,
    DrSettingsMixed,
    DrVolumeMisplaced,
)
from colordrill.fault.protocol import Fault
from colordrill.recover.readiness.rehearsal import MARKER
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.parts import Part, SiteFolder
from colordrill.verify.readiness import RULES

from .conftest import CLOCK, Standing, command, readiness

pytestmark = pytest.mark.docker

DR = Part.DR_COLORIZATION
OTHER_WEIGHTS = "ddcolor_nano_other.safetensors"
HEALED_LIMIT_S = 60.0
SYNC_AGE_S = 60
MARK_LIMIT_S = 60.0
END_LIMIT_S = 120.0

# the head of the branch as it was before the last update of the building workflow
PUSH_OLDER = r"""
set -eu
rm -rf /tmp/older && git clone --quiet /backup/git/site.git /tmp/older && cd /tmp/older
sed -i 's/1280/680/' workflows/*建筑*.json
git -c user.name=a -c user.email=a@b commit --quiet --all --message older
git push --quiet origin HEAD:main
"""
GO_BACK = "git -C /backup/git/site.git update-ref refs/heads/main refs/heads/main~1"
DAMAGE = "printf X >> /backup/points/$1/config/stack.env"


@contextmanager
def planted(standing: Standing, fault: Fault) -> Iterator[None]:
    """The fault for the length of the block."""
    target = standing.stack.target
    before = fault.healthy(target)
    assert before.seen, before.detail
    try:
        fault.inject(target)
        yield
    finally:
        fault.heal(target)
        poll(
            CLOCK,
            lambda: fault.healed(target).seen or None,
            awaited=f"{fault.name} to be healed",
            timeout_s=HEALED_LIMIT_S,
        )


def shell(standing: Standing, script: str, *words: str) -> str:
    done = standing.stack.target.execute(Part.BACKUP, ["sh", "-c", script, "sh", *words])
    assert done.exit_code == 0, done
    return done.stdout


def files_at_dr(standing: Standing) -> str:
    found = standing.stack.target.execute(Part.DR_AGENT, ["sh", "-c", "find /site/*/ -mindepth 1"])
    return found.stdout


def test_a_healthy_stack_is_ready_and_is_left_as_it_was(standing: Standing) -> None:
    before = take_baseline(standing.stack.target)

    found = readiness("--rehearsal")

    assert found.named("pass") == set(RULES), found
    assert (found.exit_code, found.told["verdict"], found.told["left_out"]) == (0, "pass", [])
    assert take_baseline(standing.stack.target) == before
    assert files_at_dr(standing) == ""


def test_an_update_that_was_never_pushed_is_found(standing: Standing) -> None:
    """The article's second failure: somebody has the old workflow, and nobody knows."""
    standing.back_up()
    shell(standing, PUSH_OLDER)
    try:
        # what was changed lately need not be in a copy yet: it is as old as the stack
        found = poll(
            CLOCK,
            lambda: seen if (seen := readiness("--max-age", f"{SYNC_AGE_S}s")).exit_code else None,
            awaited="the primary's workflows to be older than the allowed age",
            timeout_s=2.0 * SYNC_AGE_S,
        )
    finally:
        shell(standing, GO_BACK)

    assert found.named("fail") <= {"workflows_synced", "newest_point"}, found
    assert "in Git" in found.detail("workflows_synced")


DEFECTS: Mapping[str, tuple[Callable[[], Fault], str]] = {
    "the DR image is stale": (DrImageStale, "dr_image"),
    "the DR site has other settings": (DrSettingsMixed, "settings"),
    "a volume is mounted elsewhere": (DrVolumeMisplaced, "volume_layout"),
    "the DR site's output is root's": (DrOwnerWrong, "dr_writable"),
    "the backup account is read-only": (BackupAccountReadOnly, "backup_account"),
    "the backup server's clock is late": (BackupClockSkewed, "clocks"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found_by_its_own_check_alone(standing: Standing, defect: str) -> None:
    fault, check = DEFECTS[defect]

    with planted(standing, fault()):
        found = readiness()

    assert found.named("fail") == {check}, found
    assert (found.exit_code, found.named("unknown")) == (1, set())


def test_an_old_workflow_that_is_everywhere_is_found_by_its_size(standing: Standing) -> None:
    with planted(standing, WorkflowOutdated()):
        standing.back_up()
        found = readiness()
    standing.back_up()

    assert found.named("fail") == {"workflows_right"}, found
    assert "680 instead of 1280" in found.detail("workflows_right")


def test_weights_of_another_training_are_found(standing: Standing) -> None:
    target, path = standing.stack.target, ServiceSpec().checkpoint_path
    models = fixtures() / "models"

    def put(name: str) -> None:
        content = (models / name).read_bytes()
        target.put_files(Part.PRIMARY_AGENT, SiteFolder.MODELS, {path: content})

    put(OTHER_WEIGHTS)
    try:
        found = readiness()
    finally:
        put("ddcolor_nano.safetensors")

    assert found.named("fail") == {"checkpoints"}, found


def test_a_damaged_newest_point_is_found(standing: Standing) -> None:
    point = standing.back_up()
    shell(standing, DAMAGE, point)
    try:
        found = readiness()
    finally:
        shell(standing, 'rm -r "/backup/points/$1"', point)

    assert found.named("fail") == {"points_whole"}, found
    assert "config/stack.env" in found.detail("points_whole")


def test_points_that_stopped_coming_are_found(standing: Standing) -> None:
    assert readiness("--max-age", "1s").named("fail") == {"newest_point"}


def test_a_backup_server_that_is_down_is_unknown_and_never_green(standing: Standing) -> None:
    target = standing.stack.target
    target.kill([Part.BACKUP])
    try:
        found = readiness()
    finally:
        target.start(Part.BACKUP)
        poll(
            CLOCK,
            lambda: (
                True if target.execute(Part.BACKUP, ["rsync-ok", "8730"]).exit_code == 0 else None
            ),
            awaited="the backup server",
            timeout_s=HEALED_LIMIT_S,
        )

    assert (found.exit_code, found.named("fail")) == (3, set()), found
    assert {"newest_point", "points_whole", "backup_account"} <= found.named("unknown")


def test_a_dr_container_that_is_missing_is_found(standing: Standing) -> None:
    target = standing.stack.target
    target.remove(DR)
    try:
        found = readiness()
    finally:
        assert target.compose is not None
        target.compose.create(DR)

    assert found.named("fail") == {"dr_standby"}, found
    assert found.exit_code == 1


def test_the_rehearsal_sees_a_stale_image_in_the_picture(standing: Standing) -> None:
    with planted(standing, DrImageStale()):
        found = readiness("--rehearsal")

    assert found.named("fail") == {"dr_image", "same_colour"}, found
    assert "at dr: wrong" in found.detail("same_colour")


@pytest.mark.parametrize(("signalled", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_rehearsal_that_is_cut_off_leaves_nothing_for_long(
    standing: Standing, signalled: signal.Signals, code: int
) -> None:
    marker = standing.stack.directory / MARKER
    with subprocess.Popen(
        command("--rehearsal"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        poll(
            CLOCK,
            lambda: marker.exists() or None,
            awaited="the rehearsal",
            timeout_s=MARK_LIMIT_S,
            every_s=0.05,
        )
        process.send_signal(signalled)
        assert process.wait(END_LIMIT_S) == code

    if signalled is signal.SIGINT:
        assert not standing.stack.target.state(DR).running
        assert files_at_dr(standing) == ""
    found = readiness()
    assert found.named("pass") == set(RULES) - {"same_colour"}, found
    assert files_at_dr(standing) == ""
