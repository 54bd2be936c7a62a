"""`colordrill failback`: users go back to the repaired primary."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colordrill.commands.rows import Row, print_rows
from colordrill.options import json_option, out_option, service_options, stack_option
from colordrill.scenario.settings import load_settings

if TYPE_CHECKING:
    from colordrill.drill.failback_plan import Plan
    from colordrill.drill.failback_record import Failback, Files

NAMED_MAX = 10


@click.command()
@stack_option
@click.option("--dry-run", is_flag=True, help="only look, and say what would become of files")
@click.option("--image", metavar="REF", help="your own colorization image, as for `up`")
@out_option
@service_options
@json_option
def failback(stack: str | None, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Bring users back to the repaired primary, with what they wrote at the DR site.

    It starts the primary, merges the DR site's files into its own in two passes (users wait for the
    second one alone), has canaries judged, switches the gateway, and then stops and empties the DR
    site. Where it fails before the switch, users stay at the DR site. Killed, start it again.

    Exit codes: 0 failed back or nothing to do, 1 the primary colours wrongly, 2 refused or usage, 3
    not known, 4 a step failed, 130 interrupted.

    \b
    Examples:
      colordrill failback --dry-run
      colordrill failback
      colordrill failback --json | jq .files.conflicts
    """
    settings = load_settings(options, Path.cwd())
    if dry_run:
        _plan(settings, stack, as_json)
    _fail_back(settings, stack, as_json)


def _plan(settings: Any, stack: str | None, as_json: bool) -> None:
    from colordrill.drill.failback_plan import plan

    found = plan(settings, stack)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
    else:
        print_rows(_planned(found))
    sys.exit(int(found.exit_code))


def _fail_back(settings: Any, stack: str | None, as_json: bool) -> None:
    from colordrill.drill.failback import fail_back
    from colordrill.record.console import Progress

    with Progress() as progress:
        done = fail_back(settings, stack, progress.step)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done), ensure_ascii=False))
    else:
        print_rows(_summary(done))
    sys.exit(done.exit_code)


def _planned(found: Plan) -> list[Row]:
    base = found.base or "not known: nothing would be deleted, whatever differs is kept beside"
    return [
        ("would", f"{found.way}: {found.why}"),
        ("DR site restored from", base if found.steps else None),
        ("files", f"cannot be compared: {found.unseen}" if found.unseen else None),
        *_files(found.files),
        *found.steps.items(),
    ]


def _summary(done: Failback) -> list[Row]:
    steps = ", ".join(f"{each['name']} {each['took_s']:.1f} s" for each in done.steps)
    waited = None if done.users_waited_s is None else f"{done.users_waited_s:.1f} s"
    return [
        ("outcome", done.outcome),
        ("why", done.why),
        ("problem", done.problem),
        ("active site", ", ".join(done.active) or "none"),
        ("recovery point", done.point),
        *_files(done.files),
        ("users waited", waited),
        ("took", f"{done.took_s:.1f} s ({steps})" if steps else None),
        ("record", done.record),
    ]


def _files(files: Files | None) -> list[Row]:
    if files is None:
        return []
    return [
        ("brought from the DR site", _names(files.brought)),
        ("kept, the primary's own", _names(files.kept)),
        ("in conflict, the primary's kept as", _names(files.conflicts)),
        ("deleted, as at the DR site", _names(files.deleted)),
    ]


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"{len(names)} files: {', '.join(names[:NAMED_MAX])}{more}"
