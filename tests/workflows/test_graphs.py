"""What people's graphs hold besides nodes that run: derived, accepted, and run by a service."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clients.reference import Reference
from colordrill.clock import SystemClock
from colordrill.data import fixtures
from colordrill.drill.workflows import definitions_of
from colordrill.scenario.service import ColorizeNode
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.colorize import Deadline, colour
from colordrill.workload.conversion import classes_of, derive
from colordrill.workload.photos import Photo
from colordrill.workload.workflows import Workflow

GRAPHS = Path(__file__).parent / "graphs"
NODE = ColorizeNode(
    class_type="DDColor_Colorize", size_input="model_input_size", model_input="checkpoint"
)
RUN_S_MAX = 60.0


@pytest.mark.parametrize("name", sorted(path.stem for path in GRAPHS.glob("*.json")))
def test_a_graph_as_people_save_it_is_derived_and_run(reference: Reference, name: str) -> None:
    content = (GRAPHS / f"{name}.json").read_bytes()
    # the reference has no checkpoint under the node pack's names
    content = content.replace(b"ddcolor_paper_tiny.pth", NODE.checkpoint.encode())
    form = json.loads(content)
    with Image.open(fixtures() / "photos" / "chelsea.png") as image:
        small = image.convert("RGB").resize((96, 64))
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    photo = Photo("small.png", buffer.getvalue())

    with ComfyClient(reference.url) as client:
        prompt = derive(form, definitions_of(client, classes_of(form)))
        workflow = Workflow("person", f"{name}.json", content, prompt, NODE)
        clock = SystemClock()
        coloured = colour(client, clock, workflow, photo, name, Deadline(clock, RUN_S_MAX))

    with Image.open(io.BytesIO(coloured.answer.body)) as picture:
        assert picture.size == small.size
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert np.ptp(pixels, axis=2).max() > 8
