"""`colordrill backup`: recovery points of the standing stack, now or on a schedule."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colordrill.commands.backup_output import (
    complain,
    condition,
    forgotten_fields,
    lateness,
    listing_fields,
    print_forgotten,
    print_kept,
    print_points,
    verification_fields,
)
from colordrill.commands.backup_restore import backup_restore
from colordrill.errors import EnvironmentProblem, ExitCode, UnknownName, UsageProblem
from colordrill.options import json_option, plan_options, retention_options, stack_option
from colordrill.scenario.backup_plan import Retention
from colordrill.scenario.settings import load_backup_plan

if TYPE_CHECKING:
    from colordrill.backup.points import Verification


@click.group()
def backup() -> None:
    """Take, list, verify, restore and remove recovery points of the stack that `up` left.

    The options --interval, --verify, --offsite-every, --keep-… and --max-age are also keys of the
    table [backup] of ./colordrill.toml and variables COLORDRILL_BACKUP_…

    \b
    Examples:
      colordrill backup start --interval 1h --keep-hourly 24
      colordrill backup list
    """


backup.add_command(backup_restore)


@backup.command("now")
@stack_option
@plan_options
@json_option
def backup_now(stack: str | None, as_json: bool, **options: Any) -> None:
    """Take a recovery point now; then verify it and remove what no rule keeps, if asked to.

    Exit code 1: the point was published, and its verification found damage.

    \b
    Examples:
      colordrill backup now
      colordrill backup now --verify --keep-last 24 --keep-daily 7
      colordrill backup now --offsite-every 1
    """
    from colordrill.clock import SystemClock
    from colordrill.drill.attached import attached_stack
    from colordrill.drill.backups import take_now

    plan = load_backup_plan(options, Path.cwd())
    with attached_stack(stack, "backup now") as held:
        taken = take_now(held.target, held.directory, plan, SystemClock(), complain)
    if as_json:
        verified = taken.verified and verification_fields(taken.verified)
        told = {"point": taken.point, "verified": verified, **forgotten_fields(taken.forgotten)}
        click.echo(json.dumps(told))
    else:
        click.echo(f"{taken.point} is published")
        if taken.verified is not None:
            click.echo(condition(taken.point, taken.verified))
        print_forgotten(taken.forgotten, "removed")
    if taken.verified is not None and taken.verified.damaged_files:
        sys.exit(int(ExitCode.FAIL))


@backup.command("list")
@stack_option
@click.option(
    "--max-age",
    metavar="TIME",
    help="exit with 1 when the newest sound point is older, e.g. 1h; default: twice the interval "
    "of a schedule that was started",
)
@click.option("--verified", is_flag=True, help="for --max-age only verified points count")
@click.option("--offsite", is_flag=True, help="list the copies off site instead")
@json_option
def backup_list(
    stack: str | None, max_age: str | None, verified: bool, offsite: bool, as_json: bool
) -> None:
    """List the published recovery points, oldest first, and say whether the newest is late.

    Exit code 1: it is, or a schedule was started, was not stopped, and does not run.

    \b
    Examples:
      colordrill backup list
      colordrill backup list --max-age 1h --verified
      colordrill backup list --offsite --max-age 1d
      colordrill backup list --json | jq -r '.points[] | select(.condition == "whole") | .point'
    """
    from colordrill.backup.points import catalogue
    from colordrill.backup.restic import ResticStrategy
    from colordrill.clock import SystemClock
    from colordrill.drill.attached import attached_stack
    from colordrill.drill.backup_alarms import OVERDUE_INTERVALS
    from colordrill.drill.backup_schedule import state_of
    from colordrill.drill.backups import freshness

    max_age_s = load_backup_plan({"max_age": max_age}, Path.cwd()).max_age_s
    with attached_stack(stack) as held:
        schedule = state_of(held.directory)
        points = ResticStrategy(held.target).listed() if offsite else catalogue(held.target)
    if max_age_s is None and schedule is not None and not offsite:
        max_age_s = OVERDUE_INTERVALS * schedule.interval_s
    fresh = freshness(points, SystemClock().wall(), max_age_s, verified=verified)
    if as_json:
        told = {"stack": held.run_id, **listing_fields(points, schedule, fresh)}
        click.echo(json.dumps(told))
    else:
        print_points(points)
    ended = schedule is not None and not schedule.running
    if ended:
        complain("the schedule was started, and has ended by itself")
    if fresh.late:
        complain(lateness(fresh.age_s, max_age_s))
    if ended or fresh.late:
        sys.exit(int(ExitCode.FAIL))


@backup.command("verify")
@click.argument("point", required=False)
@click.option("--all", "every", is_flag=True, help="every published point")
@click.option("--random", "count", type=click.IntRange(min=1), help="so many points, drawn")
@stack_option
@json_option
def backup_verify(
    point: str | None, every: bool, count: int | None, stack: str | None, as_json: bool
) -> None:
    """Read every byte of recovery points on the backup server; without a name, of the newest one.

    The result is kept there and shown by `colordrill backup list`. Exit code 1: a point is damaged.

    \b
    Examples:
      colordrill backup verify
      colordrill backup verify 20261122T201530.123Z
      colordrill backup verify --random 3
      colordrill backup verify --all --json
    """
    from colordrill.backup.keeping import verify_point
    from colordrill.backup.points import catalogue
    from colordrill.drill.attached import attached_stack

    if sum((point is not None, every, count is not None)) > 1:
        raise UsageProblem("a point, --all and --random exclude each other", "give one of them")
    found: dict[str, Verification] = {}
    with attached_stack(stack) as held:
        listed = [each.id for each in catalogue(held.target)]
        for each in _chosen(listed, point, every, count):
            found[each] = verify_point(held.target, each)
            if not as_json:
                click.echo(condition(each, found[each]))
    if as_json:
        told = [{"point": each, **verification_fields(result)} for each, result in found.items()]
        click.echo(json.dumps(told))
    if any(result.damaged_files for result in found.values()):
        sys.exit(int(ExitCode.FAIL))


@backup.command("forget")
@stack_option
@retention_options
@click.option("--dry-run", is_flag=True, help="say what would go; change nothing")
@json_option
def backup_forget(stack: str | None, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Remove the recovery points that no rule keeps, and what cut copies left.

    The newest point and the newest verified one stay, whatever the rules. Without a rule all points
    stay, and so they do while the newest one lies in the future: then only leftovers go.

    \b
    Examples:
      colordrill backup forget
      colordrill backup forget --keep-hourly 24 --keep-daily 7 --dry-run
      colordrill backup forget --keep-last 3 --keep-within 2d
    """
    from colordrill.backup.keeping import forget
    from colordrill.drill.attached import attached_stack

    plan = load_backup_plan(options, Path.cwd())
    with attached_stack(stack) as held:
        forgotten = forget(held.target, plan.retention, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps({**forgotten_fields(forgotten), "dry_run": dry_run}))
        return
    print_kept(forgotten)
    print_forgotten(forgotten, "would go" if dry_run else "removed")
    if plan.retention == Retention() and not forgotten.swept:
        click.echo("no rule was given and nothing is left of cut copies: everything stays")


