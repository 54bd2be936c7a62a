"""Everything that colordrill raises on purpose.

::

    ColordrillError                 carries a cause and a next step; has an exit code
    ├── UsageProblem                2   the request itself is wrong
    │   ├── UnknownName             2   a scenario, fault or sabotage that does not exist
    │   ├── WorkflowProblem         2   a workflow file or its manifest is not what it should be
    │   └── UnsupportedObjectType   2   neither person nor building (also a ValueError)
    ├── EnvironmentProblem          4   the machine or the stack cannot do it
    │   ├── WaitExpired             4   something awaited did not come in time
    │   ├── ServiceProblem          4   the colorization service does not answer as ComfyUI does
    │   └── GoldenProblem           4   a golden image is absent or is not what its manifest says
    └── RecordProblem               4   a history or a record cannot be read or written
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the command line; of several drills the worst one is used."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    UNKNOWN = 3
    ENVIRONMENT = 4
    INTERRUPTED = 130


class ColordrillError(Exception):
    """The root: one message that names the cause and the next step.

    Args:
        cause: what is wrong, with the names and values that show it.
        next_step: what the reader can do about it; may be empty where nothing can be done.
    """

    exit_code: ExitCode = ExitCode.ENVIRONMENT

    def __init__(self, cause: str, next_step: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.next_step = next_step

    def __str__(self) -> str:
        """Cause and next step as one text of one or two lines."""
        return f"{self.cause}\n  next step: {self.next_step}" if self.next_step else self.cause


class UsageProblem(ColordrillError):
    """The request is wrong: an option, a configuration file, a value."""

    exit_code = ExitCode.USAGE


class UnknownName(UsageProblem):
    """A name that is not in the catalogue; lists what is there and the nearest one."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        super().__init__(
            f"there is no {what} called {name!r}", f"{hint}known: {', '.join(names) or 'none'}"
        )
        self.nearest = nearest[0] if nearest else None


class EnvironmentProblem(ColordrillError):
    """The machine, the engine, an image or the stack does not allow what was asked."""


class WaitExpired(EnvironmentProblem):
    """A bounded wait ended without what it waited for."""


class ServiceProblem(EnvironmentProblem):
    """The colorization service refused, or does not speak ComfyUI's API.

    Args:
        cause: what was asked and what came back.
        next_step: what to do about it.
        status: the HTTP status where there was one.
        site: the site that answered, where a gateway names it.
    """

    def __init__(
        self,
        cause: str,
        next_step: str = "",
        *,
        status: int | None = None,
        site: str | None = None,
    ) -> None:
        super().__init__(cause, next_step)
        self.status = status
        self.site = site


class GoldenProblem(EnvironmentProblem):
    """A golden image is absent, unreadable, or differs from its manifest."""


class RecordProblem(EnvironmentProblem):
    """A history or record is unreadable, malformed or could not be written."""
