"""What the site's agent gets when it writes to the disk; and bounds for what faults are given."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

PROBE_LIMIT_S = 8.0
ENDED_BY_LIMIT = frozenset({124, 137, -1})
"""Exit codes of a command that its time limit ended."""

WRITE_AND_FLUSH = """
import contextlib, errno, json, os, sys, time
path = "/site/output/.colordrill-probe"
began, problem = time.monotonic(), None
try:
    with open(path, "wb") as file:
        file.write(os.urandom(int(sys.argv[1])))
        file.flush()
        os.fsync(file.fileno())
except OSError as error:
    problem = errno.errorcode.get(error.errno, str(error))
print(json.dumps({"error": problem, "seconds": time.monotonic() - began}))
with contextlib.suppress(OSError):
    os.unlink(path)
"""


@dataclass(frozen=True, slots=True)
class Written:
    """How a write that was flushed to the disk ended.

    Attributes:
        error: the name of the error (``EIO``, ``ENOSPC``, ``EROFS``); None: it succeeded.
        seconds: how long it took; None when it had not ended within the probe's limit.
    """

    error: str | None
    seconds: float | None

    def __str__(self) -> str:
        """For people."""
        if self.seconds is None:
            return f"the agent's write had not ended after {PROBE_LIMIT_S:g} s"
        return f"the agent's write ended after {self.seconds:.2f} s with {self.error or 'success'}"


def write_by_agent(target: Target, size_bytes: int) -> Written:
    """Write *size_bytes* in the primary's agent and flush them to the disk; nothing is left."""
    command = ["python3", "-c", WRITE_AND_FLUSH, str(size_bytes)]
    done = target.execute(Part.PRIMARY_AGENT, command, timeout_s=PROBE_LIMIT_S)
    if done.exit_code in ENDED_BY_LIMIT:
        return Written(error=None, seconds=None)
    try:
        told = json.loads(done.stdout)
        error = None if told["error"] is None else str(told["error"])
        return Written(error, float(told["seconds"]))
    except (ValueError, LookupError, TypeError) as problem:
        raise EnvironmentProblem(
            f"the agent's write to the disk told nothing: {(done.stderr or done.stdout)[-300:]!r}",
            "see the log of primary-agent",
        ) from problem


def whole_number(name: str, value: object, least: int, most: int) -> None:
    """Refuse a parameter that is not a whole number between *least* and *most*."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= int(str(value)) <= most:
        raise UsageProblem(f"{name} must be a whole number from {least} to {most}, not {value!r}")


def number(name: str, value: object, least: float, most: float) -> None:
    """Refuse a parameter that is not a finite number between *least* and *most*."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not math.isfinite(float(str(value))) or not least <= float(str(value)) <= most:
        raise UsageProblem(f"{name} must be a number from {least:g} to {most:g}, not {value!r}")
