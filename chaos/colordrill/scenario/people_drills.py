"""Drills of configuration, data and people's mistakes; among them three that happened."""

from __future__ import annotations

from typing import Any

from colordrill.scenario.fault_spec import Detection, FaultSpec, Recovery
from colordrill.scenario.model import Scenario
from colordrill.scenario.paces import ALERT, BRISK, FAILED_OVER, REPAIRED, RIDDEN_OUT

SERVICE = "primary-colorization"
DR_SERVICE = "dr-colorization"
# files, not their folders: what somebody wrote since then is newer, and must be replaced
BUILDING_WORKFLOW = "workflows/DDColor建筑黑白修复.json"
CHECKPOINT = "models/ddcolor/ddcolor_nano.safetensors"


def _repaired(
    name: str,
    title: str,
    description: str,
    fault: FaultSpec,
    repair: tuple[str, ...],
    *,
    restarts: bool,
    bundled_only: bool = False,
) -> Scenario:
    """A canary finds it, the named data are brought back."""
    return Scenario(
        name=name,
        title=title,
        description=description,
        faults=(fault,),
        objectives=REPAIRED,
        pace=ALERT,
        recovery=Recovery.IN_PLACE,
        repair=repair,
        restarts=restarts,
        bundled_only=bundled_only,
    )


def _unready(
    name: str, title: str, description: str, *, bundled_only: bool = False, **parameters: Any
) -> Scenario:
    """The DR site is not what it should be when it is needed; the runbook finds and mends it."""
    return Scenario(
        name=name,
        title=title,
        description=description,
        faults=(
            FaultSpec(name, DR_SERVICE, parameters, latent=True),
            FaultSpec("host_power_loss", "primary"),
        ),
        objectives=FAILED_OVER,
        pace=BRISK,
        bundled_only=bundled_only,
    )


PEOPLE_DRILLS: tuple[Scenario, ...] = (
    _repaired(
        "workflow_deleted",
        "the building workflow is deleted; it is brought back",
        "Somebody deletes the workflow that buildings are coloured with.",
        FaultSpec("workflow_deleted", "building"),
        (BUILDING_WORKFLOW,),
        restarts=False,
    ),
    _repaired(
        "workflow_outdated",
        "an older building workflow comes back: buildings at 680; the newest is restored",
        "Somebody restores the workflow as it was: buildings are coloured at 680 and lose their "
        "details. Every request succeeds; only the pictures show it.",
        FaultSpec("workflow_outdated", "building"),
        (BUILDING_WORKFLOW,),
        restarts=False,
    ),
    _repaired(
        "checkpoint_missing",
        "the checkpoint is gone; it is brought back",
        "The weights are deleted. The first job fails, the second succeeds on random weights; the "
        "file alone does not help until the service forgets what it holds.",
        FaultSpec("checkpoint_missing", SERVICE),
        (CHECKPOINT,),
        restarts=True,
        bundled_only=True,
    ),
    _repaired(
        "checkpoint_corrupt",
        "the checkpoint is damaged; it is brought back",
        "The weights' file is damaged, with the same trap of random weights.",
        FaultSpec("checkpoint_corrupt", SERVICE),
        (CHECKPOINT,),
        restarts=True,
        bundled_only=True,
    ),
    _repaired(
        "checkpoint_other",
        "the checkpoint is another one; the right one is brought back",
        "Somebody puts other weights in place. Everything works, in other colours.",
        FaultSpec("checkpoint_other", SERVICE),
        (CHECKPOINT,),
        restarts=True,
        bundled_only=True,
    ),
    Scenario(
        name="result_cache_stale",
        title="the result cache promises a picture that is gone; canaries are not fooled",
        description=(
            "A picture is deleted on the disk. An identical job runs nothing, succeeds, and names "
            "the file that is not there. What canaries and users ask for is fresh, and comes."
        ),
        faults=(FaultSpec("result_cache_stale", SERVICE, duration_s=6.0),),
        objectives=RIDDEN_OUT,
        pace=ALERT,
        recovery=Recovery.UNAIDED,
        detection=Detection.NONE,
        outage_expected=False,
    ),
    _unready(
        "dr_image_stale",
        "the DR site stands on an image that is half a year old",
        "The DR container was created from an image without the denoising module; then the "
        "primary loses power. Happened: quality fell visibly after the switch.",
        bundled_only=True,
    ),
    _unready(
        "dr_settings_mixed",
        "the DR site has another MODEL_SIZE and DEVICE",
        "The DR container's settings are another version's; then the primary loses power.",
    ),
    _unready(
        "dr_compose_outdated",
        "the DR site was made by another version of the compose file",
        "Settings, restart policy and a mount differ; then the primary loses power.",
    ),
    _unready(
        "dr_volume_misplaced",
        "the DR site's output volume is mounted where nothing looks",
        "What is restored into the volume is not seen by the service; then the primary loses "
        "power.",
    ),
    _unready(
        "dr_owner_wrong",
        "the DR site's folders belong to somebody else",
        "The service at the DR site cannot write its results; then the primary loses power. "
        "Happened: the backup account could only read.",
    ),
    Scenario(
        name="backup_account_read_only",
        title="the backup account can only read for a while; backups resume",
        description=(
            "The account loses its right to write on the backup server for 6 s. Users notice "
            "nothing; the backups that were due fail, and must come again by themselves."
        ),
        faults=(FaultSpec("backup_account_read_only", "backup", duration_s=6.0),),
        objectives=RIDDEN_OUT,
        pace=ALERT,
        recovery=Recovery.UNAIDED,
        detection=Detection.NONE,
        outage_expected=False,
    ),
    Scenario(
        name="storage_keys_expired",
        title="the storage's keys expire for a while; the mirror catches up",
        description=(
            "The object storage does not accept the mirror's keys for 6 s. Afterwards every "
            "acknowledged output must lie in the bucket."
        ),
        faults=(FaultSpec("storage_keys_expired", "primary-storage", duration_s=6.0),),
        objectives=RIDDEN_OUT,
        pace=ALERT,
        recovery=Recovery.UNAIDED,
        detection=Detection.NONE,
        outage_expected=False,
        replica=True,
    ),
)
