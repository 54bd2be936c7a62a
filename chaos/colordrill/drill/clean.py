"""Makes a stack as it was before its first drill, and proves it, or it is not used again.

A drill that begins on what another one left judges both. So everything that a drill changes is put
back, and then looked at: each part's state, networks and description, the links, every file of both
sites by its hash, the backup server. Whether the service colours is seen in the next drill, by its
crop and its steady state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from colordrill.backup.restic import run_store
from colordrill.backup.s3 import buckets_made, empty_buckets, held_in_buckets
from colordrill.clock import Clock
from colordrill.drill.assets import Assets
from colordrill.drill.provision import await_ready, seed_primary
from colordrill.errors import EnvironmentProblem
from colordrill.recover.gateway import switch_gateway
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import TOXIPROXY_PORT, Part, Site
from colordrill.stack.target import PartDescription, Target
from colordrill.stack.toxiproxy import ToxiproxyServer

COMMAND_LIMIT_S = 60.0
LEFT_ALONE = (Part.HOST,)
"""The helper runs from the first fault on that needs it; it holds no state of the service."""

_EMPTY_SITE = ("sh", "-c", "find /site/*/ -mindepth 1 -delete")
_ONLY = """
import json, os, sys
kept = set(json.loads(sys.argv[1]))
for directory, _, names in os.walk("/site", topdown=False):
    for name in names:
        path = os.path.join(directory, name)
        if os.path.relpath(path, "/site") not in kept:
            os.remove(path)
"""
_HASHES = ("sh", "-c", "cd /site && find . -type f -exec sha256sum {} +")
_FLUSH = ("sync", "--file-system", "/site/models")
_EMPTY_BACKUP = (
    "sh",
    "-c",
    # the note of the off-site repository too: that one is emptied as well
    "cd /backup && rm -rf points/* incoming/* publishing/* verified/* leases/* deleting/* offsite*",
)
_LIST_BACKUP = ("sh", "-c", "ls -A /backup/points /backup/incoming")


@dataclass(frozen=True, slots=True)
class PartBaseline:
    """What a part was when the stack was new."""

    running: bool
    networks: tuple[str, ...]
    description: PartDescription


@dataclass(frozen=True, slots=True)
class Baseline:
    """A stack as it was when it was new.

    Attributes:
        parts: every part but the helper.
        files: the primary's files, path to SHA-256.
    """

    parts: Mapping[Part, PartBaseline]
    files: Mapping[str, str]


def take_baseline(target: Target) -> Baseline:
    """What *target* is now; taken once, when it is new and seeded."""
    return Baseline(_parts(target), _files(target, Part.PRIMARY_AGENT))


def make_clean(
    target: Target,
    client: ComfyClient,
    clock: Clock,
    assets: Assets,
    configuration: str,
    baseline: Baseline,
) -> None:
    """Put back whatever a drill changes; healing the faults came before this.

    Of the primary's files those stay that were there when the stack was new: some come from the
    image and are nowhere else.

    Raises:
        EnvironmentProblem: something cannot be put back.
    """
    if target.state(Part.DR_COLORIZATION).running:
        target.kill([Part.DR_COLORIZATION])
    # anew, not only stopped: its own file system and its memory of failed starts go too
    target.recreate(Part.DR_COLORIZATION)
    switch_gateway(target, client, Site.PRIMARY, clock)
    await_ready(target, client, clock, assets.workflows)
    _run(target, Part.DR_AGENT, _EMPTY_SITE)
    kept = json.dumps([name.removeprefix("./") for name in baseline.files])
    _run(target, Part.PRIMARY_AGENT, ("python3", "-c", _ONLY, kept))
    seed_primary(target, assets, configuration)
    # results are cached by the names of photos, which a later drill uses again
    client.forget_jobs()
    client.free_memory()
    _run(target, Part.BACKUP, _EMPTY_BACKUP)
    run_store(target, "empty")
    if buckets_made(target):
        empty_buckets(target)


def make_durable(target: Target) -> None:
    """Flush the primary's files: on a site that has stood for an hour they are on its disk."""
    _run(target, Part.PRIMARY_AGENT, _FLUSH)


def prove_clean(target: Target, baseline: Baseline) -> tuple[str, ...]:
    """Where *target* is not as it was; empty where it is."""
    problems = []
    for part, now in _parts(target).items():
        if now != baseline.parts[part]:
            problems.append(f"{part} is {now}, it was {baseline.parts[part]}")
    sick = ToxiproxyServer(target.endpoint(Part.TOXIPROXY, TOXIPROXY_PORT)).unhealthy_links()
    problems += [f"link {link} is not healthy" for link in sick]
    files = _files(target, Part.PRIMARY_AGENT)
    other = sorted(
        name
        for name in files.keys() | baseline.files.keys()
        if files.get(name) != baseline.files.get(name)
    )
    problems += [f"the primary's {name} is not as it was" for name in other]
    problems += [f"the DR site holds {name}" for name in sorted(_files(target, Part.DR_AGENT))]
    held = [line for line in _run(target, Part.BACKUP, _LIST_BACKUP).splitlines() if line]
    problems += [f"the backup server holds {name}" for name in held if not name.startswith("/")]
    problems += [
        f"the off-site store holds {each}" for each in run_store(target, "list").splitlines()
    ]
    if buckets_made(target):
        problems += [f"a bucket of points holds {each}" for each in held_in_buckets(target)]
    return tuple(problems)


def _parts(target: Target) -> dict[Part, PartBaseline]:
    found = {}
    for part in Part:
        if part not in LEFT_ALONE:
            state = target.state(part)
            found[part] = PartBaseline(
                state.running and not state.frozen, state.networks, target.description(part)
            )
    return found


def _files(target: Target, agent: Part) -> dict[str, str]:
    lines = _run(target, agent, _HASHES).splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _run(target: Target, part: Part, command: tuple[str, ...]) -> str:
    done = target.execute(part, command, timeout_s=COMMAND_LIMIT_S)
    if done.exit_code != 0:
        raise EnvironmentProblem(
            f"{part} could not be made clean: {done.stderr.strip() or done.exit_code}",
            "the stack is not used again",
        )
    return done.stdout
