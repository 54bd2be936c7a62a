"""An operator for a standing stack, whose acts are recorded in a directory of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from colordrill.clock import Clock
from colordrill.drill.assets import Assets
from colordrill.drill.attached import AttachedStack
from colordrill.drill.failback_record import Failback
from colordrill.drill.provision import golden_canaries
from colordrill.drill.recovery_record import Recovery
from colordrill.errors import ColordrillError, RecordProblem
from colordrill.history import History
from colordrill.record.journal import RunDirectory, write_atomically
from colordrill.recover.gateway import active_sites
from colordrill.recover.steps import Operator
from colordrill.recover.webhook import notifying
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.canary import CanaryRunner
from colordrill.workload.scoring import ScoringWorker

Say = Callable[[str], None]

NUMBERS_PER_S = 1_000
"""More than a start writes operations: two starts are seconds apart."""


@contextmanager
def operating(
    settings: Settings,
    assets: Assets,
    stack: AttachedStack,
    public: ComfyClient,
    directory: RunDirectory,
    say: Say,
    clock: Clock,
) -> Iterator[Operator]:
    """An operator with canaries and their judge, and administrators who are told.

    Args:
        settings: what pictures are judged by, and who is told.
        assets: photos, goldens and workflows.
        stack: on which it acts.
        public: the stack's public address.
        directory: gets the history and the canaries' pictures; its name is the recovery's.
        say: tells people how it goes.
        clock: time and waiting.
    """
    objectives = settings.apply(HOST_POWER_LOSS).objectives
    # ids name photos at the sites, and no two starts may share any: a service that has coloured
    # one before answers from its cache. The journal knows nothing of a start killed early
    first = int(clock.wall().timestamp()) * NUMBERS_PER_S + 1
    with (
        History(directory.history, clock, first) as history,
        ScoringWorker(history, directory.path, objectives) as scoring,
        notifying(settings.notify, directory.path.name, history, clock, say) as notifier,
    ):
        yield Operator(
            target=stack.target,
            history=history,
            clock=clock,
            public=public,
            runner=CanaryRunner(history, clock, scoring, directory.path),
            canaries=golden_canaries(assets, directory.path),
            say=say,
            service_port=assets.service.port,
            notifier=notifier,
        )


def active_now(stack: AttachedStack) -> tuple[str, ...]:
    """The sites that the gateway sends to, sorted; none where it does not say."""
    try:
        return tuple(sorted(active_sites(stack.target)))
    except ColordrillError:
        return ()


def write_record(told: Recovery | Failback, name: str, directory: Path, say: Say) -> None:
    """Write what a start came to into *directory* as *name*, whole.

    A full disk does not undo what was done: it is said.
    """
    text = json.dumps(asdict(told), indent=2, ensure_ascii=False)
    try:
        write_atomically(directory / name, f"{text}\n")
    except RecordProblem as problem:
        say(str(problem))
