"""Names of recovery points: the UTC time at which their copy began, so that they sort by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from colordrill.errors import EnvironmentProblem

_ID_FORMAT = "%Y%m%dT%H%M%S.%fZ"


def point_id(wall: datetime) -> str:
    """The id of a point whose copy begins at *wall* (UTC)."""
    return f"{wall:%Y%m%dT%H%M%S}.{wall.microsecond // 1000:03d}Z"


def next_point_id(wall: datetime, newest: str | None) -> str:
    """The id of a point whose copy begins at *wall*, after *newest*.

    Where the clock was set back an id would come again, or sort before an older point. Then it is
    the newest one and a millisecond: ids always sort by the order in which points were made.
    """
    if newest is None or point_id(wall) > newest:
        return point_id(wall)
    return point_id(begun_at(newest) + timedelta(milliseconds=1))


def begun_at(point: str) -> datetime:
    """When the copy of *point* began (UTC), as its id says.

    Raises:
        EnvironmentProblem: it is no id of a point.
    """
    try:
        return datetime.strptime(point, _ID_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise EnvironmentProblem(f"{point!r} is no recovery point's id") from error
