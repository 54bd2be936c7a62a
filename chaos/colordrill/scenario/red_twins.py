"""Which red twins each scenario has: what is sabotaged, and the one check that must go red."""

from __future__ import annotations

from collections.abc import Mapping

from colordrill.scenario.model import SabotageSpec

ONLY_OLDEST_POINT = SabotageSpec(
    "only_oldest_point",
    "rpo",
    "all recovery points but the oldest are deleted on the backup server",
    looks_back=True,
)
ONLY_OLDEST_FOR_GOOD = SabotageSpec(
    "only_oldest_for_good",
    "rpo",
    "all recovery points but the oldest are deleted, and no other one can be published",
    looks_back=True,
)
ONLY_OLDEST_COPY = SabotageSpec(
    "only_oldest_copy",
    "rpo",
    "all off-site copies but the oldest are deleted in the DR site's storage, no other is made",
    looks_back=True,
)
ONLY_OLDEST_MANIFEST = SabotageSpec(
    "only_oldest_manifest",
    "rpo",
    "all recovery points but the oldest lose their manifest in the DR site's bucket",
    looks_back=True,
)
WORKER_DIES = SabotageSpec(
    "worker_dies", "rto", "the primary's worker thread dies: it answers, and no job ever ends"
)
RESTART_POLICY_OFF = SabotageSpec(
    "restart_policy_off", "rto", "the engine does not restart the primary's service"
)
SLOW_RESTART = SabotageSpec(
    "slow_restart",
    "rto",
    "the primary's service starts later than the objective allows, but for the first time",
    bundled_only=True,
)
POINTS_SEALED = SabotageSpec(
    "points_sealed", "backups_resume", "no recovery point can be published any more"
)
MIRROR_STUCK = SabotageSpec(
    "mirror_stuck", "replica", "the mirror to the object storage does nothing any more"
)
WEIGHTS_SWAPPED = SabotageSpec(
    "weights_swapped", "colour", "the primary's checkpoint is another one", bundled_only=True
)
POINTS_OTHER_WEIGHTS = SabotageSpec(
    "points_other_weights",
    "colour",
    "every recovery point holds other weights, with a manifest that fits them",
    bundled_only=True,
)
POINTS_WORKFLOW_OUTDATED = SabotageSpec(
    "points_workflow_outdated",
    "colour",
    "every recovery point holds the building workflow at 680, with a manifest that fits it",
    bundled_only=True,
)
POINTS_CONFIG_STALE = SabotageSpec(
    "points_config_stale",
    "colour",
    "the configuration in every recovery point names the image that is half a year old",
    bundled_only=True,
)
GATEWAY_NOT_SWITCHED = SabotageSpec(
    "gateway_not_switched", "rto", "the switch acts on a backend that no traffic uses"
)

_HOST_POWER_LOSS = (
    ONLY_OLDEST_POINT,
    SabotageSpec(
        "other_weights",
        "colour",
        "the DR site runs a checkpoint of other weights",
        bundled_only=True,
    ),
    SabotageSpec(
        "slow_start",
        "rto",
        "the DR container starts later than the objective allows",
        bundled_only=True,
    ),
    GATEWAY_NOT_SWITCHED,
    SabotageSpec(
        "liar_uncoloured", "colour", "the DR service answers uncoloured pictures", bundled_only=True
    ),
    SabotageSpec(
        "liar_previous", "colour", "the DR service answers the previous picture", bundled_only=True
    ),
    SabotageSpec("liar_golden", "colour", "the DR service answers golden files", bundled_only=True),
)

SABOTAGES: Mapping[str, tuple[SabotageSpec, ...]] = {
    "host_power_loss": _HOST_POWER_LOSS,
    "host_power_loss_s3": (ONLY_OLDEST_MANIFEST,),
    "host_power_loss_restic": (ONLY_OLDEST_COPY,),
    "network_latency": (WORKER_DIES,),
    "network_bandwidth": (WORKER_DIES,),
    "network_slow_close": (WORKER_DIES,),
    "network_black_hole": (WORKER_DIES,),
    "network_reset": (WORKER_DIES,),
    "network_cut_after": (WORKER_DIES,),
    "network_down": (WORKER_DIES,),
    "network_flapping": (WORKER_DIES,),
    "network_slow_then_down": (WORKER_DIES,),
    "partition_one_way": (WORKER_DIES,),
    "partition_both_ways": (WORKER_DIES,),
    "network_detached": (WORKER_DIES,),
    "dns_failure": (WORKER_DIES,),
    "backup_link_down": (POINTS_SEALED,),
    "backup_link_slow": (POINTS_SEALED,),
    "storage_link_down": (MIRROR_STUCK,),
    # the primary lives on, and so do its backups
    "partition_failover": (ONLY_OLDEST_FOR_GOOD,),
    "power_loss_in_place": (SLOW_RESTART,),
    "power_loss_failover": (ONLY_OLDEST_POINT,),
    "site_down": (ONLY_OLDEST_POINT,),
    "site_unreachable": (ONLY_OLDEST_POINT,),
    "process_killed": (RESTART_POLICY_OFF,),
    "process_terminated": (RESTART_POLICY_OFF,),
    "crash_loop": (WORKER_DIES,),
    "killed_while_saving": (RESTART_POLICY_OFF,),
    "out_of_memory": (WORKER_DIES,),
    "container_frozen": (WORKER_DIES,),
    "container_stopped": (WEIGHTS_SWAPPED,),
    "container_removed": (WEIGHTS_SWAPPED,),
    "worker_dead": (WEIGHTS_SWAPPED,),
    "backup_clock_skewed": (ONLY_OLDEST_POINT,),
    "bit_flip": (ONLY_OLDEST_POINT,),
    "truncation": (ONLY_OLDEST_POINT,),
    "zeroed_range": (ONLY_OLDEST_POINT,),
    "file_deleted": (ONLY_OLDEST_POINT,),
    "volume_lost": (ONLY_OLDEST_POINT,),
    "backup_disk_corrupt": (ONLY_OLDEST_POINT,),
    "every_point_damaged": (ONLY_OLDEST_COPY,),
    "disk_errors": (SLOW_RESTART,),
    "disk_full": (WORKER_DIES,),
    "disk_read_only": (WORKER_DIES,),
    "disk_slow": (WORKER_DIES,),
    "workflow_deleted": (POINTS_WORKFLOW_OUTDATED,),
    "workflow_outdated": (POINTS_WORKFLOW_OUTDATED,),
    "checkpoint_missing": (POINTS_OTHER_WEIGHTS,),
    "checkpoint_corrupt": (POINTS_OTHER_WEIGHTS,),
    "checkpoint_other": (POINTS_OTHER_WEIGHTS,),
    "result_cache_stale": (WORKER_DIES,),
    "dr_image_stale": (POINTS_CONFIG_STALE,),
    "dr_settings_mixed": (POINTS_CONFIG_STALE,),
    "dr_compose_outdated": (ONLY_OLDEST_POINT,),
    "dr_volume_misplaced": (ONLY_OLDEST_POINT,),
    "dr_owner_wrong": (ONLY_OLDEST_POINT,),
    "backup_account_read_only": (POINTS_SEALED,),
    "storage_keys_expired": (MIRROR_STUCK,),
}
"""Red twins by scenario; every scenario has at least one (a test)."""
