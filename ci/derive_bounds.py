"""Measures jitter and degradations of the bundled goldens, and derives the colour bounds.

Writes ``golden_images/ddcolor_nano/BOUNDS.json`` and ``docs/images/separation.png``, and prints the
gap of each measure. Exit code 1 when jitter and degradations overlap.

    python ci/derive_bounds.py [--other-python PATH]… [--work DIR] [--crops N]

``--other-python`` names an interpreter with another release of torch (and numpy, Pillow,
safetensors, spandrel, spandrel_extra_arches). What was rendered is kept in ``--work`` and used
again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from bounds.conditions import (
    CUDA,
    DEGRADED,
    EARLIER_COMMIT,
    EARLIER_SHA256,
    JITTER,
    NANO,
    OTHER_TORCH,
    UNDECIDED,
    Rendered,
)
from bounds.defects import PAINTED
from bounds.plot import plot
from PIL import Image

from colordrill.drill.assets import load_assets
from colordrill.drill.provision import _draw_crop
from colordrill.errors import GoldenProblem
from colordrill.picture import (
    BOUNDS_FILE,
    MEASURES,
    Pixels,
    bounds_of,
    compare,
    decode,
    distance,
    load_measurements,
    separate,
)

ROOT = Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "golden_images/ddcolor_nano"
PLOT = ROOT / "docs/images/separation.png"
RENDER = ROOT / "ci/bounds/render.py"
SIZES = {"person": 680, "building": 1280}
RULE = (
    "bound = geometric middle of the worst jitter and the mildest degradation that the measure "
    "answers for, both as distance (1 - SSIM; CIEDE2000 as it is), rounded to two digits; jitter "
    "counts for at least 1e-6; they must lie a factor of 4 apart"
)
RENDER_LIMIT_S = 1800.0
ENVIRONMENT = {"PYTHONPATH": str(ROOT / "service"), "OMP_WAIT_POLICY": "PASSIVE"}
"""As the service sets it: threads that spin while they wait for each other waste a busy machine."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A photo, the size that its workflow has, and what it is compared with."""

    name: str
    photo: Path
    size: int

    @property
    def kind(self) -> str:
        """``person``, ``building`` or ``crop``."""
        return self.name.split()[0]


