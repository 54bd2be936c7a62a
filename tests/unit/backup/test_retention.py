"""Which points the rules keep; pure."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest


@pytest.fixture
def rules(store: Any) -> Any:
    """The module `retention`; *store* lets it be found."""
    return import_module("retention")


def ids(*times: str) -> list[str]:
    """``22 10:00`` is the 22nd of November at ten."""
    return [f"202611{day}T{clock.replace(':', '')}00.000Z" for day, clock in map(str.split, times)]


def entry(point: str, outcome: str | None = None) -> dict[str, Any]:
    return {"point": point, "verified": outcome and {"outcome": outcome}}


def staying(rules: Any, entries: list[dict[str, Any]], **policy: Any) -> list[str]:
    reasons = rules.reasons_to_keep(entries, rules.Policy(**policy))
    assert list(reasons) == [each["point"] for each in entries]
    return [point for point, why in reasons.items() if why]


DAYS = ids("20 09:00", "20 09:30", "20 10:10", "21 23:59", "22 00:00", "22 00:01")


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({"last": 1}, DAYS[5:]),
        ({"last": 3}, DAYS[3:]),
        ({"last": 100}, DAYS),
        ({"hourly": 2}, [DAYS[3], DAYS[5]]),
        ({"hourly": 4}, [DAYS[1], DAYS[2], DAYS[3], DAYS[5]]),
        ({"daily": 2}, [DAYS[3], DAYS[5]]),
        ({"daily": 3}, [DAYS[2], DAYS[3], DAYS[5]]),
        ({"within_s": 60}, DAYS[4:]),
        ({"within_s": 59}, DAYS[5:]),
        ({"within_s": 120}, DAYS[3:]),
        ({"last": 2, "daily": 3}, [DAYS[2], DAYS[3], *DAYS[4:]]),
    ],
)
def test_a_point_stays_when_one_rule_wants_it(
    rules: Any, policy: dict[str, int], kept: list[str]
) -> None:
    assert staying(rules, [entry(point) for point in DAYS], **policy) == kept


def test_without_a_rule_every_point_stays(rules: Any) -> None:
    assert staying(rules, [entry(point) for point in DAYS]) == DAYS


def test_no_points_are_no_error(rules: Any) -> None:
    assert staying(rules, [], last=3, within_s=60) == []


def test_the_newest_verified_point_stays_however_old_it_is(rules: Any) -> None:
    entries = [entry(DAYS[0], "whole"), entry(DAYS[1], "whole"), *map(entry, DAYS[2:])]

    assert staying(rules, entries, last=1) == [DAYS[1], DAYS[5]]


def test_the_newest_point_stays_even_if_it_is_damaged(rules: Any) -> None:
    entries = [*map(entry, DAYS[:5]), entry(DAYS[5], "damaged")]

    assert staying(rules, entries, last=1) == [DAYS[4], DAYS[5]]


@pytest.mark.parametrize("policy", [{"last": 2}, {"hourly": 2}, {"daily": 2}])
def test_a_damaged_point_takes_no_place_of_one_that_can_be_restored(
    rules: Any, policy: dict[str, int]
) -> None:
    points = ids("18 09:00", "19 09:00", "20 09:00", "21 09:00", "22 09:00")
    outcomes = [None, "whole", "damaged", "damaged", "whole"]
    entries = [entry(*each) for each in zip(points, outcomes, strict=True)]

    assert staying(rules, entries, **policy) == [points[1], points[4]]


def test_damaged_points_stay_until_a_newer_one_was_verified(rules: Any) -> None:
    broken: dict[str, Any] = {"point": DAYS[1], "problem": "no manifest"}
    entries = [entry(DAYS[0], "damaged"), broken, *map(entry, DAYS[2:])]
    assert staying(rules, entries, last=1) == [DAYS[0], DAYS[1], DAYS[5]]

    entries[-1] = entry(DAYS[5], "whole")

    assert staying(rules, entries, last=1) == [DAYS[5]]


def test_where_every_point_is_damaged_all_of_them_stay(rules: Any) -> None:
    assert staying(rules, [entry(point, "damaged") for point in DAYS], last=1) == DAYS
