"""Each defect of a stack is found by its own check, and by no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.parts import Part
from colordrill.workload.object_types import BUILDING
from fakes.ready_stack import AS_CONFIGURED, BUILT, POINT, ReadyStack
from unit.recover.readiness.conftest import checks_of, named

DR, PRIMARY = Part.DR_COLORIZATION, Part.PRIMARY_COLORIZATION
CHECKPOINT = "models/ddcolor/ddcolor_nano.safetensors"
OTHER_IMAGE = "sha256:" + "1" * 64

Planting = Callable[[ReadyStack], object]


def test_a_ready_stack_passes_every_check(stack: ReadyStack) -> None:
    checks = checks_of(stack)

    assert named(checks, Verdict.PASS) == set(checks), checks


def test_looking_leaves_every_file_as_it_was(stack: ReadyStack) -> None:
    before = sorted(path for path in stack.folder.rglob("*") if ".git/" not in str(path))

    checks_of(stack)

    assert sorted(path for path in stack.folder.rglob("*") if ".git/" not in str(path)) == before
    assert stack.target.calls == []


def workflow(stack: ReadyStack, place: str) -> Path:
    """The building workflow's file there."""
    return stack.folder / place / "workflows" / stack.examined().workflows[BUILDING].file_name


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def outdated_everywhere(stack: ReadyStack) -> None:
    """Buildings at 680, at the primary and in every copy."""
    rewrite(workflow(stack, "primary"), "1280", "680")
    shutil.rmtree(stack.folder / "backup" / "points" / POINT)
    stack.back_up()


def update_never_synced(stack: ReadyStack) -> None:
    """The point holds the workflow as it was before its last update."""
    rewrite(workflow(stack, f"backup/points/{POINT}"), "1280", "680")
    stack.seal(POINT)


def update_never_pushed(stack: ReadyStack) -> None:
    """Git holds the workflow as it was before its last update."""
    original = stack.folder / "primary" / "workflows"
    kept = stack.folder / "kept"
    shutil.copytree(original, kept)
    points = stack.folder / "backup" / "points"
    rewrite(workflow(stack, "primary"), "1280", "680")
    shutil.move(points, stack.folder / "points")
    points.mkdir()
    stack.back_up()
    shutil.rmtree(points)
    shutil.move(stack.folder / "points", points)
    shutil.rmtree(original)
    shutil.move(kept, original)


def garbage(stack: ReadyStack) -> None:
    """The workflow file is no workflow any more, everywhere."""
    workflow(stack, "primary").write_text('{"nodes": 5}')
    shutil.rmtree(stack.folder / "backup" / "points" / POINT)
    stack.back_up()


def deleted(stack: ReadyStack) -> None:
    """The workflow is gone, and the copies know it."""
    next((stack.folder / "primary" / "workflows").glob("*建筑*")).unlink()
    shutil.rmtree(stack.folder / "backup" / "points" / POINT)
    stack.back_up()


def other_weights(stack: ReadyStack) -> None:
    (stack.folder / "primary" / CHECKPOINT).write_bytes(b"other weights")


def configuration_by_hand(stack: ReadyStack) -> None:
    with (stack.folder / "primary" / "config" / "stack.env").open("a") as file:
        file.write("DEVICE=cuda\n")


def rot(stack: ReadyStack) -> None:
    (stack.folder / "backup" / "points" / POINT / "output" / "a.png").write_bytes(b"b picture")


def half_a_manifest(stack: ReadyStack) -> None:
    older = stack.folder / "backup" / "points" / "20261122T191500.123Z"
    older.mkdir()
    (older / "MANIFEST.json").write_text('{"files": {')


def elsewhere(stack: ReadyStack) -> None:
    mounts = {**AS_CONFIGURED.mounts, "/not-used": "output"}
    mounts.pop("/comfyui/output")
    stack.describe(DR, mounts=mounts)


