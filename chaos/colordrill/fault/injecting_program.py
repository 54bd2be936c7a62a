"""Programs that inject by themselves, beside the harness: its end is not theirs.

A program that waits for its moment inside a container goes on when whoever began it is killed or
interrupted, and would strike after the cure. It carries a mark in its environment, which the
fault's memory, and so the ledger, holds; the cure ends it before it puts anything back.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from colordrill.errors import EnvironmentProblem
from colordrill.stack.target import Executed

VARIABLE = "COLORDRILL_INJECTION"
MARK = "mark"
"""What the mark is called in a fault's memory."""

# who has ended has no environment any more, a zombie neither
ENDING = r"""
import contextlib, os, signal, sys, time
mark = sys.argv[1].encode()
def marked():
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit():
                with open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        yield int(name)
for _ in range(200):
    found = list(marked())
    if not found:
        sys.exit()
    for process in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    time.sleep(0.01)
sys.exit(f"{found} live on")
"""


def draw_mark(memory: dict[str, Any]) -> None:
    """Draw the mark of a fault's program, before it is injected: the ledger must know it."""
    memory[MARK] = secrets.token_hex(8)


def marked(memory: dict[str, Any], command: Sequence[str]) -> list[str]:
    """*command* with the mark in its environment."""
    return ["env", f"{VARIABLE}={memory[MARK]}", *command]


def end_marked(memory: dict[str, Any], execute: Callable[[Sequence[str]], Executed]) -> None:
    """End by SIGKILL what carries the mark where *execute* runs commands; returns when it is gone.

    Without a mark nothing was begun. Raises EnvironmentProblem when something lives on.
    """
    if MARK not in memory:
        return
    done = execute(["python3", "-c", ENDING, f"{VARIABLE}={memory[MARK]}"])
    if done.exit_code != 0:
        raise EnvironmentProblem(
            f"an injecting program could not be ended: {done.stderr.strip()[-200:]}",
            "it ends by itself within a minute; then heal again",
        )
