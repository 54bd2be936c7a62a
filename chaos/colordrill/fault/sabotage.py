"""What red twins break. A sabotage touches only the system, never the harness.

Most are a compose overlay: the system is wrong from the start, as latent defects are. Some act on
the running stack once the disaster has struck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from colordrill.data import fixtures
from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

KEEP_OLDEST = (
    "bash",
    "-c",
    # what is still on its way goes first: published after the deletion it would save the drill
    "rm -rf /backup/incoming/* && cd /backup/points && ls | tail -n +2 | xargs -r rm -rf -- && ls",
)


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way to break the system.

    Attributes:
        name: as red twins are called.
        overlay: a compose file below fixtures/stack/sabotage, or None.
        before: acts on the running stack before the steady state, or None.
        after_fault: acts on the running stack after the injection, or None.
    """

    name: str
    overlay: str | None = None
    before: Callable[[Target], None] | None = None
    after_fault: Callable[[Target], None] | None = None

    @property
    def overlay_path(self) -> Path | None:
        """The compose file to lay over the bundled one."""
        if self.overlay is None:
            return None
        return fixtures() / "stack" / "sabotage" / self.overlay


def keep_only_oldest_point(target: Target) -> None:
    """Delete every recovery point but the oldest, on the backup server's disk."""
    done = target.execute(Part.BACKUP, KEEP_OLDEST)
    if done.exit_code != 0 or len(done.stdout.split()) != 1:
        raise EnvironmentProblem(f"the sabotage failed: {done.stderr or done.stdout}")


_ALL = (
    Sabotage("only_oldest_point", after_fault=keep_only_oldest_point),
    Sabotage("other_weights", overlay="other-weights.yaml"),
    Sabotage("slow_start", overlay="slow-start.yaml"),
    Sabotage("gateway_not_switched", overlay="gateway-not-switched.yaml"),
    Sabotage("liar_uncoloured", overlay="liar-uncoloured.yaml"),
    Sabotage("liar_previous", overlay="liar-previous.yaml"),
    Sabotage("liar_golden", overlay="liar-golden.yaml"),
)
SABOTAGES: Mapping[str, Sabotage] = {each.name: each for each in _ALL}


def find_sabotage(name: str) -> Sabotage:
    """The sabotage called *name*.

    Raises:
        UnknownName: there is none.
    """
    if name not in SABOTAGES:
        raise UnknownName("sabotage", name, SABOTAGES)
    return SABOTAGES[name]
