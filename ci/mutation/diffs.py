"""Prints the diffs of mutants as JSON; run in the workspace, which mutmut looks for around itself.

    python ci/mutation/diffs.py <NAMES

In one process: `mutmut show` takes a second for each.
"""

from __future__ import annotations

import json
import sys

from mutmut.mutation.diff_apply import get_diff_for_mutant


def main() -> None:
    """Names on standard input, one a line."""
    names = [line.strip() for line in sys.stdin if line.strip()]
    print(json.dumps({name: get_diff_for_mutant(name) for name in names}))


if __name__ == "__main__":
    main()
