"""What an earlier record's command would run: `replay` runs it, `verify` may need its scenario."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import click

from colordrill.errors import RecordProblem, UsageProblem
from colordrill.options import drill_options
from colordrill.scenario.settings import Settings, settings_of

Recorded = tuple[tuple[str, ...], Settings]
"""Names of scenarios, at least one, and the settings in force."""


@click.command("run", add_help_option=False)
@click.argument("scenarios", nargs=-1, required=True)
@drill_options
def _run(scenarios: tuple[str, ...], **options: Any) -> Recorded:
    """Only what names scenarios: `run` itself also takes --all, --help and --json."""
    # what was in force then is all in the command: today's file and environment do not count
    return scenarios, settings_of(options)


def recorded_drill(record: Mapping[str, Any]) -> Recorded:
    """What the command of *record* would run.

    Raises:
        RecordProblem: it is not ``colordrill run SCENARIO...`` with options of `run`.
    """
    command: str = record["drill"]["command"]
    try:
        words = shlex.split(command)
        if words[:2] != ["colordrill", "run"]:
            raise UsageProblem("it is not `colordrill run SCENARIO`")
        with _run.make_context("colordrill run", words[2:]) as context:
            recorded: Recorded = _run.invoke(context)
    except (ValueError, click.UsageError, UsageProblem) as error:
        why = error.format_message() if isinstance(error, click.UsageError) else error
        raise RecordProblem(
            f"the record's command cannot be repeated: {command!r}: {why}",
            "the record was altered or belongs to another version; name the scenario to `run`",
        ) from error
    return recorded
