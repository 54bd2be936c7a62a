"""From container start to the first correct picture, beside the floor of the same container."""

from __future__ import annotations

import statistics
import time

import job
from container import created, run_script

from colordrill.data import fixtures, golden_images
from colordrill.picture import judge
from colordrill.scenario.model import Objectives

SIZE = 680
ROUNDED = 704
"""What the node makes of 680: the next multiple of 32."""
BOUND = 1.25


def first_picture_s(image: str) -> float:
    """Seconds from starting a container to the first canary whose picture is right."""
    photo = (fixtures() / "photos" / "astronaut.png").read_bytes()
    golden = (golden_images() / "ddcolor_nano" / "person" / "astronaut.png").read_bytes()
    with created(image) as container:
        began_s = container.start()
        with container.client() as client:
            container.await_answer(client)
            content, nodes = job.coloured(client, photo, SIZE)
            took_s = time.monotonic() - began_s
        judgement = judge(content, golden, photo, nodes, Objectives(rto_s=1, rpo_s=1))
        if judgement.correct is not True:
            raise SystemExit(f"the first picture is not right: {judgement.reasons}")
    return took_s


def compare(image: str, rounds: int) -> dict[str, float]:
    """Medians of both and their ratio; the rounds are interleaved."""
    floors, firsts = [], []
    for _ in range(rounds):
        checkpoint = f"/comfyui/models/ddcolor/{job.CHECKPOINT}"
        floors.append(run_script(image, "floor.py", checkpoint, str(ROUNDED))[0])
        firsts.append(first_picture_s(image))
        print(f"  floor {floors[-1]:.2f} s, first correct picture {firsts[-1]:.2f} s", flush=True)
    floor_s, first_s = statistics.median(floors), statistics.median(firsts)
    return {"floor_s": floor_s, "measured_s": first_s, "ratio": first_s / floor_s, "bound": BOUND}
