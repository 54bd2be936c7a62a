"""Points in time, as options take them."""

from __future__ import annotations

from datetime import UTC, datetime

import click


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """The time that an option names; UTC where it names no zone."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is no time as 2026-11-22T20:15 or 2026-11-22T21:15:30+01:00"
        ) from error
    # as every time that is printed here
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
