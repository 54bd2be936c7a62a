"""Several drills side by side: verdict, recovery time, data and colour by date."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from colordrill.errors import RecordProblem
from colordrill.record.console import STYLES, forgiving, is_plain
from colordrill.record.journal import list_runs, read_record
from colordrill.record.wording import printable, score, seconds

HEAD = ("started", "scenario", "seed", "verdict", "RTA", "RPA", "chroma SSIM")


def trend_rows(records: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A row of HEAD's columns per record, the oldest first."""
    ordered = sorted(records, key=lambda record: str(record["drill"]["started_at"]))
    return [tuple(map(_one_line, _row(record))) for record in ordered]


def print_trend(
    out: Path, *, stream: TextIO | None = None, environ: Mapping[str, str] | None = None
) -> None:
    """Print the trend of the runs in *out*: a table on a terminal, tab-separated lines elsewhere.

    Runs whose record cannot be read are counted and named below the table instead of spoiling it.

    Raises:
        RecordProblem: *out* cannot be read, or is itself a run.
    """
    records, unread = _read_all(out)
    print_records(records, unread, stream=stream, environ=environ)


def print_records(
    records: Sequence[Mapping[str, Any]],
    unread: Sequence[str] = (),
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Print a line for each of *records*, in the order of their dates, and what was *unread*."""
    target = forgiving(stream or sys.stdout)
    rows = trend_rows(records)
    if is_plain(target, environ):
        target.writelines("\t".join(row) + "\n" for row in (HEAD, *rows))
        target.writelines(f"unreadable\t{each}\n" for each in unread)
        return
    table = Table(*HEAD, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*_styled(row))
    console = Console(file=target)
    console.print(table)
    for each in unread:
        console.print(Text(f"unreadable: {each}", style="yellow"))


def _read_all(out: Path) -> tuple[list[dict[str, Any]], list[str]]:
    records, unread = [], []
    for run in list_runs(out):
        try:
            records.append(read_record(run))
        except RecordProblem as problem:
            unread.append(_one_line(f"{run.name}: {problem.cause.splitlines()[0]}"))
    if unread:
        unread.insert(0, f"{len(unread)} of {len(unread) + len(records)} records")
    return records, unread


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def _row(record: Mapping[str, Any]) -> tuple[str, ...]:
    drill, actuals = record["drill"], record["actuals"]
    return (
        drill["started_at"][:19].replace("T", " "),
        drill["scenario"],
        str(drill["seed"]),
        record["verdict"],
        seconds(actuals["rta_s"]),
        seconds(actuals["rpa_s"]),
        score(actuals["chroma_ssim_min"]),
    )


def _styled(row: Sequence[str]) -> list[Text]:
    return [Text(value, style=STYLES.get(value, "")) for value in row]
