"""Runs the drill and prints its speed and memory as ratios to their bounds.

Exit code 1 when a ratio exceeds 1, the drill's own code when it did not pass. Not a test: figures
of a busy machine say nothing about the code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

COLORDRILL = Path(sys.executable).with_name("colordrill")
BOUNDS = {
    "wall_s": 120.0,
    "rta_s": 20.0,
    "harness_rss_mb": 300.0,
    "scoring_rss_mb": 600.0,
    "container_rss_mb": 1500.0,
}


def main() -> int:
    """Run one drill, print a line per figure."""
    ended = subprocess.run(
        [COLORDRILL, "run", "host_power_loss", "--json", *sys.argv[1:]],
        stdout=subprocess.PIPE,
        check=False,
    )
    if ended.returncode != 0:
        return ended.returncode
    record = json.loads(ended.stdout)
    figures = {"rta_s": record["actuals"]["rta_s"], **record["measurements"]}
    ratios = {name: figures[name] / bound for name, bound in BOUNDS.items()}
    for name, bound in BOUNDS.items():
        print(f"{name:17} {figures[name]:8.1f} of {bound:6.0f}   ratio {ratios[name]:.2f}")
    for name, seconds in record["actuals"]["rta_breakdown"].items():
        print(f"  {name:16} {seconds:7.2f} s")
    return 0 if max(ratios.values()) <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
