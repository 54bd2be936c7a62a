"""Heals, at the next start, what a killed run left broken on a stack that was to be kept.

A stack that nobody keeps is removed with its faults. One that was kept stands there broken; its
ledger says what with, and each fault carries the memory that its cure needs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from colordrill.clock import SystemClock, poll
from colordrill.errors import ColordrillError, RecordProblem
from colordrill.fault.cures import HEALED_LIMIT_S, look_healed
from colordrill.fault.ledger import Ledger, OpenFault, open_faults
from colordrill.fault.protocol import Fault
from colordrill.fault.registry import build_fault
from colordrill.stack.compose_project import remembered
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.ownership import BUNDLED_OWNER
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
    compose = remembered(name, directory)
    target = DockerTarget(name, BUNDLED_OWNER if compose is None else compose.owner, compose)
    ledger, healed = Ledger(directory), 0
    try:
        # all cures first: what one fault's peer must see again another one may still hide
        begun = [(each, _begin_cure(each, target, directory.name, say)) for each in left]
        for each, fault in begun:
            if fault is not None and _is_healed(each, fault, target, directory.name, say):
                ledger.closed(each.spec)
                healed += 1
    finally:
        target.close()
    return healed


def _begin_cure(
    left: OpenFault, target: DockerTarget, run_id: str, say: Callable[[str], None]
) -> Fault | None:
    """The fault whose cure was begun; None where that failed."""
    say(f"healing {_named(left, run_id)}, which a killed run left")
    try:
        fault = build_fault(left.spec)
        fault.memory = left.memory
        fault.heal(target)
    except ColordrillError as error:
        _say_broken(left, run_id, error, say)
        return None
    return fault


def _is_healed(
    left: OpenFault, fault: Fault, target: DockerTarget, run_id: str, say: Callable[[str], None]
) -> bool:
    try:
        poll(
            SystemClock(),
            lambda: look_healed(fault, target).seen or None,
            awaited="the read-back",
            timeout_s=HEALED_LIMIT_S,
        )
    except ColordrillError as error:
        _say_broken(left, run_id, error, say)
        return False
    return True


def _say_broken(
    left: OpenFault, run_id: str, error: ColordrillError, say: Callable[[str], None]
) -> None:
    named = _named(left, run_id)
    say(f"{named} could not be healed: {error}; `colordrill down` removes the stack")


def _named(left: OpenFault, run_id: str) -> str:
    return f"{left.spec.name} on {left.spec.target} of the kept run {run_id}"
