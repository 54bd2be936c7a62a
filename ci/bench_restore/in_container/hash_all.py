"""Hashes every file below a folder as the programs of the backup image do.

python3 hash_all.py FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, "/usr/local/bin")

from recovery_point import digests


def main() -> None:
    """Hash; one that could not be hashed is a failure."""
    folder = Path(sys.argv[1])
    names = [
        os.path.relpath(f"{at}/{name}", folder) for at, _, each in os.walk(folder) for name in each
    ]
    if None in digests(folder, names):
        raise SystemExit("a file could not be hashed")


if __name__ == "__main__":
    main()
