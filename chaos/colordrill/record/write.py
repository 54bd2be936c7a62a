"""Leaves a drill's record and every report in its run directory."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from colordrill.errors import RecordProblem
from colordrill.history import Event
from colordrill.record.html import render_html
from colordrill.record.journal import RunDirectory, write_atomically
from colordrill.record.junit import render_junit
from colordrill.record.markdown import render_markdown
from colordrill.record.schema import find_violations


def write_all(run: RunDirectory, record: Mapping[str, Any], events: Iterable[Event]) -> None:
    """Write ``record.json`` and the reports; what can be written is, whatever else fails.

    Args:
        run: where to.
        record: what ``build_record`` made.
        events: the history that it was made from.

    Raises:
        RecordProblem: the record breaks its schema, or a file could not be made or written;
            lists all of it, after everything else was written.
    """
    violations = find_violations(record)
    trouble = [f"the record breaks its schema: {each}" for each in violations]
    kept = _with_problems(record, trouble) if trouble else record
    trouble += _attempt("record.json", run.record, lambda: _to_json(kept))
    trouble += write_reports(run, kept, events)
    if trouble:
        listing = "".join(f"\n  - {each}" for each in trouble)
        raise RecordProblem(
            f"the run {run.path} is not written as it should be:{listing}",
            "what is not named here was written; `colordrill report` makes reports again",
        )


def write_reports(
    run: RunDirectory, record: Mapping[str, Any], events: Iterable[Event]
) -> list[str]:
    """Write every report of *record*; returns what failed, a sentence each."""
    lines = list(events)
    reports: tuple[tuple[Path, Callable[[], str]], ...] = (
        (run.report_markdown, lambda: render_markdown(record)),
        (run.junit, lambda: render_junit(record)),
        (run.report_html, lambda: render_html(record, lines, run.path)),
    )
    return [problem for path, render in reports for problem in _attempt(path.name, path, render)]


def _attempt(name: str, path: Path, render: Callable[[], str]) -> list[str]:
    try:
        write_atomically(path, render())
    # a report must not take the others with it, whatever went wrong in it
    except Exception as error:  # noqa: BLE001 (collected, and raised together at the end)
        return [f"{name}: {type(error).__name__}: {error}"]
    return []


def _to_json(record: Mapping[str, Any]) -> str:
    return json.dumps(_finite(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _with_problems(record: Mapping[str, Any], trouble: list[str]) -> dict[str, Any]:
    """*record* as it is, with what is wrong with it among its problems."""
    noted = record.get("problems")
    return {**record, "problems": [*(noted if isinstance(noted, list) else []), *trouble]}


def _finite(value: object) -> object:
    """*value* as JSON can hold it; matters only to a record that is broken already."""
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)
