"""A preloaded network is handed over once, and only for the file as it is now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from colorservice import preload as preloading
from colorservice.model import CheckpointError, DDColorNet, load_model
from colorservice.preload import Preload, default_checkpoint
from colorservice.settings import Settings

MODELS = Path(__file__).parents[3] / "fixtures" / "models"
NANO = "ddcolor_nano.safetensors"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A service whose models folder holds the bundled checkpoint."""
    made = Settings(tmp_path)
    made.create_folders()
    shutil.copyfile(MODELS / NANO, made.ddcolor_models / NANO)
    (made.ddcolor_models / "MANIFEST.json").write_text("{}")
    return made


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were loaded, in order."""
    loaded: list[Path] = []

    def counted(path: Path, device: str = "cpu") -> DDColorNet:
        loaded.append(path)
        return load_model(path, device)

    monkeypatch.setattr(preloading, "load_model", counted)
    return loaded


def test_the_first_job_takes_what_was_preloaded_and_the_next_one_loads_for_itself(
    settings: Settings, loads: list[Path]
) -> None:
    path = settings.ddcolor_models / NANO
    preload = Preload()
    preload.load(settings)

    first, second = preload.take(path, "cpu"), preload.take(path, "cpu")

    assert loads == [path, path]
    assert first is not second


def test_a_checkpoint_that_was_replaced_meanwhile_is_read_anew(
    settings: Settings, loads: list[Path]
) -> None:
    path = settings.ddcolor_models / NANO
    preload = Preload()
    preload.load(settings)
    shutil.copyfile(MODELS / "ddcolor_nano_other.safetensors", path)

    model = preload.take(path, "cpu")

    assert loads == [path, path]
    other = load_model(MODELS / "ddcolor_nano_other.safetensors")
    assert all(
        torch.equal(mine, theirs)
        for mine, theirs in zip(model.parameters(), other.parameters(), strict=True)
    )


def test_a_checkpoint_that_went_away_is_missing_though_it_was_preloaded(
    settings: Settings,
) -> None:
    path = settings.ddcolor_models / NANO
    preload = Preload()
    preload.load(settings)
    path.unlink()

    with pytest.raises(FileNotFoundError):
        preload.take(path, "cpu")


def test_a_corrupt_checkpoint_fails_at_the_job_and_not_at_the_start(settings: Settings) -> None:
    path = settings.ddcolor_models / NANO
    path.write_bytes(b"no checkpoint")
    preload = Preload()

    preload.load(settings)

    with pytest.raises(CheckpointError):
        preload.take(path, "cpu")


def test_empty_volumes_preload_nothing(tmp_path: Path, loads: list[Path]) -> None:
    settings = Settings(tmp_path)

    Preload().load(settings)

    assert default_checkpoint(settings) is None
    assert loads == []
