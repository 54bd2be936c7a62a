"""Speed and memory of the reference service as ratios to their floors; exit 1 beyond a bound.

    python ci/bench_service [--quick]

Not a test: figures of a busy machine say nothing about the code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from container import created, service_image
from startup import compare
from throughput import BOUNDS, api_under_load, memory, per_picture


def main() -> int:
    """Measure everything, print a line per figure."""
    parser = argparse.ArgumentParser(prog="ci/bench_service", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    quick = parser.parse_args().quick
    image = service_image()
    results = {"start to first correct picture": compare(image, 2 if quick else 7)}
    with created(image) as container:
        container.start()
        with container.client() as client:
            container.await_answer(client)
            for size in BOUNDS:
                results[f"per picture at {size}"] = per_picture(image, client, size)
                _print(f"per picture at {size}", results[f"per picture at {size}"])
            jobs = 100 if quick else 1000
            results[f"memory over {jobs} jobs"] = memory(container, client, jobs)
            for path, figures in api_under_load(client, 1000, 50 if quick else 500).items():
                results[f"GET {path}, 1000 pending, p99"] = figures
    print()
    for name, figures in results.items():
        _print(name, figures)
    return 0 if all(each["ratio"] <= each["bound"] for each in results.values()) else 1


def _print(name: str, figures: Mapping[str, float]) -> None:
    said = ", ".join(
        f"{key} {value:.3f}" for key, value in figures.items() if key not in {"ratio", "bound"}
    )
    within = "" if figures["ratio"] <= figures["bound"] else "   BEYOND"
    bound = figures["bound"]
    print(f"{name:34} ratio {figures['ratio']:5.2f} of {bound:.2f}{within}   ({said})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
