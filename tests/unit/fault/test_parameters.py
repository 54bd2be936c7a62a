from __future__ import annotations

import math

import pytest

from colordrill.errors import UnknownName, UsageProblem
from colordrill.fault.parameters import choice, flag, member, number, text, whole
from colordrill.stack.parts import Part

ABSURD = [math.nan, math.inf, -math.inf, -1.0, 86_400_000.0 * 365, True, None, "12", [1]]


@pytest.mark.parametrize("value", ABSURD, ids=str)
def test_a_number_that_is_absurd_is_refused_with_its_name_bound_and_value(value: object) -> None:
    with pytest.raises(UsageProblem) as refused:
        number("latency_ms", value, 0, 60_000)

    assert "latency_ms" in refused.value.cause
    assert "60000" in refused.value.cause
    assert repr(value) in refused.value.cause


@pytest.mark.parametrize("value", [0, 0.5, 60_000])
def test_a_number_within_its_bounds_both_included_is_given_back(value: float) -> None:
    assert number("latency_ms", value, 0, 60_000) == value


@pytest.mark.parametrize("value", [*ABSURD, 0, 2.5], ids=str)
def test_a_whole_number_that_is_none_or_absurd_is_refused(value: object) -> None:
    with pytest.raises(UsageProblem, match=r"cut_after_bytes .* 1 (to|and) 1000000, not"):
        whole("cut_after_bytes", value, 1, 1_000_000)


def test_a_whole_number_may_be_written_as_a_float() -> None:
    assert whole("kills", 3.0, 1, 10) == 3
    assert isinstance(whole("kills", 3.0, 1, 10), int)


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "x" * 201, None, 7], ids=repr)
def test_a_text_must_be_one_printable_line(value: object) -> None:
    with pytest.raises(UsageProblem, match="image must be"):
        text("image", value)


def test_a_text_is_given_back() -> None:
    assert text("image", "colordrill/service:old") == "colordrill/service:old"


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_flag_is_true_or_false_and_nothing_like_it(value: object) -> None:
    with pytest.raises(UsageProblem, match="armed must be true or false"):
        flag("armed", value)


def test_a_flag_is_given_back() -> None:
    assert flag("armed", value=True) is True


@pytest.mark.parametrize("value", ["upp", None, 3])
def test_a_choice_that_does_not_exist_is_an_unknown_name(value: object) -> None:
    with pytest.raises(UnknownName, match="direction"):
        choice("direction", value, ["up", "down"])


def test_a_member_is_found_by_its_text_and_by_itself() -> None:
    assert member("part", "backup", Part) is Part.BACKUP
    assert member("part", Part.BACKUP, Part) is Part.BACKUP


def test_a_part_that_is_not_among_the_allowed_ones_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName, match="gateway"):
        member("part", "gateway", [Part.BACKUP])


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_a_number_beyond_all_floats_is_refused_as_any_other(value: int) -> None:
    with pytest.raises(UsageProblem, match="must lie between"):
        number("latency_ms", value, 0.0, 10.0)
    with pytest.raises(UsageProblem, match="must lie between"):
        whole("port", value, 1, 65535)
