from __future__ import annotations

from pathlib import Path

import pytest

from colordrill import data
from colordrill.errors import EnvironmentProblem


def with_compose_file(root: Path) -> Path:
    compose = root / "fixtures" / "stack" / "compose.yaml"
    compose.parent.mkdir(parents=True)
    compose.touch()
    return root


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An empty package and an empty checkout."""
    package, checkout = tmp_path / "package", tmp_path / "checkout"
    monkeypatch.setattr(data, "_PACKAGE", package)
    monkeypatch.setattr(data, "_CHECKOUT", checkout)
    return package, checkout


def test_the_checkout_holds_the_data() -> None:
    assert (data.fixtures() / "stack" / "compose.yaml").is_file()
    assert data.golden_images().parent == data.data_root()


def test_a_wheels_own_data_come_before_a_checkout(places: tuple[Path, Path]) -> None:
    package, checkout = places
    with_compose_file(checkout)
    wheel = with_compose_file(package / "_data")

    assert data.data_root() == wheel


def test_a_wheel_without_data_is_refused_with_a_next_step(places: tuple[Path, Path]) -> None:
    with pytest.raises(EnvironmentProblem, match="data files are not beside") as caught:
        data.data_root()

    assert str(places[0]) in caught.value.cause
    assert caught.value.next_step
