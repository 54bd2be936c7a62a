"""`colordrill readiness`: would a recovery succeed if it were needed now?"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colordrill.options import json_option, service_options
from colordrill.scenario.settings import load_settings

if TYPE_CHECKING:
    from colordrill.drill.readiness import Readiness

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
AGE_MAX_S = 10 * 365 * 86_400.0
_AGE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd])")


def _age(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    """Seconds of ``90s``, ``15m``, ``1.5h``, ``1d``."""
    found = _AGE.fullmatch(value.strip())
    seconds = float(found[1]) * UNITS_S[found[2]] if found else 0.0
    if not 0 < seconds <= AGE_MAX_S:
        raise click.BadParameter(f"{value!r} is no age: give a number and s, m, h or d, e.g. 90m")
    return seconds


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
    "age_max_s",
    callback=_age,
    metavar="AGE",
    default="1h",
    show_default=True,
    envvar="COLORDRILL_MAX_AGE",
    show_envvar=True,
    help="how old the newest point may be, and a change that is in no copy, e.g. --max-age 90m",
)
@click.option(
    "--rehearsal/--no-rehearsal",
    "rehearse",
    default=True,
    envvar="COLORDRILL_REHEARSAL",
    show_envvar=True,
    help="start and restore the DR site for a few moments and compare colours; default on",
)
@service_options
@json_option
def readiness(
    run_id: str | None, age_max_s: float, rehearse: bool, as_json: bool, **options: Any
) -> None:
    """Say whether a recovery would succeed if it were needed now, and what to mend before.

    Looks at the stack that `colordrill up` left standing: the DR site's container against the
    primary's, workflows and configuration against Git and the newest recovery point, the backup
    account, points, room and clocks, and the same photos coloured at both sites. What it changes
    for a look it changes back. Exit code 1 if a check fails, 3 if one is unknown and none fails.

    \b
    Examples:
      colordrill readiness
      colordrill readiness --max-age 90m --json | jq -r '.checks[] | select(.verdict != "pass")'
      colordrill readiness --no-rehearsal --stack 1a2b3c4d
    """
    from colordrill.drill.readiness import examine
    from colordrill.record.console import Progress

    settings = load_settings(options, Path.cwd())
    with Progress() as progress:
        found = examine(settings, run_id, age_max_s, progress.step, rehearse=rehearse)
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
        click.echo(f"{'–':8} {name:{width}}  nobody asked for it (--no-rehearsal)")
    click.echo(f"{found.verdict.value}: stack {found.stack}")
