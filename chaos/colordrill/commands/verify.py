"""`colordrill verify`: the verdict of an earlier run, computed again from its history."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colordrill.errors import RecordProblem, UsageProblem
from colordrill.options import json_option
from colordrill.outcome import Outcome
from colordrill.scenario.model import Objectives, Scenario

if TYPE_CHECKING:
    from colordrill.history import Event
    from colordrill.record.journal import RunDirectory
    from colordrill.verify.recomputed import Recomputed


@click.command()
@click.argument("run_directory", type=click.Path(path_type=Path), metavar="RUN")
@json_option
def verify(run_directory: Path, as_json: bool) -> None:
    """Compute the verdict of an earlier run again, from its history alone.

    Nothing is started and nothing is written. The exit code is the verdict's; where the run's
    record says anything else than its history, that is said.

    \b
    Examples:
      colordrill verify runs/latest
      colordrill verify RUN --json | jq -r '.checks[] | select(.verdict != "pass") | .name'
    """
    from colordrill.commands.runs import find_run
    from colordrill.verify.recomputed import recompute

    run = find_run(run_directory)
    record, why = _record(run)
    reader = _Reader(run)
    found = recompute(reader.read, lambda: _recorded_scenario(record, why))
    outcome = found.outcome
    changed = [] if record is None else _changed(reader.told(), found, record)
    if as_json:
        click.echo(_as_json(run.name, found.scenario, outcome, record, changed))
    else:
        _print(found.scenario, outcome)
        _print_comparison(record, why, changed)
    sys.exit(int(outcome.verdict.exit_code))


class _Reader:
    """Reads a run's history, and keeps what a record tells of it: a long one is read once."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._told: list[Event] = []
        self._lines: Iterator[Event] = iter(())

    def read(self) -> Iterator[Event]:
        """The history from its beginning."""
        self._told.clear()
        self._lines = self._read()
        return self._lines

    def told(self) -> list[Event]:
        """What a record tells of, also of lines that a judgement which crashed has not read."""
        deque(self._lines, maxlen=0)
        return self._told

    def _read(self) -> Iterator[Event]:
        from colordrill.history import read_history
        from colordrill.record.model import is_told

        for number, event in enumerate(read_history(self._run.history)):
            if is_told(number, event):
                self._told.append(event)
            yield event


def _record(run: RunDirectory) -> tuple[Mapping[str, Any] | None, str]:
    """The run's record, or why there is none to compare with: the verdict does not need it."""
    from colordrill.record.journal import read_record

    if not run.record.is_file():
        return None, "this run has no record"
    try:
        return read_record(run), ""
    except RecordProblem as problem:
        return None, problem.cause


def _recorded_scenario(record: Mapping[str, Any] | None, why: str) -> Scenario:
    """For a history that does not name its scenario: the command's, with the record's objectives.

    Raises:
        RecordProblem: there is no record, or its command or objectives cannot be used.
    """
    from colordrill.commands.recorded import recorded_drill
    from colordrill.scenario.catalogue import find_scenario

    if record is None:
        raise RecordProblem(
            f"the history does not say which scenario it is of, and {why}",
            "use the whole directory of the run; a history ends before its note when the drill did",
        )
    known = {field.name for field in dataclasses.fields(Objectives)}
    objectives = {name: value for name, value in record["objectives"].items() if name in known}
    names, settings = recorded_drill(record)
    try:
        scenario = settings.apply(find_scenario(names[0]))
        laid_over = dataclasses.replace(scenario.objectives, **objectives)
    except UsageProblem as problem:
        raise RecordProblem(
            f"the history does not say which scenario it is of, and the record's: {problem.cause}",
            problem.next_step,
        ) from problem
    return dataclasses.replace(scenario, objectives=laid_over)


def _changed(told: list[Event], found: Recomputed, record: Mapping[str, Any]) -> list[str]:
    """Where *record* is not what the history says, or why that cannot be told."""
    from colordrill.record.model import fields_of_history
    from colordrill.verify.recomputed import differences

    try:
        now = fields_of_history(found.scenario, found.outcome, told)
    except (ArithmeticError, RecursionError) as error:
        return [f"what the history says of faults and steps cannot be told: {error}"]
    now["drill"] = {"scenario": found.scenario.name}
    if "canary_interval_s" in record.get("measurements", {}):
        now["measurements"] = {"canary_interval_s": found.scenario.pace.canary_interval_s}
    return differences(now, record)


def _print(scenario: Scenario, outcome: Outcome) -> None:
    from colordrill.record.wording import figure, printable

    click.echo(f"{outcome.verdict.value}: {printable(scenario.name)}")
    width = max((len(check.name) for check in outcome.checks), default=0)
    for check in outcome.checks:
        measured = f"{figure(check.value)} (bound {figure(check.bound)})"
        click.echo(f"  {check.verdict.value:8} {check.name:{width}}  {measured}")
        click.echo(f"  {'':8} {'':{width}}  {printable(' '.join(check.detail.split()))}")


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
