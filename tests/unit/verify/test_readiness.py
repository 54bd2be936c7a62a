"""The judgement of a readiness check: passes only on what was seen, and only if it is wanted."""

from __future__ import annotations

import math

import pytest

from colordrill.look import Look
from colordrill.outcome import Verdict
from colordrill.recover.readiness.catalogue import probes
from colordrill.verify.readiness import (
    CLOCKS_APART_MAX_S,
    IMAGE_OLDER_MAX_DAYS,
    NOT_LOOKED_AT,
    RULES,
    ReadinessCheck,
    judge_readiness,
)

AGE_MAX_S = 3600.0
DIGEST = "ab" * 32
FIGURES = {
    # what holds just so, what does not any more
    "dr_image_age": ((None, IMAGE_OLDER_MAX_DAYS), (None, IMAGE_OLDER_MAX_DAYS + 0.1)),
    "newest_point": ((None, AGE_MAX_S), (None, AGE_MAX_S + 0.1)),
    "free_space": ((100.0, 100.0), (100.0, 99.9)),
    "clocks": ((None, -CLOCKS_APART_MAX_S), (None, CLOCKS_APART_MAX_S + 0.1)),
}
"""Checks that measure something: wanted and seen."""

EQUAL = ("as it should be", "as it should be"), ("as it should be", "otherwise")


def judged(*looks: Look, name: str, age_max_s: float = AGE_MAX_S) -> ReadinessCheck:
    found = judge_readiness(looks, age_max_s)
    return next(each for each in found if each.check.name == name)


def look(name: str, pair: tuple[str | float | None, str | float | None]) -> Look:
    return Look(name, "the thing", *pair)


@pytest.mark.parametrize("name", RULES)
def test_what_is_wanted_passes_and_needs_no_remedy(name: str) -> None:
    good, _ = FIGURES.get(name, EQUAL)

    found = judged(look(name, good), name=name)

    assert (found.check.verdict, found.remedy) == (Verdict.PASS, "")


@pytest.mark.parametrize("name", RULES)
def test_anything_else_fails_names_it_and_says_what_to_do(name: str) -> None:
    good, bad = FIGURES.get(name, EQUAL)

    found = judged(look(name, good), look(name, bad), name=name)

    assert found.check.verdict is Verdict.FAIL
    assert "the thing" in found.check.detail
    assert found.remedy == RULES[name].remedy


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("absent", [None, "", "nonsense", math.nan])
def test_what_is_not_there_or_no_figure_never_passes(name: str, absent: float | str | None) -> None:
    (wanted, _), _ = FIGURES.get(name, EQUAL)

    assert judged(Look(name, "it", wanted, absent), name=name).check.verdict is Verdict.FAIL


@pytest.mark.parametrize("name", RULES)
def test_a_look_that_could_not_be_made_leaves_it_unknown(name: str) -> None:
    good, _ = FIGURES.get(name, EQUAL)

    found = judged(look(name, good), Look(name, "the other", unseen="no answer"), name=name)

    assert found.check.verdict is Verdict.UNKNOWN
    assert found.check.detail == "the other: no answer"
    assert found.remedy == NOT_LOOKED_AT


@pytest.mark.parametrize("name", RULES)
def test_a_failure_is_not_hidden_by_what_could_not_be_looked_at(name: str) -> None:
    _, bad = FIGURES.get(name, EQUAL)

    found = judged(Look(name, "the other", unseen="no answer"), look(name, bad), name=name)

    assert found.check.verdict is Verdict.FAIL
    assert "not looked at: the other: no answer" in found.check.detail


def test_where_nobody_looked_every_check_is_unknown() -> None:
    found = judge_readiness([], AGE_MAX_S)

    assert {each.check.verdict for each in found} == {Verdict.UNKNOWN}
    assert {each.check.detail for each in found} == {"nobody looked"}
    assert [each.check.name for each in found] == list(RULES)


def test_what_nobody_asked_for_is_not_judged() -> None:
    names = [each.check.name for each in judge_readiness([], AGE_MAX_S, ["same_colour"])]

    assert names == [name for name in RULES if name != "same_colour"]


def test_every_check_but_the_rehearsals_has_a_probe_and_every_probe_a_check() -> None:
    assert {each.check for each in probes(None, None)} == set(RULES) - {"off_site", "same_colour"}


@pytest.mark.parametrize(
    ("age_s", "verdict"),
    [
        (0.0, Verdict.PASS),
        (AGE_MAX_S, Verdict.PASS),
        (AGE_MAX_S + 1, Verdict.FAIL),
        (-1.0, Verdict.FAIL),
        (math.nan, Verdict.FAIL),
        (None, Verdict.FAIL),
    ],
)
@pytest.mark.parametrize("name", ["workflows_synced", "configuration_synced"])
def test_a_change_may_lack_in_a_copy_for_as_long_as_a_point_may_be_old(
    name: str, age_s: float | None, verdict: Verdict
) -> None:
    changed = Look(name, "a.json in Git", "new", "old", age_s=age_s)

    assert judged(changed, name=name).check.verdict is verdict


@pytest.mark.parametrize(
    ("age_s", "verdict"),
    [
        (-CLOCKS_APART_MAX_S, Verdict.PASS),
        (-CLOCKS_APART_MAX_S - 0.1, Verdict.FAIL),
        (0.0, Verdict.PASS),
        (-math.inf, Verdict.FAIL),
    ],
)
def test_a_point_from_the_future_has_no_age(age_s: float, verdict: Verdict) -> None:
    point = Look("newest_point", "the age", seen=age_s)

    assert judged(point, name="newest_point").check.verdict is verdict


def test_of_several_figures_the_one_with_the_least_room_is_shown() -> None:
    rooms = [Look("free_space", "a", 100.0, 900.0), Look("free_space", "b", 100.0, 101.0)]
    skews = [Look("clocks", "a", seen=0.1), Look("clocks", "b", seen=-4.0)]

    room = judged(*rooms, name="free_space").check
    clocks = judged(*skews, name="clocks").check

    assert (room.value, room.bound) == (101.0, 100.0)
    assert (clocks.value, clocks.bound) == (-4.0, CLOCKS_APART_MAX_S)


def test_a_check_without_a_figure_counts_its_looks() -> None:
    looks = [look("dr_image", pair) for pair in EQUAL]

    check = judged(*looks, name="dr_image").check

    assert (check.value, check.bound) == (1.0, 2.0)


def test_hashes_are_shortened_for_people_and_compared_whole() -> None:
    nearly = f"{DIGEST[:-1]}0"

    check = judged(Look("checkpoints", "it", DIGEST, nearly), name="checkpoints").check

    assert check.verdict is Verdict.FAIL
    assert check.detail == "it: abababababab… instead of abababababab…"


def test_a_detail_is_one_line_of_a_bearable_length() -> None:
    looks = [
        Look("settings", f"{number}", "a", "printed\nin several\r\nlines") for number in range(100)
    ]

    detail = judged(*looks, name="settings").check.detail

    assert "\n" not in detail
    assert detail.endswith("and 96 more")
