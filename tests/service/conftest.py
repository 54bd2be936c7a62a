"""Starts the reference service: for what it has and ComfyUI has not."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from contract.comfyui.client import Service
from contract.comfyui.deployment import (
    REFERENCE,
    WEIGHTS,
    ProcessDeployment,
    make_reference_template,
)


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> ProcessDeployment:
    """Starts reference services that have the bundled weights for both nodes."""
    template = make_reference_template(tmp_path_factory.mktemp("template"))
    models = template / "models" / "ddcolor"
    models.mkdir(parents=True)
    shutil.copy(WEIGHTS, models)

    def folder() -> Path:
        return tmp_path_factory.mktemp("comfyui")

    return ProcessDeployment(REFERENCE, template, folder)


@pytest.fixture(scope="session")
def service(reference: ProcessDeployment) -> Iterator[Service]:
    """A reference service that these tests share."""
    with reference.running(reference.new_base(), DEVICE="cpu") as started:
        yield started


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A small PNG with some structure."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((48, 40)).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
