from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from colordrill.data import fixtures
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.workflows import PERSON, Workflow, load_workflows
from fakes.service import ScriptedService, comfyui, scripted_service


@pytest.fixture(scope="session")
def picture() -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def service(picture: bytes) -> Iterator[ScriptedService]:
    with scripted_service(comfyui(picture)) as service:
        yield service


@pytest.fixture
def client(service: ScriptedService) -> Iterator[ComfyClient]:
    with ComfyClient(service.url, timeout_s=5.0) as client:
        yield client


@pytest.fixture(scope="session")
def workflow() -> Workflow:
    return load_workflows(fixtures() / "workflows")[PERSON]
