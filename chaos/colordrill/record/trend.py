"""Several drills side by side: verdict, recovery time, data and colour by date."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from colordrill.record.console import STYLES, is_plain
from colordrill.record.wording import printable, score, seconds

HEAD = ("started", "scenario", "seed", "verdict", "RTA", "RPA", "chroma SSIM")


def trend_rows(records: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A row of HEAD's columns per record, the oldest first."""
    ordered = sorted(records, key=lambda record: str(record["drill"]["started_at"]))
    return [tuple(map(printable, _row(record))) for record in ordered]


def show_trend(
    records: Iterable[Mapping[str, Any]],
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Show the trend of *records*: a table on a terminal, tab-separated lines elsewhere."""
    out = sys.stdout if stream is None else stream
    rows = trend_rows(records)
    if is_plain(out, environ):
        out.writelines("\t".join(row) + "\n" for row in (HEAD, *rows))
        return
    table = Table(*HEAD, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*_styled(row))
    Console(file=out).print(table)


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
