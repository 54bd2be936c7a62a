"""Lengths of time as people write them."""

from __future__ import annotations

import pytest

from colordrill.scenario.durations import duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15),
        ("90m", 5400),
        ("1h", 3600),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("1h0.5m", 3630),
        ("1d", 86400),
        ("366d", 366 * 86400),
        ("1d2h3m4s", 93784),
        ("0s", 0),
        (" 5s ", 5),
    ],
)
def test_a_length_of_time_has_a_unit(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "s",
        "-1s",
        "1.h",
        ".5h",
        "1m1h",
        "1s1s",
        "1w",
        "1 h",
        "1h\n2",
        "1e3s",
        "nan",
        "٣s",
        "9" * 5000 + "s",
        "367d",
        5,
    ],
)
def test_what_has_none_is_no_length_of_time(text: object) -> None:
    assert duration_s(text) is None
