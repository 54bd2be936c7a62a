from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from colordrill.data import fixtures
from colordrill.history import Event, History
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.workflows import PERSON, Workflow, load_workflows
from fakes.clock import ManualClock
from fakes.service import ScriptedService, comfyui, scripted_service


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def events() -> list[Event]:
    """What the history was told, in order."""
    return []


@pytest.fixture
def history(tmp_path: Path, clock: ManualClock, events: list[Event]) -> Iterator[History]:
    with History(tmp_path / "history.jsonl", clock) as history:
        history.listen(events.append)
        yield history


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
