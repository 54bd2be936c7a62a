"""`colordrill recover`: the runbook, for a real incident."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colordrill.commands.moments import moment
from colordrill.commands.rows import Row, print_rows
from colordrill.options import json_option, out_option, service_options, stack_option
from colordrill.scenario.settings import load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from colordrill.drill.incident_plan import Plan
    from colordrill.drill.recovery_record import Recovery


@click.command()
@stack_option
@click.option("--dry-run", is_flag=True, help="only look, and say what each step would do")
@click.option("--force", is_flag=True, help="give up a primary that is healthy")
@click.option(
    "--point",
    metavar="ID",
    help="restore this recovery point and no other, wherever it is kept, e.g. --point "
    "20261122T201530.123Z",
)
@click.option(
    "--before",
    metavar="TIME",
    callback=moment,
    help="restore the newest point begun by then (UTC, or with a zone)",
)
@click.option("--image", metavar="REF", help="your own colorization image, as for `up`")
@out_option
@service_options
@json_option
def recover(
    stack: str | None,
    dry_run: bool,
    force: bool,
    point: str | None,
    before: datetime | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Bring the service of a standing stack back at its DR site; killed, start it again.

    It fences the primary, starts the DR site, restores the newest whole recovery point, from off
    site where the backup server has none, has canaries judged, switches the gateway, and goes on
    from wherever an earlier start was broken off. A healthy primary is refused (exit code 2)
    without --force.

    Exit codes: 0 recovered or nothing to do, 1 the restored site colours wrongly, 2 refused or
    usage, 3 not known, 4 a step failed, 130 interrupted.

    \b
    Examples:
      colordrill recover --dry-run
      colordrill recover
      colordrill recover --before 2026-11-22T20:15
    """
    from colordrill.drill.incident import Order
    from colordrill.recover.choosing import Wish

    if point is not None and before is not None:
        raise click.UsageError("--point and --before name two recovery points: give one of them")
    settings = load_settings(options, Path.cwd())
    order = Order(stack, Wish(point, before), force)
    if dry_run:
        _plan(settings, order, as_json)
    _recover(settings, order, as_json)


def _plan(settings: Any, order: Any, as_json: bool) -> None:
    from colordrill.drill.incident_plan import plan

    found = plan(settings, order)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
    else:
        print_rows(_planned(found))
    sys.exit(int(found.exit_code))


def _recover(settings: Any, order: Any, as_json: bool) -> None:
    from colordrill.drill.incident import recover as run_recovery
    from colordrill.record.console import Progress

    with Progress() as progress:
        recovery = run_recovery(settings, order, progress.step)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(recovery), ensure_ascii=False))
    else:
        print_rows(_summary(recovery))
    sys.exit(recovery.exit_code)


def _planned(found: Plan) -> list[Row]:
    refused = "no" if found.refused is False else "cannot be known without canaries"
    return [
        ("would", f"{found.way}: {found.why}"),
        ("primary", found.primary),
        ("refused", refused),
        ("recovery point", _point(found.point, found.point_age_s, found.point_kept_by)),
        ("DR container differs", "; ".join(found.differs)),
        *found.steps.items(),
    ]


def _summary(recovery: Recovery) -> list[Row]:
    steps = ", ".join(f"{each['name']} {each['took_s']:.1f} s" for each in recovery.steps)
    whole = recovery.incident_took_s
    began = f"since the incident began {whole:.1f} s" if whole is not None else ""
    took = f"{recovery.took_s:.1f} s ({steps})" if steps else ""
    return [
        ("outcome", recovery.outcome),
        ("why", recovery.why),
        ("problem", recovery.problem),
        ("active site", ", ".join(recovery.active) or "none"),
        ("recovery point", _point(recovery.point, recovery.point_age_s, recovery.point_kept_by)),
        ("took", ", ".join(each for each in (took, began) if each and took)),
        ("record", recovery.record),
    ]


def _point(point: str | None, age_s: float | None, kept_by: str | None) -> str | None:
    from colordrill.recover.sources import place_of

    if point is None:
        return None
    age = [f"{age_s:.0f} s old"] if age_s is not None else []
    place = [place_of(kept_by)] if kept_by else []
    return ", ".join([point, *age, *place])