DEFECTS: dict[str, tuple[str, Planting, str]] = {
    "a stale image": (
        "dr_image",
        lambda stack: stack.describe(DR, image="service:1", image_id=OTHER_IMAGE),
        "the image's name: service:1 instead of service:2",
    ),
    "another image under the same name": (
        "dr_image",
        lambda stack: stack.describe(DR, image_id=OTHER_IMAGE),
        "the image's digest: sha256:111111111111… instead of sha256:222222222222…",
    ),
    "an image of half a year ago": (
        "dr_image_age",
        lambda stack: stack.describe(DR, image_created=BUILT - timedelta(days=183)),
        "183 days older than the primary's image",
    ),
    "another size at the DR site": (
        "settings",
        lambda stack: stack.describe(DR, environment={"MODEL_SIZE": "512", "DEVICE": "cpu"}),
        "settings of dr: MODEL_SIZE=512 instead of MODEL_SIZE=960",
    ),
    "another device at the primary": (
        "settings",
        lambda stack: stack.describe(PRIMARY, environment={"MODEL_SIZE": "960", "DEVICE": "cuda"}),
        "settings of primary: DEVICE=cuda",
    ),
    "no restart policy": (
        "settings",
        lambda stack: stack.describe(DR, restart="no"),
        "restart of dr: no instead of unless-stopped",
    ),
    "a volume on another path": ("volume_layout", elsewhere, "output at /not-used"),
    "a volume that is sealed": (
        "volume_layout",
        lambda stack: stack.describe(DR, read_only=("/comfyui/output",)),
        "(read-only)",
    ),
    "a folder that refuses files": (
        "dr_writable",
        lambda stack: stack.unwritable.add("output"),
        "Permission denied",
    ),
    "a DR site that holds data": (
        "dr_standby",
        lambda stack: (stack.folder / "dr" / "output" / "old.png").touch(),
        "not empty",
    ),
    "a DR site that runs": ("dr_standby", lambda stack: stack.target.start(DR), "running"),
    "buildings at 680, in every copy too": (
        "workflows_right",
        outdated_everywhere,
        "680 instead of 1280",
    ),
    "a workflow that is none": ("workflows_right", garbage, "cannot be run"),
    "a workflow that is gone": ("workflows_right", deleted, "404"),
    "a workflow update that is in no point": (
        "workflows_synced",
        update_never_synced,
        "in the newest point",
    ),
    "a workflow update that is not in Git": ("workflows_synced", update_never_pushed, "in Git"),
    "configuration changed by hand": (
        "configuration_synced",
        configuration_by_hand,
        "config/stack.env",
    ),
    "weights of another training": ("checkpoints", other_weights, "the primary's checkpoint"),
    "an account that may not write": (
        "backup_account",
        lambda stack: stack.may.clear(),
        "refused: this account",
    ),
    "an account that may write into points": (
        "backup_account",
        lambda stack: stack.may.add("points"),
        "writing into a published point: allowed instead of refused",
    ),
    "an account that may delete points": (
        "backup_account",
        lambda stack: stack.may.add("delete"),
        "deleting from a published point: allowed",
    ),
    "an account that may read secrets": (
        "backup_account",
        lambda stack: stack.may.add("read"),
        "reading ../tmp/rsyncd.secrets: allowed",
    ),
    "points that stopped coming": (
        "newest_point",
        lambda stack: stack.clock.advance(2 * 3600.0),
        "7230 seconds since the newest point was begun",
    ),
    "a rotten file in the newest point": ("points_whole", rot, "damaged: output/a.png"),
    "a manifest that cannot be read": (
        "points_whole",
        half_a_manifest,
        "damaged: 20261122T191500.123Z",
    ),
    "no room": (
        "free_space",
        lambda stack: setattr(stack, "free_bytes", 1_000_000),
        "1 instead of 100",
    ),
    "a clock that is late": (
        "clocks",
        lambda stack: stack.skews_s.update({Part.BACKUP: -5400.0}),
        "backup is ahead",
    ),
    "a clock that is fast": (
        "clocks",
        lambda stack: stack.skews_s.update({Part.GATEWAY: 86_400.0}),
        "gateway is ahead",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_fails_its_own_check_alone(stack: ReadyStack, defect: str) -> None:
    check, plant, told = DEFECTS[defect]
    plant(stack)

    checks = checks_of(stack)

    assert named(checks, Verdict.FAIL) == {check}, checks
    assert told in checks[check].detail
    assert not named(checks, Verdict.UNKNOWN)


def test_a_change_that_is_younger_than_the_allowed_age_need_not_be_in_a_copy_yet(
    stack: ReadyStack,
) -> None:
    stack.unchanged_s = 60.0
    update_never_synced(stack)
    configuration_by_hand(stack)

    assert not named(checks_of(stack), Verdict.FAIL)


def test_a_further_variable_of_the_service_is_compared_too(stack: ReadyStack) -> None:
    examined = stack.examined()
    examined.service = ServiceSpec(environment={"PRECISION": "fp16"})
    for part in (PRIMARY, DR):
        environment = {**AS_CONFIGURED.environment, "PRECISION": "fp16"}
        stack.describe(part, environment=environment)
    assert not named(checks_of(stack, examined), Verdict.FAIL)

    stack.describe(DR, environment=AS_CONFIGURED.environment)

    checks = checks_of(stack, examined)
    assert named(checks, Verdict.FAIL) == {"settings"}
    assert "PRECISION of dr: nothing instead of fp16" in checks["settings"].detail


def test_without_known_weights_the_point_is_compared_with_the_primary(stack: ReadyStack) -> None:
    other_weights(stack)

    checks = checks_of(stack, stack.examined(weights=None))

    assert named(checks, Verdict.FAIL) == {"checkpoints"}
    assert "the checkpoint in the newest point" in checks["checkpoints"].detail


def test_no_checkpoint_at_all_is_never_right(stack: ReadyStack) -> None:
    (stack.folder / "primary" / CHECKPOINT).unlink()

    checks = checks_of(stack, stack.examined(weights=None))

    assert named(checks, Verdict.FAIL) == {"checkpoints"}


def test_a_probe_on_the_backup_server_is_removed_even_where_it_may_not_be(
    stack: ReadyStack,
) -> None:
    stack.may.add("points")

    checks_of(stack)

    assert list(stack.folder.rglob(".colordrill-probe*")) == []
