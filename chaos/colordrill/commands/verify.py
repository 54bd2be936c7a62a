"""`colordrill verify`: the verdict of an earlier run, computed again from its history."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from colordrill.errors import RecordProblem
from colordrill.options import json_option
from colordrill.outcome import Outcome
from colordrill.scenario.model import Objectives, Scenario


@click.command()
@click.argument("run_directory", type=click.Path(path_type=Path), metavar="RUN")
@json_option
def verify(run_directory: Path, as_json: bool) -> None:
    """Compute the verdict of an earlier run again, from its history alone.

    Nothing is started and nothing is written. The exit code is the verdict's; where it differs from
    what the run's record says, that is said.

    \b
    Examples:
      colordrill verify runs/latest
      colordrill verify RUN --json | jq -r '.checks[] | select(.verdict != "pass") | .name'
    """
    from colordrill.history import read_history
    from colordrill.record.journal import open_run
    from colordrill.verify.recomputed import differences, recompute

    run = open_run(run_directory)
    record, why = _record(run)
    found = recompute(lambda: read_history(run.history), lambda: _recorded_scenario(record, why))
    outcome = found.outcome
    changed = [] if record is None else differences(outcome, record)
    if as_json:
        click.echo(_as_json(run.name, found.scenario, outcome, record, changed))
    else:
        _print(found.scenario, outcome)
        _print_comparison(record, why, changed)
    sys.exit(int(outcome.verdict.exit_code))


def _record(run: Any) -> tuple[Mapping[str, Any] | None, str]:
    """The run's record, or why there is none to compare with: the verdict does not need it."""
    from colordrill.record.journal import read_record

    if not run.record.is_file():
        return None, "this run has no record"
    try:
        return read_record(run), ""
    except RecordProblem as problem:
        return None, problem.cause


def _recorded_scenario(record: Mapping[str, Any] | None, why: str) -> Scenario:
    """For a history that does not name its scenario: the record's, with the record's objectives."""
    from colordrill.scenario.recorded import scenario_from_note

    if record is None:
        raise RecordProblem(
            f"the history does not say which scenario it is of, and {why}",
            "use the whole directory of the run; a history ends before its note when the drill did",
        )
    known = {field.name for field in dataclasses.fields(Objectives)}
    objectives = {name: value for name, value in record["objectives"].items() if name in known}
    return scenario_from_note({"name": record["drill"]["scenario"], "objectives": objectives})


def _print(scenario: Scenario, outcome: Outcome) -> None:
    from colordrill.record.wording import figure, printable

    click.echo(f"{outcome.verdict.value}: {printable(scenario.name)}")
    width = max((len(check.name) for check in outcome.checks), default=0)
    for check in outcome.checks:
        measured = f"{figure(check.value)} (bound {figure(check.bound)})"
        click.echo(f"  {check.verdict.value:8} {check.name:{width}}  {measured}")
        click.echo(f"  {'':8} {'':{width}}  {printable(check.detail)}")


def _print_comparison(record: Mapping[str, Any] | None, why: str, changed: list[str]) -> None:
    from colordrill.record.wording import printable

    if record is None:
        click.echo(f"not compared: {printable(why)}", err=True)
    elif not changed:
        click.echo("the same as in the record")
    else:
        click.echo("not the same as in the record:")
        for each in changed:
            click.echo(f"  {printable(each)}")


def _as_json(
    run: str,
    scenario: Scenario,
    outcome: Outcome,
    record: Mapping[str, Any] | None,
    changed: list[str],
) -> str:
    from colordrill.record.model import actual_fields, check_fields

    return json.dumps(
        {
            "run": run,
            "scenario": scenario.name,
            "verdict": outcome.verdict.value,
            "checks": [check_fields(each) for each in outcome.checks],
            "actuals": actual_fields(outcome.actuals),
            "counts": dataclasses.asdict(outcome.counts),
            "record": None if record is None else record["verdict"],
            "differences": changed,
        },
        ensure_ascii=False,
    )
