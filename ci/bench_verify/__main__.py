"""Speed, memory and accuracy of the verdict as ratios to their bounds; exit 1 beyond a bound.

    python ci/bench_verify [--quick]

Not a test: figures of a busy machine say nothing about the code.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import ground_truth
import network_faults
import real_service
from long_history import write_history

from colordrill.clock import SystemClock
from colordrill.drill.assets import load_assets
from colordrill.drill.standing import healthy_stack, images_for, plan_for
from colordrill.scenario.settings import load_settings
from colordrill.stack.sweep import sweep

SIZES = (10_000, 100_000, 1_000_000)
TIMES = {10_000: 5, 100_000: 3}
"""Short measurements are repeated; the fastest counts."""
SECONDS_MAX = 10.0
PEAK_MB_MAX = 500.0
LINEAR_MAX = 1.5
"""Processor time for an operation of the longest history against those of the shortest one."""
REPETITIONS = 20
REAL_REPETITIONS = 7
FAULT_REPETITIONS = 5


def main() -> int:
    """Measure everything, print a line per figure."""
    parser = argparse.ArgumentParser(prog="ci/bench_verify", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short histories, few outages")
    quick = parser.parse_args().quick
    sizes = SIZES[:2] if quick else SIZES
    results = [
        *_histories(sizes),
        *_outages(2 if quick else REPETITIONS),
        *_on_a_stack(*((2, 1) if quick else (REAL_REPETITIONS, FAULT_REPETITIONS))),
    ]
    return 0 if all(results) else 1


def _histories(sizes: tuple[int, ...]) -> list[bool]:
    results, each_us = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / "history.jsonl"
            operations = write_history(path, size)
            measured, floor = (
                _child(mode, path, TIMES.get(size, 1)) for mode in ("verify", "json")
            )
            seconds, peak_mb = float(measured["seconds"]), float(measured["peak_mb"])
            # ratios of processor time: what else the machine does counts less
            cpu_seconds = float(measured["cpu_seconds"])
            each_us[size] = cpu_seconds / operations * 1e6
            share = size / SIZES[-1]
            figures = {
                "ratio": max(seconds / (SECONDS_MAX * max(share, 0.1)), peak_mb / PEAK_MB_MAX),
                "bound": 1.0,
                "seconds": seconds,
                "peak_mb": peak_mb,
                "cpu_us_per_operation": each_us[size],
                "to_json_loads": cpu_seconds / float(floor["cpu_seconds"]),
            }
            results.append(_print(f"history of {operations} operations", figures))
            results.append(measured["said"] == "pass")
    linear = {
        "ratio": each_us[sizes[-1]] / each_us[sizes[0]],
        "bound": LINEAR_MAX,
    }
    results.append(_print(f"an operation of {sizes[-1]} to one of {sizes[0]}", linear))
    return results


def _child(mode: str, path: Path, times: int) -> dict[str, float | str]:
    """In a process of its own: a peak of memory is the process's."""
    script = Path(__file__).with_name("one_history.py")
    done = subprocess.run(
        [sys.executable, script, mode, path, str(times)], stdout=subprocess.PIPE, check=True
    )
    found: dict[str, float | str] = json.loads(done.stdout)
    return found


def _outages(times: int) -> list[bool]:
    results = []
    for dark_s, figures, lacking in ground_truth.measure(times):
        results.append(_print(f"RTA of a service dark for {dark_s:g} s, {times} times", figures))
        results.append(not lacking)
        for detail in lacking:
            print(f"    not measured: {detail}")
    return results


def _on_a_stack(outages: int, injections: int) -> list[bool]:
    """What needs the real service and its real links."""
    settings = load_settings({}, Path.cwd())
    assets = load_assets(settings.service)
    sweep(_unheard)
    plan = plan_for(settings, images_for(settings, print))
    with healthy_stack(plan, assets, _unheard, SystemClock()) as stack:
        figures, lacking = real_service.measure(stack, assets, outages)
        dark_s = real_service.DARK_S
        title = f"RTA of the real service dark for {dark_s:g} s, {outages} times"
        results = [_print(title, figures), not lacking]
        for detail in lacking:
            print(f"    not measured: {detail}")
        results += [_print(*each) for each in network_faults.measure(stack.target, injections)]
    return results


def _unheard(_text: str) -> None:
    """Figures are what is printed."""


def _print(name: str, figures: Mapping[str, float]) -> bool:
    said = ", ".join(
        f"{key} {value:.3f}" for key, value in figures.items() if key not in {"ratio", "bound"}
    )
    within = figures["ratio"] <= figures["bound"]
    beyond = "" if within else "   BEYOND"
    print(
        f"{name:44} ratio {figures['ratio']:5.2f} of {figures['bound']:.2f}{beyond}   ({said})",
        flush=True,
    )
    return within


if __name__ == "__main__":
    sys.exit(main())