@dataclass(frozen=True, slots=True)
class Bench:
    """What measuring needs: the canaries, where renderings go, the right pictures."""

    work: Path
    canaries: tuple[Canary, ...]
    earlier: Path | None

    def wanted(self, kinds: tuple[str, ...]) -> list[Canary]:
        """The canaries of these kinds; all where none is named."""
        return [each for each in self.canaries if not kinds or each.kind in kinds]

    def rendered(self, case: Rendered, python: str = sys.executable) -> tuple[Path, dict[str, Any]]:
        """Render *case* in a process of its own, or use what was rendered before."""
        out = self.work / case.name.replace(" ", "-").replace("/", "-")
        told = out / "software.json"
        if not told.exists():
            done = subprocess.run(
                [python, "-W", "ignore", str(RENDER)],
                input=json.dumps(self._job(case, out)),
                env=os.environ | ENVIRONMENT | dict(case.environment),
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                timeout=RENDER_LIMIT_S,
            )
            told.write_text(done.stdout, encoding="utf-8")
        return out, json.loads(told.read_text(encoding="utf-8"))

    def _job(self, case: Rendered, out: Path) -> dict[str, Any]:
        weights = self.earlier if case.weights == "earlier" else ROOT / case.weights
        photos = []
        for each in self.wanted(case.canaries):
            size = -(-each.size // 32) * 32
            if case.size is not None:
                size = size + case.size if case.size < 0 else case.size
            photos.append({"name": each.name, "file": str(each.photo), "size": size})
        return {
            "weights": str(weights),
            "out": str(out),
            "conditions": dict(case.conditions),
            "photos": photos,
        }

    def golden(self, canary: Canary) -> Pixels:
        """The right picture: the stored golden, or for a crop what the healthy service makes."""
        stored = {"person": "person/astronaut.png", "building": "building/china.png"}
        if canary.name in stored:
            return decode((GOLDENS / stored[canary.name]).read_bytes())
        return pixels(self.work / "the-right-picture" / f"{canary.name}.png")


def pixels(path: Path) -> Pixels:
    """A rendered picture."""
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"), dtype=np.uint8)


def earlier_checkpoint(work: Path) -> Path | None:
    """Yesterday's weights, out of the history; None where the checkout's history is cut off."""
    path = work / "earlier.safetensors"
    content = subprocess.run(
        ["git", "show", f"{EARLIER_COMMIT}:{NANO}"], cwd=ROOT, check=False, capture_output=True
    ).stdout
    if hashlib.sha256(content).hexdigest() != EARLIER_SHA256:
        return None
    path.write_bytes(content)
    return path


def entry(name: str, canary: Canary, output: Pixels, golden: Pixels) -> dict[str, Any]:
    """One measurement as the file keeps it."""
    scores = compare(output, golden).as_dict()
    differing = output != golden
    return {
        "name": name,
        "canary": canary.name,
        "distances": {m: float(f"{distance(m, scores[m]):.6g}") for m in MEASURES},
        "differing_bytes": int(np.count_nonzero(differing)),
    }


def measure_rendered(
    bench: Bench, cases: tuple[Rendered, ...], python: str = sys.executable
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Measure each of *cases* on its canaries; also what software rendered them."""
    entries, software = [], []
    for case in cases:
        out, told = bench.rendered(case, python)
        software.append({"name": case.name, **told, **case.environment})
        for canary in bench.wanted(case.canaries):
            picture = pixels(out / f"{canary.name}.png")
            found = entry(case.name, canary, picture, bench.golden(canary))
            entries.append(
                found | ({"answered_by": [*case.answered_by]} if case.answered_by else {})
            )
    return entries, software


def measure_painted(bench: Bench) -> list[dict[str, Any]]:
    """Measure each painted defect, and each canary's picture in another one's place."""
    entries = []
    for defect in PAINTED:
        for canary in bench.wanted(defect.canaries):
            golden = bench.golden(canary)
            found = entry(defect.name, canary, defect.paint(golden), golden)
            entries.append(found | {"answered_by": [*defect.answered_by]})
    for canary, other in zip(bench.canaries, bench.canaries[1:] + bench.canaries[:1], strict=True):
        golden = bench.golden(canary)
        image = Image.fromarray(bench.golden(other)).resize((golden.shape[1], golden.shape[0]))
        found = entry("the picture of another photo", canary, np.asarray(image), golden)
        entries.append(found | {"answered_by": ["luma_ssim"]})
    return entries


def make_bench(work: Path, crops: int) -> Bench:
    """Draw the crops and render the right pictures."""
    work.mkdir(parents=True, exist_ok=True)
    photos = ROOT / "fixtures/photos"
    canaries = [
        Canary("person", photos / "astronaut.png", SIZES["person"]),
        Canary("building", photos / "china.png", SIZES["building"]),
    ]
    assets = load_assets()
    for seed in range(1, crops + 1):
        file = work / f"crop-{seed}.png"
        file.write_bytes(_draw_crop(assets, seed).content)
        canaries.append(Canary(f"crop {seed}", file, SIZES["person"]))
    bench = Bench(work, tuple(canaries), earlier_checkpoint(work))
    bench.rendered(Rendered("the right picture"))
    return bench


def measure(bench: Bench, others: list[str]) -> dict[str, Any]:
    """Everything that the file holds but the bounds."""
    jitter, software = measure_rendered(bench, JITTER)
    missing = []
    for number, python in enumerate(others):
        name = f"{OTHER_TORCH} ({number + 1})"
        more, told = measure_rendered(bench, (Rendered(name),), python)
        named = f"torch {told[0]['torch']}"
        jitter += [each | {"name": named} for each in more]
        software += [each | {"name": named} for each in told]
    if not others:
        missing.append({"name": OTHER_TORCH, "reason": "no --other-python was given"})
    import torch  # noqa: PLC0415 (seconds, and only this line needs it)

    if torch.cuda.is_available():
        cases = tuple(Rendered(name, conditions) for name, conditions in CUDA.items())
        more, told = measure_rendered(bench, cases)
        jitter, software = jitter + more, software + told
    else:
        missing += [{"name": name, "reason": "no CUDA device was at hand"} for name in CUDA]
    undecided, _ = measure_rendered(bench, UNDECIDED)
    possible = tuple(each for each in DEGRADED if bench.earlier or each.weights != "earlier")
    if possible != DEGRADED:
        missing.append({"name": "earlier checkpoint", "reason": f"no {EARLIER_COMMIT} in history"})
    degraded, _ = measure_rendered(bench, possible)
    return {
        "made_by": "python ci/derive_bounds.py",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "weights_sha256": hashlib.sha256((ROOT / NANO).read_bytes()).hexdigest(),
        "software": software,
        "not_measured": missing,
        "jitter": jitter,
        "degradations": degraded + measure_painted(bench),
        "undecided": undecided,
    }


def main() -> int:
    """Measure, derive, write, plot, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--other-python", action="append", default=[])
    parser.add_argument("--work", type=Path, default=Path("/tmp/colordrill-bounds"))  # noqa: S108 (a cache)
    parser.add_argument("--crops", type=int, default=6)
    options = parser.parse_args()
    content = measure(make_bench(options.work, options.crops), options.other_python)
    path = GOLDENS / BOUNDS_FILE
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    try:
        found = separate(*load_measurements(GOLDENS))
    except GoldenProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    bounds = bounds_of(found)
    stated = {"rule": RULE, "bounds": {n: getattr(bounds, n) for n in bounds.__slots__}}
    path.write_text(json.dumps(content | stated, indent=1) + "\n", encoding="utf-8")
    plot(found, content, PLOT)
    for each in found.values():
        name = each.measure
        print(
            f"{name:12} jitter {each.jitter.distances[name]:.2e} ({each.jitter.name}, "
            f"{each.jitter.canary}) < bound {each.bound:.2e} < "
            f"{each.degradation.distances[name]:.2e} ({each.degradation.name}, "
            f"{each.degradation.canary}); gap {each.gap:.0f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
