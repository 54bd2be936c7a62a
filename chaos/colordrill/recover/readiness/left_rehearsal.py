"""A rehearsal that was killed: what it left is taken back, and nothing that is anybody else's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from colordrill.errors import EnvironmentProblem
from colordrill.recover.gateway import active_sites
from colordrill.recover.readiness.examined import READ_LIMIT_S
from colordrill.recover.readiness.rehearsal import TOKEN, end_rehearsal
from colordrill.stack.parts import Part, Site
from colordrill.stack.target import Target

NAMED_MAX = 5

# what a restore brings keeps its old time, its drafts (.name.Ab3dE9) have none of their own yet; an
# ending that is a word (.thumbs.sqlite) is hardly a draft's
_THEIRS = r"""
import json, os, re, sys
since, token = float(sys.argv[1]), sys.argv[2]
draft = re.compile(r"\..+\.(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6}")
found = []
for folder in (entry.path for entry in os.scandir("/site") if entry.is_dir()):
    for directory, folders, names in os.walk(folder):
        links = [each for each in folders if os.path.islink(os.path.join(directory, each))]
        for name in (*names, *links):
            path = os.path.join(directory, name)
            if draft.fullmatch(name) or (token and name.startswith(token)):
                continue
            try:
                written = os.lstat(path).st_mtime
            except FileNotFoundError:
                continue
            if written > since:
                found.append(os.path.relpath(path, "/site"))
print(json.dumps(sorted(found)))
"""


def end_left_rehearsal(target: Target, marker: Path, say: Callable[[str], None]) -> None:
    """End a rehearsal that was killed, unless the DR site has become the active one since.

    Raises:
        EnvironmentProblem: nobody can tell, somebody has written to the DR site since, or it cannot
            be ended; the marker stays.
    """
    if not marker.exists():
        return
    if Site.DR in active_sites(target):
        say("a rehearsal was killed here, but the DR site is the active one now: it is left alone")
        marker.unlink()
        return
    refuse_written_since(target, marker)
    say("ending a rehearsal that was killed")
    end_rehearsal(target, marker, say)


def refuse_written_since(target: Target, marker: Path) -> None:
    """See that nobody has written to the DR site since the rehearsal of *marker* was begun.

    Raises:
        EnvironmentProblem: somebody has, or nobody can tell.
    """
    named = marker.read_text(encoding="ascii", errors="replace")
    token = named if TOKEN.fullmatch(named) else ""
    command = ("python3", "-c", _THEIRS, repr(marker.stat().st_mtime), token)
    done = target.execute(Part.DR_AGENT, command, timeout_s=READ_LIMIT_S)
    try:
        if done.exit_code != 0:
            raise ValueError(done.stderr.strip() or f"exit code {done.exit_code}")
        found = [str(each) for each in json.loads(done.stdout)]
    except (ValueError, TypeError) as error:
        raise EnvironmentProblem(
            "a rehearsal was killed here, and whether the DR site holds anybody's files cannot be "
            f"seen: {error}",
            "see whether its agent runs and its volumes are there",
        ) from error
    if found:
        more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
        raise EnvironmentProblem(
            "a rehearsal was killed here, and the DR site was written to since: "
            f"{', '.join(found[:NAMED_MAX])}{more}",
            "save them, empty the site by hand",
        )
