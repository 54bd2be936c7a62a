"""What stack the settings ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.drill import standing
from colordrill.drill.standing import plan_for
from colordrill.scenario.settings import Settings
from colordrill.stack.ownership import BUNDLED_OWNER, Owner

IMAGES = {"service": "mine:1"}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str | None]]:
    """The images whose user was asked for; they run as 7:8."""
    found: list[tuple[str, str | None]] = []

    def owner_of_image(reference: str, user: str | None, labels: dict[str, str]) -> Owner:
        assert set(labels) == {"colordrill.run", "colordrill.owner"}
        found.append((reference, user))
        return Owner(7, 8)

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(standing, "owner_of_image", owner_of_image)
    return found


def test_the_bundled_images_user_is_known(asked: list[tuple[str, str | None]]) -> None:
    assert plan_for(Settings(), IMAGES).owner == BUNDLED_OWNER
    assert asked == []


def test_another_images_user_is_found_out(asked: list[tuple[str, str | None]]) -> None:
    plan = plan_for(Settings(image="mine:1", service_values={"port": "9000"}), IMAGES)

    assert plan.owner == Owner(7, 8)
    assert plan.service.port == 9000
    assert asked == [("mine:1", None)]


def test_a_user_that_was_chosen_wins(asked: list[tuple[str, str | None]]) -> None:
    plan_for(Settings(service_values={"user": "5:6"}), IMAGES)

    assert asked == [("mine:1", "5:6")]
