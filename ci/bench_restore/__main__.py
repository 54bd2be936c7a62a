"""Speed of recovery points as ratios to the plain tools; exit 1 beyond a bound.

    python ci/bench_restore [--quick] [--files N] [--restore-files N] [--restore-mb N] [--rounds N]

Ours and the plain command take turns, after one of each that is not counted; medians are compared.
Bounds hold for 100,000 files and 1000 MB or more; of less, as with --quick, figures are shown.
Not a test: figures of a busy machine say little about the code.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping

import measures
from lab import standing

QUICK = {"files": 10_000, "restore_files": 1_000, "restore_mb": 100, "rounds": 3}
FULL = {"files": 100_000, "restore_files": 10_000, "restore_mb": 1_000, "rounds": 5}
FILES_MIN = 1_000


def main() -> int:
    """Measure everything, print a line per figure."""
    chosen = _arguments()
    sizes = tuple(chosen.files // each for each in (100, 10, 1))
    within = []
    with standing() as lab:
        for title, figures in measures.large(
            lab, chosen.restore_files, chosen.restore_mb, chosen.rounds
        ):
            within.append(_print(title, figures))
        for title, figures in measures.unchanged(lab, sizes, chosen.rounds):
            within.append(_print(title, figures))
    return 0 if all(within) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ci/bench_restore", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    for name, about in (
        ("files", "small files in the largest unchanged tree; also a tenth and a hundredth"),
        ("restore_files", "files in the tree that is hashed and restored"),
        ("restore_mb", "size of that tree, in 10^6 bytes"),
        ("rounds", "of each, that count"),
    ):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=about)
    chosen = parser.parse_args()
    for name, default in (QUICK if chosen.quick else FULL).items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, default)
        if getattr(chosen, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is at least 1")
    if chosen.files < FILES_MIN:
        parser.error(f"--files is at least {FILES_MIN}")
    return chosen


def _print(name: str, figures: Mapping[str, float]) -> bool:
    said = ", ".join(
        f"{key} {value:.3f}" for key, value in figures.items() if key not in {"ratio", "bound"}
    )
    within = figures["ratio"] <= figures["bound"]
    bound = "" if math.isinf(figures["bound"]) else f" of {figures['bound']:.2f}"
    beyond = "" if within else "   BEYOND"
    print(f"{name:44} ratio {figures['ratio']:5.2f}{bound}{beyond}   ({said})", flush=True)
    return within


if __name__ == "__main__":
    sys.exit(main())
