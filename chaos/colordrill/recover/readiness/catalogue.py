"""Every readiness probe, in the order in which they are carried out."""

from __future__ import annotations

from collections.abc import Iterator

from colordrill.recover.readiness.account import CHECK as ACCOUNT
from colordrill.recover.readiness.account import leaves_the_rest, writes_where_it_must
from colordrill.recover.readiness.backup_server import (
    newest_point,
    points_whole,
    room_at_dr,
    room_on_server,
)
from colordrill.recover.readiness.clocks import clock_probes
from colordrill.recover.readiness.containers import (
    dr_image_age,
    dr_image_as_configured,
    dr_image_as_primary,
    dr_standby,
    dr_writable,
    layout_of,
    settings_of,
)
from colordrill.recover.readiness.files import (
    checkpoint_in_point,
    checkpoint_live,
    in_git,
    in_point,
    workflows_right,
    workflows_served,
)
from colordrill.recover.readiness.off_site import CHECK as OFF_SITE
from colordrill.recover.readiness.off_site import readable_off_site
from colordrill.recover.readiness.probe import Probe
from colordrill.recover.readiness.rehearsal import CHECK as SAME_COLOUR
from colordrill.recover.readiness.rehearsal import Rehearsal
from colordrill.stack.parts import Part, Site, SiteFolder

WORKFLOWS, CONFIGURATION = "workflows_synced", "configuration_synced"


def probes(rehearsal: Rehearsal | None, offsite_age_max_s: float | None) -> Iterator[Probe]:
    """All probes; the rehearsal and the copies off site are left out where they are None."""
    yield Probe("dr_standby", "the DR site", dr_standby)
    yield Probe("dr_image", "the image's name", dr_image_as_configured)
    yield Probe("dr_image", "the image's digest", dr_image_as_primary)
    yield Probe("dr_image_age", "the images' age", dr_image_age)
    for site in Site:
        yield Probe("settings", f"the settings of {site}", settings_of(site))
        yield Probe("volume_layout", f"the volumes of {site}", layout_of(site))
    yield Probe("dr_writable", "the DR site's folders", dr_writable)
    for check, folder in (
        (CONFIGURATION, SiteFolder.CONFIG),
        (WORKFLOWS, SiteFolder.WORKFLOWS),
    ):
        yield Probe(check, f"{folder} in the newest point", in_point(check, folder))
        yield Probe(check, f"{folder} in Git", in_git(check, folder))
    yield Probe(WORKFLOWS, "what the primary's service gives", workflows_served)
    yield Probe("workflows_right", "what the primary's service gives", workflows_right)
    yield Probe("checkpoints", "the primary's checkpoint", checkpoint_live)
    yield Probe("checkpoints", "the checkpoint in the newest point", checkpoint_in_point)
    for agent in (Part.PRIMARY_AGENT, Part.DR_AGENT):
        yield Probe(ACCOUNT, f"a push by {agent}", writes_where_it_must(agent))
    yield Probe(ACCOUNT, "what it must not do", leaves_the_rest)
    yield Probe("newest_point", "the recovery points", newest_point)
    yield Probe("points_whole", "the newest recovery point", points_whole)
    yield Probe("free_space", "the DR site's volumes", room_at_dr)
    yield Probe("free_space", "the backup server", room_on_server)
    if offsite_age_max_s is not None:
        yield Probe(OFF_SITE, "the copies off site", readable_off_site(offsite_age_max_s))
    yield from clock_probes()
    if rehearsal is not None:
        yield Probe(SAME_COLOUR, "the rehearsal", rehearsal.looks)
