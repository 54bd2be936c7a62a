"""`colordrill readiness`: would a recovery succeed if it were needed now?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colordrill.options import json_option, service_options
from colordrill.scenario.settings import load_readiness_plan, load_settings

if TYPE_CHECKING:
    from colordrill.drill.readiness import Readiness

LEAVES_OUT = {"same_colour": "--no-rehearsal", "off_site": "--no-offsite"}
"""By which option a check is left out."""


@click.command()
@click.option(
    "--stack",
    "run_id",
    metavar="ID",
    envvar="COLORDRILL_STACK",
    show_envvar=True,
    help="which standing stack, where several stand, e.g. --stack 1a2b3c4d",
)
@click.option(
    "--max-age",
    metavar="AGE",
    help="how old the newest point may be, and a change that is in no copy yet; default 1h, e.g. "
    "--max-age 90m",
)
@click.option(
    "--rehearsal/--no-rehearsal",
    default=None,
    help="start and restore the DR site for a few moments and compare colours; default on",
)
@click.option(
    "--offsite/--no-offsite",
    default=None,
    help="whether copies off site are wanted: then the newest is read at the DR site; default on",
)
@click.option(
    "--offsite-max-age",
    metavar="AGE",
    help="how old the newest copy off site may be; default 25h, e.g. --offsite-max-age 7d",
)
@service_options
@json_option
def readiness(
    run_id: str | None,
    max_age: str | None,
    rehearsal: bool | None,
    offsite: bool | None,
    offsite_max_age: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Say whether a recovery would succeed if it were needed now, and what to mend before.

    Looks at the stack that `colordrill up` left standing: the DR site's container against the
    primary's, workflows and configuration against Git and the newest recovery point, the backup
    account, points, copies off site, room and clocks, and the same photos coloured at both sites.
    What it changes for a look it changes back. Exit code 1 if a check fails, 3 if one is unknown
    and none fails.

    \b
    Examples:
      colordrill readiness
      colordrill readiness --max-age 90m --json | jq -r '.checks[] | select(.verdict != "pass")'
      colordrill readiness --no-rehearsal --stack 1a2b3c4d
    """
    from colordrill.drill.readiness import examine
    from colordrill.record.console import Progress

    settings = load_settings(options, Path.cwd())
    asked = {
        "max_age": max_age,
        "rehearsal": rehearsal,
        "offsite": offsite,
        "offsite_max_age": offsite_max_age,
    }
    plan = load_readiness_plan(asked, Path.cwd())
    with Progress() as progress:
        found = examine(settings, plan, run_id, progress.step)
    if as_json:
        click.echo(json.dumps(_fields(found), ensure_ascii=False))
    else:
        _print(found)
    sys.exit(int(found.verdict.exit_code))


def _fields(found: Readiness) -> dict[str, Any]:
    from colordrill.record.model import check_fields

    return {
        "stack": found.stack,
        "verdict": found.verdict.value,
        "checks": [{**check_fields(each.check), "remedy": each.remedy} for each in found.checks],
        "left_out": list(found.left_out),
    }


def _print(found: Readiness) -> None:
    from colordrill.record.wording import printable

    width = max(len(each.check.name) for each in found.checks)
    for each in found.checks:
        check = each.check
        click.echo(f"{check.verdict.value:8} {check.name:{width}}  {printable(check.detail)}")
        if each.remedy:
            click.echo(f"{'':8} {'':{width}}  → {each.remedy}")
    for name in found.left_out:
        click.echo(f"{'–':8} {name:{width}}  nobody asked for it ({LEAVES_OUT[name]})")
    click.echo(f"{found.verdict.value}: stack {found.stack}")
