"""The command line: ``colordrill``."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colordrill.commands.backup import backup
from colordrill.commands.doctor import doctor
from colordrill.commands.failback import failback
from colordrill.commands.golden import golden
from colordrill.commands.listing import listing
from colordrill.commands.readiness import readiness
from colordrill.commands.recover import recover
from colordrill.commands.reports import report, trend
from colordrill.commands.verify import verify
from colordrill.commands.workflows import workflows
from colordrill.errors import ColordrillError, ExitCode
from colordrill.options import drill_options, json_option
from colordrill.record.wording import printable
from colordrill.scenario.catalogue import find_scenario, scenario_names
from colordrill.scenario.model import Scenario
from colordrill.scenario.settings import Settings, load_settings

if TYPE_CHECKING:
    from colordrill.drill.stacks import Stacks

SEVERITY = (
    ExitCode.PASS,
    ExitCode.UNKNOWN,
    ExitCode.FAIL,
    ExitCode.ENVIRONMENT,
    ExitCode.USAGE,
    ExitCode.INTERRUPTED,
)
"""Exit codes from best to worst: of several drills the worst is the command's."""


class _Group(click.Group):
    """Turns colordrill's errors into one message and the exit code that belongs to it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ColordrillError as error:
            click.echo(f"colordrill: {printable(error)}", err=True)
            ctx.exit(int(error.exit_code))
        except (KeyboardInterrupt, click.Abort):
            click.echo("colordrill: interrupted", err=True)
            ctx.exit(int(ExitCode.INTERRUPTED))
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            # the reader has left (`| head`): nothing to say, and nobody to say it to
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(int(ExitCode.ENVIRONMENT))
        except Exception:  # noqa: BLE001 (a crash is exit 4; 1 would say that a check failed)
            traceback.print_exc()
            click.echo("colordrill: crashed, which is a defect; please report it", err=True)
            ctx.exit(int(ExitCode.ENVIRONMENT))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="colordrill")
def main() -> None:
    """Disaster drills for a DDColor/ComfyUI photo-colorization service.

    The options of `run` are also keys of ./colordrill.toml and environment variables
    COLORDRILL_<OPTION> (--set: tables [pace] and [objectives]); later wins: file, environment,
    option.

    Exit codes: 0 pass, 1 fail, 2 usage, 3 unknown, 4 environment, 130 interrupted.

    \b
    Example:
      colordrill run host_power_loss
    """


@main.command()
@click.argument("scenarios", nargs=-1, metavar="SCENARIO...")
@click.option("--all", "every", is_flag=True, help="every scenario of the catalogue; no red twins")
@drill_options
@json_option
def run(scenarios: tuple[str, ...], every: bool, as_json: bool, **options: Any) -> None:
    """Run drills, one after another, and print each verdict.

    A red twin is called SCENARIO@SABOTAGE; see `colordrill list`. Drills of one call share a stack
    as long as it can be proven to be as new between them.

    \b
    Examples:
      colordrill run host_power_loss
      colordrill run host_power_loss --json | jq .actuals.rta_s
      colordrill run host_power_loss@other_weights --keep
      colordrill run --all --profile gate
    """
    if every == bool(scenarios):
        raise click.UsageError("name the scenarios to run, or give --all; see `colordrill list`")
    settings = load_settings(options, Path.cwd())
    chosen = _every(settings) if every else scenarios
    _run_all(chosen, settings, as_json)


def _every(settings: Settings) -> tuple[str, ...]:
    """Every scenario that can be run; with another image some cannot, which is said."""
    names = scenario_names()
    left_out = [name for name in names if settings.image and find_scenario(name).bundled_only]
    if left_out:
        click.echo(f"left out, they need the bundled image: {', '.join(left_out)}", err=True)
    return tuple(name for name in names if name not in left_out)


def _run_all(scenarios: tuple[str, ...], settings: Settings, as_json: bool) -> None:
    from colordrill.clock import SystemClock
    from colordrill.drill.stacks import Stacks
    from colordrill.record.trend import print_records

    chosen = [settings.apply(find_scenario(name)) for name in scenarios]
    records, codes = [], []
    with Stacks(settings, SystemClock()) as stacks:
        for scenario in chosen:
            record, code = _run_one(scenario, settings, as_json, stacks)
            records.append(record)
            codes.append(code)
            if code is ExitCode.INTERRUPTED:
                break
    if len(chosen) > 1:
        print_records(records, stream=sys.stderr if as_json else sys.stdout)
    if as_json:
        click.echo(json.dumps(records[0] if len(scenarios) == 1 else records, ensure_ascii=False))
    # of no drill at all nothing is known, which is no pass
    sys.exit(int(max(codes, key=SEVERITY.index, default=ExitCode.UNKNOWN)))


def _run_one(
    scenario: Scenario, settings: Settings, as_json: bool, stacks: Stacks
) -> tuple[dict[str, Any], ExitCode]:
    from colordrill.drill.run import Drill
    from colordrill.record.console import Progress, print_summary

    with Progress() as progress:
        result = Drill(scenario, settings, progress.step, stacks).run()
    print_summary(result.record, result.directory, to_stderr=as_json)
    if isinstance(result.error, KeyboardInterrupt):
        return result.record, ExitCode.INTERRUPTED
    if isinstance(result.error, ColordrillError):
        click.echo(f"colordrill: {printable(result.error)}", err=True)
        failed = result.verdict.exit_code is ExitCode.FAIL
        return result.record, ExitCode.FAIL if failed else result.error.exit_code
    if result.error is not None:
        traceback.print_exception(result.error)
        click.echo("colordrill: crashed, which is a defect; please report it", err=True)
        return result.record, ExitCode.ENVIRONMENT
    return result.record, result.verdict.exit_code


@main.command()
@click.argument("run_directory", type=click.Path(path_type=Path), metavar="RUN")
@json_option
def replay(run_directory: Path, as_json: bool) -> None:
    """Run the drill of an earlier record again: same scenario, seed, profile, objectives.

    \b
    Example:
      colordrill replay runs/20261122T201530Z-host_power_loss-1
    """
    from colordrill.commands.recorded import recorded_drill
    from colordrill.commands.runs import find_run
    from colordrill.record.journal import read_record

    record = read_record(find_run(run_directory))
    scenarios, settings = recorded_drill(record)
    click.echo(f"repeating: {printable(record['drill']['command'])}", err=True)
    _run_all(scenarios, settings, as_json)


@main.command()
@drill_options
def up(**options: Any) -> None:
    """Bring the stack up, healthy, and leave it standing; `colordrill down` removes it.

    \b
    Example:
      colordrill up
    """
    from colordrill.drill.standing import stand_up
    from colordrill.record.console import Progress

    settings = load_settings(options, Path.cwd())
    with Progress() as progress:
        addresses = stand_up(settings, progress.step)
    for name, address in addresses.items():
        click.echo(f"{name}: {address}")


@main.command()
def down() -> None:
    """Remove every stack that no living drill owns: kept ones, and what killed runs left.

    \b
    Example:
      colordrill down
    """
    from colordrill.stack.sweep import sweep

    removed = sweep(lambda text: click.echo(text, err=True), kept_too=True)
    click.echo(f"{removed} removed")


main.add_command(backup)
main.add_command(doctor)
main.add_command(failback)
main.add_command(golden)
main.add_command(listing)
main.add_command(readiness)
main.add_command(recover)
main.add_command(report)
main.add_command(trend)
main.add_command(verify)
main.add_command(workflows)


if __name__ == "__main__":
    main()
