"""A site's agent that pushes by a real git, into a repository on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fakes.points_on_disk import PROGRAMS, Ended

PROGRAM = "colordrill-push-configuration"
FILES = {"workflows/人物.json": "{}", "workflows/old.json": "{}", "config/stack.env": "A=1\n"}
LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class PushingAgent:
    """A site's agent and its Git server: git goes to a folder instead of the network."""

    root: Path
    environment: dict[str, str]

    @property
    def clone(self) -> Path:
        return self.root / "agent/configuration"

    @property
    def server(self) -> Path:
        return self.root / "site.git"

    def put(self, name: str, content: str) -> None:
        path = self.root / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def push(self, message: str, **changes: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-B", str(PROGRAMS / PROGRAM), message],
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * LIMIT_S,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def pushed(self, message: str) -> str:
        """The commit that a push printed, which must be the one that the server has."""
        ended = self.push(message)
        assert (ended.exit_code, ended.stderr) == (0, "")
        assert ended.stdout == self.git("rev-parse", "main").strip()
        return ended.stdout

    def make_server(self) -> None:
        """An empty repository, in the place of whatever there was."""
        shutil.rmtree(self.server, ignore_errors=True)
        folder, branch = str(self.server), "--initial-branch=main"
        self.git("init", "--quiet", "--bare", branch, folder, folder=self.root)

    def git(self, *words: str, folder: Path | None = None) -> str:
        """What git prints in *folder*, else at the server."""
        return subprocess.run(
            ["git", "-C", str(folder or self.server), "-c", "core.quotePath=false", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT_S,
        ).stdout

    def found(self) -> dict[str, str]:
        """What a clone of the server's repository would get."""
        names = self.git("ls-tree", "-r", "--name-only", "main").splitlines()
        return {name: self.git("show", f"main:{name}") for name in names}

    def history(self) -> list[str]:
        """The messages on the server, oldest first, along a line without merges."""
        assert self.git("rev-list", "--min-parents=2", "main") == ""
        assert self.git("rev-list", "--max-parents=0", "--count", "main") == "1\n"
        return self.git("log", "--reverse", "--format=%s", "main").splitlines()

    def hook(self, name: str, script: str) -> Path:
        path = self.server / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
        return path


def pushing_agent(root: Path) -> PushingAgent:
    """An agent whose site (`FILES`) was never pushed, and a server that has no commit."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "SITE_ROOT": str(root / "site"),
        "TMPDIR": str(root / "agent"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_SERVER": "server:9418",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{root}/site.git.insteadOf",
        "GIT_CONFIG_VALUE_0": "git://server:9418/site.git",
    }
    (root / "agent").mkdir()
    agent = PushingAgent(root, environment)
    agent.make_server()
    for name, content in FILES.items():
        agent.put(name, content)
    return agent
