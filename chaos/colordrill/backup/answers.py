"""What a strategy makes of the answers of its program in the backup image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from colordrill.backup.points import DAMAGED, PointDamaged, RecoveryPoint
from colordrill.errors import ColordrillError, EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

TIMED_OUT = 124
ADMINISTER_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program that prints what it did as JSON.

    Attributes:
        name: of its file.
        next_step: what to do where it fails.
        kinds: what further exit codes mean; all have the one for a damaged point.
    """

    name: str
    next_step: str
    kinds: Mapping[int, type[ColordrillError]] = field(default_factory=dict)

    def told(
        self, target: Target, part: Part, words: Sequence[str], failed: str, limit_s: float
    ) -> Any:
        """What it printed.

        Args:
            target: the stack.
            part: where it runs.
            words: its arguments.
            failed: what did not work, for people, where it fails.
            limit_s: it is ended after so long.

        Raises:
            PointDamaged: it says that the point is.
            EnvironmentProblem: it failed otherwise, or printed no JSON; another problem where there
                is one for its exit code.
        """
        done = target.execute(part, [self.name, *words], timeout_s=limit_s)
        if done.exit_code != 0:
            late = f"it did not end within {limit_s:g} s" if done.exit_code == TIMED_OUT else ""
            why = done.stderr.strip() or late or f"exit code {done.exit_code}"
            kinds: Mapping[int, type[ColordrillError]] = {DAMAGED: PointDamaged, **self.kinds}
            kind = kinds.get(done.exit_code, EnvironmentProblem)
            raise kind(f"{failed}: {why}", self.next_step)
        with self.summary(failed, done.stdout):
            return json.loads(done.stdout)

    @contextmanager
    def summary(self, failed: str, told: object) -> Iterator[None]:
        """Name what was printed where it lacks what is read from it.

        Raises:
            EnvironmentProblem: it does.
        """
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise EnvironmentProblem(
                f"{failed}: {self.name} printed {str(told)[:200]!r}, which is not its summary",
                "see that all images are of this version of colordrill",
            ) from error


def points_told(told: Any) -> tuple[RecoveryPoint, ...]:
    """The recovery points of a list, without those whose manifest cannot be used.

    Raises:
        LookupError, TypeError, ValueError: it is no such list.
    """
    return tuple(
        RecoveryPoint(
            str(each["point"]), str(each["strategy"]), int(each["files"]), int(each["bytes"])
        )
        for each in told
        if "problem" not in each
    )


def names_told(told: Any) -> tuple[str, ...]:
    """The names of a list of files.

    Raises:
        TypeError: it is no list.
    """
    if not isinstance(told, list):
        raise TypeError(type(told).__name__)
    # a name may hold bytes that are no text
    return tuple(str(each).encode("utf-8", "backslashreplace").decode() for each in told)


def administer(target: Target, storage: Part, program: str, command: str) -> str:
    """What a program printed that administers a bucket of the *storage* that it runs beside.

    Raises:
        EnvironmentProblem: the storage refuses, or does not run.
    """
    done = target.execute(storage, [program, command], timeout_s=ADMINISTER_LIMIT_S)
    if done.exit_code != 0:
        raise EnvironmentProblem(
            f"{program} {command} failed in {storage}: "
            f"{done.stderr.strip() or f'exit code {done.exit_code}'}",
            f"see logs/{storage}.log",
        )
    return done.stdout
