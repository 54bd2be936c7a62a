"""A stack that `colordrill up` or `run --keep` left standing, for a command that acts on it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.stack.compose_project import remembered
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.runs import KEPT, OWNER_LOCK, project_of, registry, state_directory


@dataclass(frozen=True, slots=True)
class AttachedStack:
    """A standing stack, in this process's hands.

    Attributes:
        run_id: of the run that brought it up.
        target: its parts; any of them may be down.
        directory: the run's private directory.
    """

    run_id: str
    target: DockerTarget
    directory: Path


@contextmanager
def attached_stack(
    run_id: str | None, purpose: str | None = None, holder: str | None = None
) -> Iterator[AttachedStack]:
    """Hold the standing stack for the length of the block; it stays standing afterwards.

    No sweep removes it meanwhile. Commands of different purposes may hold it together.

    Args:
        run_id: which one, where several stand; None: the only one.
        purpose: words (``recover``); one process at a time for each. None: any number of others.
        holder: the command, for those that come meanwhile; None: as its purpose is called.

    Raises:
        UsageProblem: no such stack, or several and none was named.
        EnvironmentProblem: none stands, or a drill or another process of this purpose has it.
    """
    with ExitStack() as stack:
        with registry():
            directory = chosen_directory(run_id)
            _share(stack, directory)
            if purpose is not None:
                _hold(stack, directory, purpose, holder or purpose)
        project = project_of(directory.name)
        compose = remembered(project, directory)
        if compose is None:
            raise EnvironmentProblem(
                f"{directory} does not say how stack {directory.name} was brought up",
                "remove it with `colordrill down` and bring one up with `colordrill up`",
            )
        target = DockerTarget(project, compose.owner, compose)
        stack.callback(target.close)
        yield AttachedStack(directory.name, target, directory)


def chosen_directory(run_id: str | None) -> Path:
    """The directory of the standing stack *run_id*, or of the only one.

    Raises:
        UsageProblem: no such stack, or several and none was named.
        EnvironmentProblem: none stands.
    """
    runs = state_directory() / "runs"
    standing = sorted(each.parent for each in runs.glob(f"*/{KEPT}"))
    named = [each for each in standing if run_id in {None, each.name}]
    if not standing:
        raise EnvironmentProblem("no stack stands", "bring one up with `colordrill up`")
    if not named:
        names = ", ".join(each.name for each in standing)
        raise UsageProblem(f"there is no standing stack {run_id!r}; there are {names}")
    if len(named) > 1:
        names = ", ".join(each.name for each in named)
        raise UsageProblem(f"several stacks stand ({names}): name one with --stack")
    return named[0]


def _share(stack: ExitStack, directory: Path) -> None:
    """Show for the length of *stack* that the run is in use."""
    lock = stack.enter_context((directory / OWNER_LOCK).open("a"))
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise EnvironmentProblem(
            f"a drill is at work on stack {directory.name}", "wait for its end, or interrupt it"
        ) from error


@contextmanager
def held(directory: Path, purpose: str, holder: str) -> Iterator[None]:
    """Keep commands of *purpose* from the run of *directory* for the length of the block.

    Args:
        directory: the run's private directory.
        purpose: whose lock it is.
        holder: the command that holds it, for those that come meanwhile.

    Raises:
        EnvironmentProblem: another process has it.
    """
    with ExitStack() as stack:
        _hold(stack, directory, purpose, holder)
        yield


def _hold(stack: ExitStack, directory: Path, purpose: str, holder: str) -> None:
    lock = stack.enter_context((directory / f"{purpose}.lock").open("a+"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        raise EnvironmentProblem(
            f"another `colordrill {lock.read() or purpose}` is at work on stack {directory.name}",
            "wait for its end, or interrupt it",
        ) from error
    lock.truncate(0)
    lock.write(holder)
    lock.flush()
