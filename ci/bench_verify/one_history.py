"""Reads one history in a process of its own and prints seconds and peak memory as JSON.

python ci/bench_verify/one_history.py verify|json PATH TIMES
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from colordrill.history import read_history
from colordrill.verify.recomputed import recompute
from colordrill.workload.scoring import peak_memory_mb


def verify(path: Path) -> str:
    """The verdict, as `colordrill verify` computes it."""

    def unnoted() -> None:
        raise SystemExit("the history names no scenario")

    return str(recompute(lambda: read_history(path), unnoted).outcome.verdict)  # type: ignore[arg-type] # it never returns


def plain_json(path: Path) -> str:
    """What nobody can do without: each line through Python's own JSON, and forgotten."""
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
    return "read"


def main() -> None:
    """Do it TIMES times; the fastest counts."""
    mode, path, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    act = {"verify": verify, "json": plain_json}[mode]
    seconds, cpu_seconds, said = [], [], ""
    for _ in range(times):
        began, cpu_began = time.perf_counter(), time.process_time()
        said = act(path)
        seconds.append(time.perf_counter() - began)
        cpu_seconds.append(time.process_time() - cpu_began)
    figures = {
        "seconds": min(seconds),
        "cpu_seconds": min(cpu_seconds),
        "peak_mb": peak_memory_mb(),
        "said": said,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