@backup.command("start")
@stack_option
@click.option("--interval", metavar="TIME", help="from one point to the next; default 1h")
@plan_options
@click.option("--foreground", is_flag=True, help="stay, and end by Ctrl-C or SIGTERM")
def backup_start(stack: str | None, foreground: bool, **options: Any) -> None:
    """Take recovery points of the standing stack on a schedule, in the background.

    Each is verified with --verify, and after each what no rule keeps is removed. A point that is
    late, was not published or is damaged is an ALARM line in the log, and `colordrill backup list`
    exits with 1 while the newest one is late.

    \b
    Examples:
      colordrill backup start --interval 15s --keep-last 20
      colordrill backup start --interval 1h --verify --keep-hourly 24 --keep-daily 7
      colordrill backup start --interval 1h --offsite-every 24
      colordrill backup start --interval 1d --foreground
    """
    from colordrill.clock import SystemClock
    from colordrill.drill.backup_schedule import run_schedule, start_schedule

    plan = load_backup_plan(options, Path.cwd())
    if foreground:
        run_schedule(stack, plan, SystemClock(), complain)
        return
    pid, log = start_schedule(stack, plan, SystemClock())
    click.echo(f"a point every {plan.interval_s:g} s, by process {pid}")
    click.echo(f"log: {log}")


@backup.command("stop")
@stack_option
def backup_stop(stack: str | None) -> None:
    """End the schedule; the point under way is finished first. Points stay.

    \b
    Example:
      colordrill backup stop
    """
    from colordrill.clock import SystemClock
    from colordrill.drill.backup_schedule import stop_schedule

    stopped = stop_schedule(stack, SystemClock())
    if stopped is None:
        click.echo("no schedule was started")
    elif stopped:
        click.echo("stopped")
    else:
        complain("the schedule had ended by itself; its log says why")


def _chosen(
    listed: Sequence[str], point: str | None, every: bool, count: int | None
) -> Sequence[str]:
    """The points to verify, oldest first; never none, which would look like all being whole."""
    if not listed:
        raise EnvironmentProblem("there is no recovery point", "take one: `colordrill backup now`")
    if point is not None:
        if point not in listed:
            raise UnknownName("recovery point", point, listed[-10:])
        return [point]
    if every:
        return listed
    if count is not None:
        return sorted(random.sample(listed, min(count, len(listed))))
    return listed[-1:]
