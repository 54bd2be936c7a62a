"""Do the parts' clocks agree with this machine's?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from colordrill.look import Look
from colordrill.recover.readiness.examined import READ_LIMIT_S, Examined
from colordrill.recover.readiness.probe import Probe, Probing
from colordrill.stack.parts import Part

STANDING_BY = frozenset({Part.HOST, Part.DR_COLORIZATION})
"""Parts that may be down."""


def clock_probes() -> Iterator[Probe]:
    """One probe for each part."""
    for part in Part:
        yield Probe("clocks", str(part), _clock_of(part))


def _clock_of(part: Part) -> Probing:
    def probe(examined: Examined) -> Iterator[Look]:
        if part in STANDING_BY and not examined.target.state(part).running:
            return
        # the wall clock on both sides of the call: it was read in between
        before = examined.clock.wall()
        done = examined.target.execute(part, ("date", "+%s"), timeout_s=READ_LIMIT_S)
        after = examined.clock.wall()
        subject = f"seconds by which {part} is ahead"
        try:
            read = datetime.fromtimestamp(int(done.stdout), UTC)
        except (ValueError, OverflowError, OSError):
            said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.exit_code}"
            yield Look("clocks", subject, unseen=f"{part} does not tell its time: {said[:100]}")
            return
        # it tells whole seconds, the last of which may be over
        early = min(0.0, (read - before).total_seconds() + 1.0)
        late = max(0.0, (read - after).total_seconds())
        yield Look("clocks", subject, seen=early + late)

    return probe
