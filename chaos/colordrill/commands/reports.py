"""`colordrill report` and `colordrill trend`: what earlier runs came to."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from colordrill.errors import ExitCode, RecordProblem


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
def report(runs: tuple[Path, ...]) -> None:
    """Write the reports of earlier runs again from their records and print the summaries.

    Runs that cannot be read are named at the end, after all others. The folders of recoveries and
    restores among the runs are passed over.

    \b
    Example:
      colordrill report runs/*
    """
    from colordrill.record.journal import RECOVERIES, RESTORES
    from colordrill.record.wording import printable

    chosen = [path for path in runs if path.name not in {RECOVERIES, RESTORES}]
    if not chosen:
        raise RecordProblem("these are records of recoveries, not of drills", "name a run")
    problems = [problem for path in chosen if (problem := _reported(path))]
    for problem in problems:
        click.echo(f"colordrill: {printable(problem)}", err=True)
    if problems:
        sys.exit(int(ExitCode.ENVIRONMENT))


def _reported(path: Path) -> RecordProblem | None:
    """Write and print the report of the run at *path*; what it lacks where that cannot be done."""
    from colordrill.commands.runs import find_run
    from colordrill.history import read_history
    from colordrill.record.console import print_summary
    from colordrill.record.journal import read_record
    from colordrill.record.write import write_all

    try:
        run = find_run(path)
        record = read_record(run)
        write_all(run, record, read_history(run.history))
    except RecordProblem as problem:
        return problem
    print_summary(record, run.path)
    return None


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="where the records are; default: where they go, as configured (`out`), else runs/",
)
def trend(out: Path | None) -> None:
    """Show verdict, RTA, RPA and colour of all runs by date.

    \b
    Example:
      colordrill trend --out runs
    """
    from colordrill.commands.runs import folder_of_runs
    from colordrill.record.trend import print_trend

    print_trend(folder_of_runs() if out is None else out)
