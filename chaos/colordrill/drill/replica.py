"""Does the storage hold what the service acknowledged? Read from the bucket, written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from colordrill.clock import Clock, poll
from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.history import Event, History
from colordrill.stack.parts import Part
from colordrill.stack.target import Target
from colordrill.verify.observe import observe

BUCKET = "storage/outputs"
LIST_LIMIT_S = 15.0
CAUGHT_UP_LIMIT_S = 20.0
OUTPUT = "output/"


def note_replica(
    target: Target,
    events: Iterable[Event],
    history: History,
    clock: Clock,
    say: Callable[[str], None],
) -> None:
    """Wait, bounded, until every acknowledged output lies in the bucket; write down what does not.

    A bucket that cannot be listed leaves no note: then the check is unknown.
    """
    items = observe(tuple(events)).items
    wanted = {item.name.removeprefix(OUTPUT) for item in items if item.name.startswith(OUTPUT)}
    missing: set[str] | None = None

    def all_there() -> bool | None:
        nonlocal missing
        try:
            missing = wanted - objects(target)
        except EnvironmentProblem as error:
            say(str(error))
            return None
        return True if not missing else None

    say(f"looking for {len(wanted)} acknowledged outputs in the storage")
    try:
        poll(clock, all_there, awaited="the storage", timeout_s=CAUGHT_UP_LIMIT_S, every_s=0.5)
    except WaitExpired:
        say("the storage did not catch up")
    if missing is not None:
        history.note(
            "replica",
            acknowledged=len(wanted),
            present=len(wanted - missing),
            missing=sorted(missing),
        )


def objects(target: Target) -> set[str]:
    """The names of everything in the bucket of the primary's storage.

    Raises:
        EnvironmentProblem: it cannot be listed.
    """
    command = ["mc", "--json", "ls", "--recursive", BUCKET]
    listed = target.execute(Part.PRIMARY_MIRROR, command, timeout_s=LIST_LIMIT_S)
    try:
        if listed.exit_code != 0:
            raise ValueError(listed.stderr.strip() or listed.stdout.strip()[:300])
        entries = [json.loads(line) for line in listed.stdout.splitlines() if line]
        return {str(entry["key"]) for entry in entries}
    except (ValueError, LookupError, TypeError) as error:
        raise EnvironmentProblem(
            f"the storage cannot be listed: {error}", "see logs/primary-mirror.log"
        ) from error
