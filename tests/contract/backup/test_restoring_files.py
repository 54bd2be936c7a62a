"""`colordrill backup restore` on a stack that `colordrill up` left, as a user types it."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colordrill.clock import SystemClock, poll
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.errors import ExitCode
from colordrill.stack.parts import Part
from drills.conftest import Ended, finish, start_colordrill

pytestmark = [pytest.mark.docker, pytest.mark.nightly]

AGENT = Part.PRIMARY_AGENT
LIMIT_S = 60.0
# the program itself: what holds its lock names that lock, and `timeout` the bare program
AT_WORK = ["sh", "-c", "grep -lz bin/colordrill-[r]epair /proc/[0-9]*/cmdline"]


@pytest.fixture(scope="module")
def standing(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttachedStack]:
    """A stack of this module's own: it has a state directory of its own."""
    assert engine.ping()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.chdir(tmp_path_factory.mktemp("work"))
        try:
            up = finish(start_colordrill("up"))
            assert up.exit_code == 0, up.stderr
            with attached_stack(None) as held:
                yield held
        finally:
            down = finish(start_colordrill("down"))
    assert "1 removed" in down.stdout


def backup(*words: str) -> Ended:
    return finish(start_colordrill("backup", *words))


def told(*words: str) -> Any:
    ended = backup(*words, "--json")
    assert ended.exit_code == 0, ended.stderr
    return json.loads(ended.stdout)


def at_primary(standing: AttachedStack, *command: str) -> str:
    done = standing.target.execute(AGENT, command)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def file_of(standing: AttachedStack, folder: str) -> str:
    """A file of a site's folder, by path relative to the site."""
    return at_primary(standing, "find", f"/site/{folder}", "-type", "f").split()[0][6:]


def sha256(standing: AttachedStack, name: str) -> str:
    return at_primary(standing, "sha256sum", f"/site/{name}").split()[0]


def spoil(standing: AttachedStack, name: str) -> None:
    at_primary(standing, "sh", "-c", f"printf spoiled > /site/{name}")


def test_a_bad_workflow_that_was_backed_up_is_undone_and_the_site_is_judged(
    standing: AttachedStack,
) -> None:
    name = file_of(standing, "workflows")
    good, before = sha256(standing, name), told("now")["point"]
    spoil(standing, name)
    bad = told("now")["point"]
    told("now")

    would = told("restore", name, "--undo", "--dry-run")
    still_bad = sha256(standing, name)
    done = told("restore", name, "--undo")

    assert still_bad != good
    assert would["brought"] == [name]
    assert (done["point"], done["same_since"]) == (before, {name: bad})
    assert sha256(standing, name) == good
    assert done["verdict"] == "pass"
    assert "are right" in done["canaries"]
    assert list(Path(done["record"]).glob("images/*"))


def test_weights_that_are_wrong_are_told_though_the_files_came(standing: AttachedStack) -> None:
    """A network of random weights is what a point holds whose checkpoint was cut off."""
    name = file_of(standing, "models")
    good = sha256(standing, name)
    told("now")
    at_primary(standing, "truncate", "--size=1000", f"/site/{name}")
    cut = told("now")["point"]
    told("restore", name, "--undo")
    assert sha256(standing, name) == good

    ended = backup("restore", name, "--point", cut)
    repaired = backup("restore", name, "--undo")

    assert ended.exit_code == ExitCode.FAIL, ended.stdout
    assert "canaries: " in ended.stdout
    assert repaired.exit_code == 0
    assert sha256(standing, name) == good


def test_a_service_that_does_not_run_is_exit_code_3_and_the_file_is_back(
    standing: AttachedStack,
) -> None:
    name = file_of(standing, "workflows")
    good = sha256(standing, name)
    told("now")
    spoil(standing, name)
    standing.target.stop(Part.PRIMARY_COLORIZATION)
    try:
        ended = backup("restore", name)
    finally:
        standing.target.start(Part.PRIMARY_COLORIZATION)

    assert ended.exit_code == ExitCode.UNKNOWN
    assert sha256(standing, name) == good


def test_a_drawn_point_is_laid_out_whole(standing: AttachedStack, tmp_path: Path) -> None:
    done = told("restore", "--random", "--seed", "3", "--into", str(tmp_path / "out"))

    point = f"/backup/points/{done['point']}/MANIFEST.json"
    manifest = json.loads(standing.target.execute(Part.BACKUP, ["cat", point]).stdout)
    laid_out = {
        name: hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest()
        for name in done["brought"]
    }
    assert laid_out == {name: each["sha256"] for name, each in manifest["files"].items()}


def test_a_damaged_point_is_passed_over_and_leaves_nothing_of_it(
    standing: AttachedStack, tmp_path: Path
) -> None:
    name = file_of(standing, "workflows")
    sound, rotten = told("now")["point"], told("now")["point"]
    place = f"/backup/points/{rotten}/{name}"
    rot = f"cp {place} {place}.new && echo x >> {place}.new && mv {place}.new {place}"
    assert standing.target.execute(Part.BACKUP, ["sh", "-c", rot]).exit_code == 0

    done = told("restore", "workflows", "--into", str(tmp_path / "out"))

    assert done["point"] == sound
    assert [each.split(":")[0] for each in done["passed_over"]] == [rotten]
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    named = backup("restore", name, "--point", rotten, "--into", str(tmp_path / "none"))
    assert named.exit_code == ExitCode.ENVIRONMENT
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    told("now")


def test_a_backup_server_that_is_down_is_exit_code_4(standing: AttachedStack) -> None:
    standing.target.stop(Part.BACKUP)
    try:
        ended = backup("restore", "workflows")
    finally:
        standing.target.start(Part.BACKUP)

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert "next step" in ended.stderr


def test_two_restores_at_once_are_one_and_one_that_is_interrupted_leaves_whole_files(
    standing: AttachedStack,
) -> None:
    name = file_of(standing, "workflows")
    good = sha256(standing, name)
    told("now")
    spoil(standing, name)
    # holds whoever comes first where it is, as a long copy would
    hold = "import fcntl, time; f = open('/tmp/colordrill-restore.lock', 'a'); "
    hold += "fcntl.flock(f, fcntl.LOCK_EX); open('/tmp/held', 'w'); time.sleep(600)"
    at_primary(standing, "sh", "-c", f'python3 -c "{hold}" > /dev/null 2>&1 & echo $! > /tmp/pid')
    at_primary(standing, "sh", "-c", "until [ -e /tmp/held ]; do sleep 0.1; done")
    first = start_colordrill("backup", "restore", name, "--no-canaries")
    poll(
        SystemClock(),
        lambda: True if standing.target.execute(AGENT, AT_WORK).exit_code == 0 else None,
        awaited="the first restore to be at work in the agent",
        timeout_s=LIMIT_S,
    )

    second = backup("restore", name, "--no-canaries")
    first.send_signal(signal.SIGINT)
    ended = finish(first)
    at_primary(standing, "sh", "-c", "kill $(cat /tmp/pid)")
    third = backup("restore", name, "--no-canaries")

    assert second.exit_code == ExitCode.ENVIRONMENT
    assert "another `colordrill backup restore` is at work" in second.stderr
    assert ended.exit_code == ExitCode.INTERRUPTED
    assert third.exit_code == 0
    assert sha256(standing, name) == good
