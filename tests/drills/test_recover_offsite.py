"""The real `colordrill recover` where the backup server is no help: from off site, also killed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colordrill.backup.restic import ResticStrategy
from colordrill.clock import SystemClock, poll
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.incident_world import public_client
from colordrill.recover.gateway import active_sites
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part, Site
from drills.conftest import Ended, finish, start_colordrill

pytestmark = [pytest.mark.drill, pytest.mark.nightly]

PRIMARY, DR = Part.PRIMARY_COLORIZATION, Part.DR_COLORIZATION
REACHED_LIMIT_S = 120.0
LARGE = "output/large.png"
LARGE_BYTES = 200_000_000
DAMAGE = "for each in /backup/points/*/models/ddcolor/*; do printf X >> $each; done"
HOLDS_STAGED = "find /site -path '*/.colordrill-restore/*' -type f -size +1k | grep -q ."
# the agent as it is when its host loses power: nothing of the restore goes on
KILL_PROGRAMS = """
import os, pathlib, signal
for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    words = each.read_bytes().split(b"\\0")
    if words[0] == b"restic" or b"/usr/local/bin/colordrill-offsite" in words:
        os.kill(int(each.parent.name), signal.SIGKILL)
"""


@dataclass(frozen=True, slots=True)
class Loss:
    """A stack that has lost its primary; what the backup server keeps is damaged, or it is gone."""

    stack: AttachedStack
    public: ComfyClient
    out: Path
    copy: str

    def recover(self, *arguments: str) -> Ended:
        return finish(self.start(*arguments))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        words = ["--stack", self.stack.run_id, "--out", str(self.out), "--json", *arguments]
        return start_colordrill("recover", *words)

    def at_dr(self, *command: str) -> int:
        return self.stack.target.execute(Part.DR_AGENT, command).exit_code

    def expect_one_healthy_site(self) -> None:
        target = self.stack.target
        assert active_sites(target) == {Site.DR}
        assert (target.state(PRIMARY).running, target.state(DR).running) == (False, True)
        assert self.at_dr("test", "-f", f"/site/{LARGE}") == 0
        assert self.at_dr("sh", "-c", f"! {HOLDS_STAGED}") == 0
        seen = finish(start_colordrill("golden", "verify", "--url", self.public.base_url))
        assert seen.exit_code == 0, seen


@pytest.fixture
def loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loss]:
    """A stack of its own, in a state directory of its own, with one copy off site."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    up = finish(start_colordrill("up"))
    assert up.exit_code == 0, up
    run_id = up.stdout.split("project: colordrill-")[1].split()[0]
    try:
        with attached_stack(run_id, "test") as stack, public_client(stack) as public:
            fill = ["sh", "-c", f"head -c {LARGE_BYTES} /dev/urandom > /site/{LARGE}"]
            assert stack.target.execute(Part.PRIMARY_AGENT, fill).exit_code == 0
        copied = finish(start_colordrill("backup", "now", "--offsite-every", "1"))
        assert copied.exit_code == 0, copied
        with attached_stack(run_id, "test") as stack, public_client(stack) as public:
            (copy,) = ResticStrategy(stack.target).listed()
            yield Loss(stack, public, tmp_path / "runs", copy.id)
    finally:
        down = finish(start_colordrill("down"))
    assert down.exit_code == 0, down


def mounted(ended: Ended) -> dict[str, Any]:
    """The step that restores, of a start that went to its end."""
    assert ended.exit_code == 0, ended
    steps: list[dict[str, Any]] = json.loads(ended.stdout)["steps"]
    return next(each for each in steps if each["name"] == "mount")


def test_with_every_point_damaged_the_copy_is_restored_also_after_a_kill_in_mid_restore(
    loss: Loss,
) -> None:
    target = loss.stack.target
    assert target.execute(Part.BACKUP, ["sh", "-c", DAMAGE]).exit_code == 0
    target.kill([PRIMARY])
    process = loss.start()
    poll(
        SystemClock(),
        lambda: True if loss.at_dr("sh", "-c", HOLDS_STAGED) == 0 else None,
        awaited="the restore from off site",
        timeout_s=REACHED_LIMIT_S,
        every_s=0.05,
    )
    process.kill()
    finish(process)
    assert loss.at_dr("python3", "-c", KILL_PROGRAMS) == 0
    assert loss.at_dr("test", "-e", f"/site/{LARGE}") == 1

    ended = loss.recover()

    assert f"recovery point {loss.copy} from off site (restic)" in mounted(ended)["detail"]
    told = json.loads(ended.stdout)
    assert (told["point"], told["point_kept_by"], told["resumed"]) == (loss.copy, "restic", True)
    loss.expect_one_healthy_site()
    assert json.loads(loss.recover().stdout)["outcome"] == "nothing to do"


def test_without_a_backup_server_a_dry_run_names_the_copy_and_the_recovery_takes_it(
    loss: Loss,
) -> None:
    loss.stack.target.kill([PRIMARY, Part.BACKUP])

    planned = json.loads(loss.recover("--dry-run").stdout)
    ended = loss.recover()

    assert (planned["point"], planned["point_kept_by"]) == (loss.copy, "restic")
    assert "passed over rsync" in mounted(ended)["detail"]
    loss.expect_one_healthy_site()
