"""Times ours and the plain command in turn: both see the same machine, whatever else it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from lab import Lab

Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run took."""

    wall_s: float
    cpu_s: float


def in_turn(
    lab: Lab,
    ours: Act,
    plain: Act,
    rounds: int,
    *,
    after: Act,
    bound: float,
) -> Mapping[str, float]:
    """Medians of both, and their ratio.

    The ratio of processor time (of all containers) is told besides: where the machine does other
    things meanwhile it says more than the ratio that is judged.

    Args:
        lab: the containers.
        ours: what is measured.
        plain: what it is compared with.
        rounds: so many of both; one more of each comes first and is not counted.
        after: what is put back after each, not timed.
        bound: of the ratio.
    """
    runs: dict[Act, list[Taken]] = {ours: [], plain: []}
    for number in range(rounds + 1):
        for act, taken in runs.items():
            one = _timed(lab, act)
            after()
            if number > 0:
                taken.append(one)
        if number > 0:
            last = (f"{one.wall_s:.2f} s ({one.cpu_s:.2f} s CPU)" for _, (*_, one) in runs.items())
            print("  ours {}, plain {}".format(*last), flush=True)
    ours_s, plain_s = (median(each.wall_s for each in taken) for taken in runs.values())
    ours_cpu_s, plain_cpu_s = (median(each.cpu_s for each in taken) for taken in runs.values())
    return {
        "ratio": ours_s / plain_s,
        "bound": bound,
        "ours_s": ours_s,
        "plain_s": plain_s,
        "ours_cpu_s": ours_cpu_s,
        "cpu_ratio": ours_cpu_s / plain_cpu_s,
    }


def _timed(lab: Lab, act: Act) -> Taken:
    cpu_before_s, began_s = lab.cpu_s(), time.perf_counter()
    act()
    wall_s = time.perf_counter() - began_s
    return Taken(wall_s, lab.cpu_s() - cpu_before_s)
