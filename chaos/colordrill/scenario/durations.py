"""Lengths of time as people write them, wherever one is asked for."""

from __future__ import annotations

import re

DURATION_MAX_S = 366 * 86_400.0
DURATION_EXAMPLES = "15s, 90m, 1.5h, 1h30m or 7d"
_UNITS_S = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
# few digits each: what is longer is more than a year anyway
_NUMBER = r"(?:(\d{1,9}(?:\.\d{1,6})?)%s)?"
_DURATION = re.compile("".join(_NUMBER % unit for unit in _UNITS_S), re.ASCII)


def duration_s(value: object) -> float | None:
    """Seconds of ``15s``, ``1.5h``, ``1h30m`` or ``7d``.

    None where *value* is no such text, or longer than a year.
    """
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        return None
    numbers = zip(found.groups(default="0"), _UNITS_S.values(), strict=True)
    seconds = sum(float(number) * unit_s for number, unit_s in numbers)
    return seconds if seconds <= DURATION_MAX_S else None
