"""Heals, at the next start, what a killed run left broken on a stack that was to be kept.

A stack that nobody keeps is removed with its faults. One that was kept stands there broken; its
ledger says what with, and each fault carries the memory that its cure needs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from colordrill.clock import SystemClock, poll
from colordrill.errors import ColordrillError, RecordProblem
from colordrill.fault.injection import HEALED_LIMIT_S
from colordrill.fault.ledger import Ledger, OpenFault, open_faults
from colordrill.fault.registry import build_fault
from colordrill.stack.compose_project import remembered
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.runs import KEPT, lives, project_of, state_directory


def heal_leftovers(say: Callable[[str], None]) -> int:
    """Heal the open faults of this user's kept stacks whose run is dead.

    Returns:
        The number of faults healed. What cannot be healed is said, and stays in its ledger.
    """
    runs = state_directory() / "runs"
    healed = 0
    for directory in sorted(runs.iterdir()) if runs.is_dir() else ():
        if (directory / KEPT).exists() and not lives(directory):
            healed += _heal_run(directory, say)
    return healed


def _heal_run(directory: Path, say: Callable[[str], None]) -> int:
    try:
        left = open_faults(directory)
    except RecordProblem as error:
        say(str(error))
        return 0
    if not left:
        return 0
    name = project_of(directory.name)
    target = DockerTarget(name, compose=remembered(name, directory))
    healed = 0
    try:
        for each in left:
            named = f"{each.spec.name} on {each.spec.target} of the kept run {directory.name}"
            say(f"healing {named}, which a killed run left")
            try:
                _heal(each, target)
            except ColordrillError as error:
                say(f"{named} could not be healed: {error}; `colordrill down` removes the stack")
                continue
            Ledger(directory).closed(each.spec)
            healed += 1
    finally:
        target.close()
    return healed


def _heal(left: OpenFault, target: DockerTarget) -> None:
    fault = build_fault(left.spec)
    fault.memory = left.memory
    fault.heal(target)
    poll(
        SystemClock(),
        lambda: fault.healed(target).seen or None,
        awaited="the read-back",
        timeout_s=HEALED_LIMIT_S,
    )
