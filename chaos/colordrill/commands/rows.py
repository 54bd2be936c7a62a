"""What a command came to, a line for each thing that there is to say."""

from __future__ import annotations

from collections.abc import Iterable

import click

Row = tuple[str, str | None]


def print_rows(rows: Iterable[Row]) -> None:
    """Print those of *rows*, a name and what is said of it, that say something."""
    from colordrill.record.wording import printable

    for name, value in rows:
        if value:
            click.echo(f"{name}: {printable(value)}")
