"""Does the storage hold what the service acknowledged? Read from the bucket, written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

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

DIGESTS = """
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT TERM
mc --quiet mirror "$1" "$kept" >&2
cd "$kept"
find . -type f -exec sha256sum --zero {} +
"""
"""A shell program: fetches every object of a bucket, and prints hash and name of each."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One look at the bucket.

    Attributes:
        missing: acknowledged outputs that it does not hold.
        differs: those that it holds with other bytes.
        compared: how many were held against the bytes that the client was given.
    """

    missing: set[str]
    differs: set[str] = field(default_factory=set)
    compared: int = 0


def note_replica(
    target: Target,
    events: Iterable[Event],
    history: History,
    clock: Clock,
    say: Callable[[str], None],
) -> None:
    """Wait, bounded, until every acknowledged output lies in the bucket; write down what does not.

    There is what has the bytes that the client was given: a name alone may be that of half a
    picture. A bucket that cannot be listed leaves no note: then the check is unknown.
    """
    items = observe(tuple(events)).items
    wanted = {
        item.name.removeprefix(OUTPUT): item.sha256
        for item in items
        if item.name.startswith(OUTPUT)
    }
    found: _Found | None = None

    def all_there() -> bool | None:
        nonlocal found
        try:
            found = _Found(missing=wanted.keys() - objects(target))
            if not found.missing:
                found = _compared(wanted, digests(target) if wanted else {})
        except EnvironmentProblem as error:
            say(str(error))
            return None
        return None if found.missing or found.differs else True

    say(f"looking for {len(wanted)} acknowledged outputs in the storage")
    try:
        poll(clock, all_there, awaited="the storage", timeout_s=CAUGHT_UP_LIMIT_S, every_s=0.5)
    except WaitExpired:
        say("the storage did not catch up")
    if found is not None:
        history.note(
            "replica",
            acknowledged=len(wanted),
            present=len(wanted) - len(found.missing) - len(found.differs),
            missing=sorted(found.missing),
            differs=sorted(found.differs),
            compared=found.compared,
        )


def _compared(wanted: Mapping[str, str | None], kept: Mapping[str, str]) -> _Found:
    """Hold what the bucket keeps against what was acknowledged; what has no hash there, cannot."""
    known = {name for name, sha256 in wanted.items() if sha256 is not None}
    return _Found(
        missing=wanted.keys() - kept.keys(),
        differs={name for name in known & kept.keys() if kept[name] != wanted[name]},
        compared=len(known & kept.keys()),
    )


def objects(target: Target) -> set[str]:
    """The names of everything in the bucket of the primary's storage.

    Raises:
        EnvironmentProblem: it cannot be listed.
    """
    command = ["mc", "--json", "ls", "--recursive", BUCKET]
    with _problems("listed"):
        entries = [json.loads(line) for line in _told(target, command).splitlines() if line]
        return {str(entry["key"]) for entry in entries}


def digests(target: Target) -> dict[str, str]:
    """The SHA-256 of everything in the bucket, by its name.

    Raises:
        EnvironmentProblem: it cannot be read.
    """
    with _problems("read"):
        told = _told(target, ["sh", "-ec", DIGESTS, "sh", BUCKET])
        pairs = [line.split("  ./", 1) for line in told.split("\0") if line]
        return {name: sha256 for sha256, name in pairs}


def _told(target: Target, command: Sequence[str]) -> str:
    done = target.execute(Part.PRIMARY_MIRROR, command, timeout_s=LIST_LIMIT_S)
    if done.exit_code != 0:
        raise ValueError(done.stderr.strip() or done.stdout.strip()[:300])
    return done.stdout


@contextmanager
def _problems(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise EnvironmentProblem(
            f"the storage cannot be {what}: {error}", "see logs/primary-mirror.log"
        ) from error
