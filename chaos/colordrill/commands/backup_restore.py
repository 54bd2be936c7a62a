"""`colordrill backup restore`: a file, a folder, or a point to look at."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colordrill.commands.moments import moment
from colordrill.commands.rows import Row, print_rows
from colordrill.options import PATH, json_option, out_option, service_options, stack_option
from colordrill.scenario.settings import load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from colordrill.drill.restoring import Restoration

NAMED_MAX = 20


@click.command("restore")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--point", metavar="ID", help="from this recovery point and no other")
@click.option(
    "--before",
    metavar="TIME",
    callback=moment,
    help="from the newest point begun by then (UTC, or with a zone), e.g. 2026-11-22T20:15",
)
@click.option("--random", "drawn", is_flag=True, help="from a point that is drawn; it is named")
@click.option("--seed", type=int, help="repeats the draw of --random among the same points")
@click.option(
    "--undo",
    is_flag=True,
    help="from the newest point in which each PATH, a file, has other bytes than at the site now",
)
@click.option(
    "--site", type=click.Choice(["primary", "dr"]), default="primary", help="default primary"
)
@click.option(
    "--into",
    metavar="DIR",
    type=PATH,
    help="lay it out in a new directory of this machine instead; without PATH the whole point",
)
@click.option("--dry-run", is_flag=True, help="say what would come back; change nothing")
@click.option("--canaries/--no-canaries", default=True, help="judge the site afterwards")
@out_option
@stack_option
@service_options
@json_option
def backup_restore(
    *,
    paths: tuple[str, ...],
    point: str | None,
    before: datetime | None,
    drawn: bool,
    seed: int | None,
    undo: bool,
    site: str,
    into: Path | None,
    dry_run: bool,
    canaries: bool,
    stack: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Bring files or folders of a recovery point back into a site, every byte verified.

    PATH is relative to the site: workflows/person.json, output. A folder brings back what is absent
    or damaged in it; what users have written there since stays. A file that is named is brought
    back whatever is there now. Damaged points are passed over. Where workflows, models or config
    came back, canaries are sent to the site itself and their pictures judged.

    Exit codes: 0 done, 1 the files are back and the site colours wrongly, 2 usage, 3 they are back
    and the site could not be judged, 4 not everything was brought back, 130 interrupted.

    \b
    Examples:
      colordrill backup restore workflows/person.json --undo --dry-run
      colordrill backup restore models output --before 2026-11-22T20:15
      colordrill backup restore --random --into /tmp/rehearsed
    """
    from colordrill.backup.bringing_back import Choice, site_paths
    from colordrill.drill.restoring import RestoreOrder, restore
    from colordrill.record.console import Progress
    from colordrill.stack.parts import Site

    if sum((point is not None, before is not None, drawn, undo)) > 1:
        raise click.UsageError("--point, --before, --random and --undo exclude each other")
    if seed is not None and not drawn:
        raise click.UsageError("--seed repeats the draw of --random: give both")
    if undo and not paths:
        raise click.UsageError("--undo needs the files that are wrong now")
    order = RestoreOrder(
        paths=site_paths(paths),
        choice=Choice(point, before, drawn, seed),
        undo=undo,
        stack=stack,
        site=Site(site),
        into=into,
        dry_run=dry_run,
        canaries=canaries,
    )
    settings = load_settings(options, Path.cwd())
    with Progress() as progress:
        done = restore(settings, order, progress.step)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done), ensure_ascii=False))
    else:
        print_rows(_rows(done))
    sys.exit(int(done.verdict.exit_code))


def _rows(done: Restoration) -> list[Row]:
    where = done.into or f"the site {done.site}"
    would = "would come" if done.dry_run else "came"
    return [
        ("recovery point", done.point),
        *(("passed over", each) for each in done.passed_over),
        *(("as now since", _since(*each)) for each in done.same_since.items()),
        (f"{would} to {where}", _named(done.brought) or _NOTHING[done.into is None]),
        (f"of these {'would be ' if done.dry_run else ''}overwritten", _named(done.overwrites)),
        ("left, written since the point", _named(done.newer)),
        ("canaries", done.canaries),
        ("record", done.record),
    ]


_NOTHING = {
    True: "nothing: these files have the point's bytes already; an older point: --undo, --before",
    False: "nothing: the point holds no file",
}


def _since(path: str, point: str | None) -> str:
    return f"{path!r}: {point or 'after the newest point'}"


def _named(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = ", ..." if len(names) > NAMED_MAX else ""
    listed = ", ".join(map(repr, names[:NAMED_MAX]))
    return f"{len(names)} files: {listed}{more}"
