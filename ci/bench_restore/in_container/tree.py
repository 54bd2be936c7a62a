"""Fills a folder with files drawn from a seed: always the same names, sizes and bytes.

python3 tree.py FOLDER FILES MEAN_BYTES SEED
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

FILES_IN_FOLDER = 1000


def main() -> None:
    """Write so many files of half to one and a half times the mean size."""
    folder, files, mean_bytes, seed = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    draw = random.Random(seed)
    for number in range(files):
        below = folder / f"{number // FILES_IN_FOLDER:04d}"
        if number % FILES_IN_FOLDER == 0:
            below.mkdir(parents=True)
        size = draw.randint(mean_bytes // 2, mean_bytes * 3 // 2)
        (below / f"job_{number:06d}_.png").write_bytes(draw.randbytes(size))


if __name__ == "__main__":
    main()
