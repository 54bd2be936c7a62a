"""A compose project that stands: one of its parts created, or created anew and differently."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colordrill.errors import EnvironmentProblem
from colordrill.stack.inspection import folder_of
from colordrill.stack.ownership import BUNDLED_OWNER, Owner, parse_owner
from colordrill.stack.parts import Part
from colordrill.stack.service_overlay import literal
from colordrill.stack.target import PartChanges

LIMIT_S = 200.0
"""Beyond the limit that the command sets itself: it is for a `timeout` that hangs, too."""

LAST_LINES = 5
VOLUMES = "volumes"
REMEMBERED = "compose.json"


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """How the stack was brought up, so that a part of it can be created again the same way.

    Attributes:
        command: the bounded compose command, as one text; with its environment file.
        files: the compose files, in order.
        name: the project's.
        directory: the run's own; overlays of parts go there.
        owner: whom a site's files belong to.
    """

    command: str
    files: tuple[str, ...]
    name: str
    directory: Path
    owner: Owner = BUNDLED_OWNER

    def remember(self) -> None:
        """Write down in the run's directory how the stack was brought up, for a later process."""
        told = {"command": self.command, "files": list(self.files), "owner": str(self.owner)}
        path = self.directory / REMEMBERED
        path.touch(mode=0o600)
        path.write_text(json.dumps(told), encoding="utf-8")

    def create(self, part: Part) -> None:
        """Create *part* where it is missing; it is not started.

        Raises:
            EnvironmentProblem: compose could not; says what it printed.
        """
        self._compose(["create", part], f"create {part}")

    def recreate(self, part: Part, changes: PartChanges | None, *, start: bool) -> None:
        """Create *part* anew from the compose files, with *changes*; named volumes stay.

        Raises:
            EnvironmentProblem: compose could not; says what it printed.
        """
        files = () if changes is None else (str(self._overlay(part, changes)),)
        how = "--detach" if start else "--no-start"
        # no pull: what is not here was not prepared, and a drill never waits for a registry
        options = ["--no-deps", "--force-recreate", "--pull", "never"]
        self._compose(["up", how, *options, part], f"create {part} anew", files)

    def _overlay(self, part: Part, changes: PartChanges) -> Path:
        described: list[Mapping[str, Any]] = []
        if changes.mounts or changes.read_only:
            doing = f"read the description of {part}"
            described = self._described(part, doing).get(VOLUMES) or []
        path = self.directory / f"part-{part}.yaml"
        path.touch(mode=0o600)
        path.write_text(overlay_text(part, changes, described), encoding="utf-8")
        return path

    def _described(self, part: Part, doing: str) -> dict[str, Any]:
        """The service as compose reads it from its files."""
        said = self._compose(["config", "--format", "json", part], doing)
        try:
            service: dict[str, Any] = json.loads(said)["services"][str(part)]
        except (ValueError, LookupError, TypeError) as error:
            raise EnvironmentProblem(
                f"cannot {doing}: compose printed {said[:200]!r}", "see `docker compose version`"
            ) from error
        return service

    def _compose(self, arguments: Sequence[str], doing: str, overlays: Iterable[str] = ()) -> str:
        words = [*shlex.split(self.command), "--project-name", self.name]
        words += [word for file in (*self.files, *overlays) for word in ("--file", file)]
        # every part may be asked for, also one that stands by
        words += ["--profile", "standby", *arguments]
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, check=False, timeout=LIMIT_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentProblem(
                f"cannot {doing}: compose did not end: {error}", "see `colordrill doctor`"
            ) from error
        if done.returncode != 0:
            said = "\n".join(done.stderr.strip().splitlines()[-LAST_LINES:])
            raise EnvironmentProblem(
                f"cannot {doing}: compose ended with {done.returncode}: {said}",
                "see `colordrill doctor`; the lines above are compose's own",
            )
        return done.stdout


def remembered(name: str, directory: Path) -> ComposeProject | None:
    """The project *name* as its run's *directory* remembers it; None where it does not."""
    try:
        told = json.loads((directory / REMEMBERED).read_text(encoding="utf-8"))
        owner = parse_owner(told["owner"], "")
        return ComposeProject(str(told["command"]), tuple(told["files"]), name, directory, owner)
    except (
        *(OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError),
        EnvironmentProblem,
    ):
        return None


def overlay_text(part: Part, changes: PartChanges, described: Sequence[Mapping[str, Any]]) -> str:
    """The compose file that, laid over the others, makes *part* differ by *changes*.

    It is JSON but for one tag of compose: mounts replace the described ones, because a list that is
    merged could not take a mount away. Nothing in *changes* is taken for a variable.

    Args:
        part: what is changed.
        changes: how.
        described: the part's mounts as compose resolved them (its long form); read only where
            *changes* are about mounts.

    Raises:
        EnvironmentProblem: a folder is to be changed that *part* does not mount.
    """
    changed: dict[str, Any] = {}
    # first, so that no variable of that name is taken for it below
    if changes.mounts or changes.read_only:
        changed[VOLUMES] = _mounts(part, changes, described)
    if changes.image is not None:
        changed["image"] = literal(changes.image)
    if changes.restart is not None:
        changed["restart"] = literal(changes.restart)
    if changes.entrypoint:
        changed["entrypoint"] = [literal(each) for each in changes.entrypoint]
    if changes.environment:
        changed["environment"] = {
            name: literal(value) for name, value in changes.environment.items()
        }
    text = json.dumps({"services": {str(part): changed}})
    if VOLUMES not in changed:
        return text
    return text.replace(f'"{VOLUMES}": ', f'"{VOLUMES}": !override ', 1)


def _mounts(
    part: Part, changes: PartChanges, described: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    missing = {*changes.mounts, *changes.read_only}
    mounts = []
    for each in described:
        mount = dict(each)
        folder = folder_of(str(mount.get("source", "")), part)
        if folder is not None:
            missing.discard(folder)
            if folder in changes.mounts:
                mount["target"] = literal(changes.mounts[folder])
            if folder in changes.read_only:
                mount["read_only"] = True
        mounts.append(mount)
    if missing:
        raise EnvironmentProblem(
            f"{part} does not mount {', '.join(sorted(missing))}",
            "name folders of its site that it mounts",
        )
    return mounts
