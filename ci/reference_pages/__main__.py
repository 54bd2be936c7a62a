"""Writes the generated reference: a page for each fault, and the scenarios' part of their page.

    python ci/reference_pages

What it says comes from the classes of `colordrill.fault.registry.FAULTS` and from the catalogue; a
test (tests/repo/test_generated_pages.py) fails where the files are not what this writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pages import write

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Write what is outdated, and say what that was."""
    changed = write(ROOT)
    for path in changed:
        print(f"written: {path}" if (ROOT / path).exists() else f"removed: {path}")
    print(f"{len(changed)} pages changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
