"""A site's folders as the agent there sees them; it works as the files' owner."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import Executed, Target

HELD = ".colordrill-held"
"""What an original is called while something else is in its place; no program looks for it."""

READ_MAX_BYTES = 20_000_000
FILE_LIMIT_S = 8.0

PROGRAM = r"""
import base64, hashlib, json, os, sys
task, path, *rest = sys.argv[1:]
held = path + ".colordrill-held"
answer = None
if task == "read":
    if os.path.isfile(path):
        if os.path.getsize(path) > int(rest[0]):
            sys.exit(f"{path} is larger than {rest[0]} bytes")
        answer = base64.b64encode(open(path, "rb").read()).decode()
elif task == "end":
    if os.path.isfile(path):
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - int(rest[0])))
            answer = base64.b64encode(file.read()).decode()
elif task == "digest":
    if os.path.isfile(path):
        with open(path, "rb") as file:
            answer = hashlib.file_digest(file, "sha256").hexdigest()
elif task == "remove":
    if os.path.exists(path):
        os.remove(path)
elif task == "hold":
    if not os.path.exists(held):
        os.replace(path, held)
elif task == "release":
    if os.path.exists(held):
        os.replace(held, path)
    answer = os.path.exists(path)
elif task == "release-all":
    answer = []
    for folder, _, names in os.walk(path):
        for name in names:
            if name.endswith(".colordrill-held"):
                original = os.path.join(folder, name.removesuffix(".colordrill-held"))
                if os.path.exists(original):
                    os.remove(os.path.join(folder, name))
                else:
                    os.replace(os.path.join(folder, name), original)
                    answer.append(os.path.relpath(original, path))
elif task == "halve":
    size = os.path.getsize(held)
    with open(held, "rb") as whole, open(path, "wb") as half:
        half.write(whole.read(size // 2))
elif task == "write":
    with open(path, "w") as file:
        file.write("a probe\n")
    os.remove(path)
    answer = True
else:
    sys.exit(f"unknown task {task}")
print(json.dumps(answer))
"""


@dataclass(frozen=True, slots=True)
class SiteData:
    """The folders of a site, through its agent. Paths are relative: ``output/a.png``.

    All methods raise EnvironmentProblem when the agent cannot do it.

    Attributes:
        target: the stack.
        agent: the agent at the site.
    """

    target: Target
    agent: Part

    def read(self, path: str) -> bytes | None:
        """The content, at most 20 MB; None where there is no such file."""
        return _bytes(self._do("read", path, str(READ_MAX_BYTES)))

    def end_of(self, path: str, length: int) -> bytes | None:
        """The last *length* bytes; None where there is no such file."""
        return _bytes(self._do("end", path, str(length)))

    def digest(self, path: str) -> str | None:
        """SHA-256 of the content; None where there is no such file."""
        found = self._do("digest", path)
        return None if found is None else str(found)

    def write(self, path: str, content: bytes) -> None:
        """Write it, its owner being the service's user."""
        folder, _, name = path.partition("/")
        self.target.put_files(self.agent, SiteFolder(folder), {name: content})

    def remove(self, path: str) -> None:
        """Remove it; an absent one is left alone."""
        self._do("remove", path)

    def hold(self, path: str) -> None:
        """Take the original aside, where nobody looks for it; one held already is left alone."""
        self._do("hold", path)

    def halve(self, path: str) -> None:
        """Put the first half of the held original in its place."""
        self._do("halve", path)

    def release(self, path: str) -> bool:
        """Put a held original back over whatever is in its place; whether a file is there now."""
        return bool(self._do("release", path))

    def release_all(self, folder: str) -> list[str]:
        """Put every held original in *folder* back where nothing is in its place; their paths."""
        return [str(each) for each in self._do("release-all", folder)]

    def refusal(self, folder: str) -> str | None:
        """What the system says to an attempt to write into *folder*; None when it can be done."""
        done = self._run("write", f"{folder}/.colordrill-probe")
        if done.exit_code == 0:
            return None
        return (done.stderr.strip().splitlines() or [f"exit {done.exit_code}"])[-1]

    def _do(self, task: str, path: str, *words: str) -> Any:
        done = self._run(task, path, *words)
        if done.exit_code != 0:
            said = (done.stderr.strip().splitlines() or [f"exit {done.exit_code}"])[-1]
            raise EnvironmentProblem(f"{self.agent} cannot {task} {path}: {said}")
        return json.loads(done.stdout)

    def _run(self, task: str, path: str, *words: str) -> Executed:
        command = ("python3", "-c", PROGRAM, task, f"/site/{path}", *words)
        return self.target.execute(self.agent, command, timeout_s=FILE_LIMIT_S)


def seen_by_host(target: Target, agent: Part, folder: str) -> str:
    """Where the privileged helper sees a *folder* of the site: through the agent's process."""
    return str(Path("/proc", str(target.pid(agent)), "root", "site", folder))


def _bytes(encoded: Any) -> bytes | None:
    return None if encoded is None else base64.b64decode(encoded)
