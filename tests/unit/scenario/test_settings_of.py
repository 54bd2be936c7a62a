"""A recorded command repeats what was in force then, whatever is configured today."""

from __future__ import annotations

import pytest

from colordrill.errors import UsageProblem
from colordrill.scenario.model import Pace
from colordrill.scenario.settings import settings_of


def test_todays_environment_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORDRILL_SEED", "99")
    monkeypatch.setenv("COLORDRILL_IMAGE", "another:1")

    settings = settings_of({"seed": 3, "image": None, "overrides": {"pace.stability_s": "12.25"}})

    assert (settings.seed, settings.image) == (3, None)
    assert settings.overrides == {"pace.stability_s": 12.25}


@pytest.mark.parametrize(
    ("key", "value", "wanted"), [("seed", "x", "whole number"), ("keep", "maybe", "true or false")]
)
def test_a_bad_value_is_told_what_was_wanted(key: str, value: str, wanted: str) -> None:
    with pytest.raises(UsageProblem, match=f"{key} must be .*{wanted}"):
        settings_of({key: value})


@pytest.mark.parametrize("share", [1.0001, 5.0])
def test_more_than_the_whole_capacity_cannot_be_asked_for(share: float) -> None:
    with pytest.raises(UsageProblem, match="utilisation_max"):
        Pace(utilisation_max=share)
