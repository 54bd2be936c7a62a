"""Times ours and the plain command in turn: both see the same machine, whatever else it does."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Act = Callable[[], object]


def in_turn(ours: Act, plain: Act, rounds: int, *, after: Act, bound: float) -> Mapping[str, float]:
    """Medians of both, and their ratio.

    Args:
        ours: what is measured.
        plain: what it is compared with.
        rounds: so many of both; one more of each comes first and is not counted.
        after: what is put back after each, not timed.
        bound: of the ratio.
    """
    ours_s: list[float] = []
    plain_s: list[float] = []
    for number in range(rounds + 1):
        for act, taken_s in ((ours, ours_s), (plain, plain_s)):
            began_s = time.perf_counter()
            act()
            took_s = time.perf_counter() - began_s
            after()
            if number > 0:
                taken_s.append(took_s)
        if number > 0:
            print(f"  ours {ours_s[-1]:.2f} s, plain {plain_s[-1]:.2f} s", flush=True)
    median_s, plain_median_s = statistics.median(ours_s), statistics.median(plain_s)
    return {
        "ratio": median_s / plain_median_s,
        "bound": bound,
        "ours_s": median_s,
        "plain_s": plain_median_s,
    }
