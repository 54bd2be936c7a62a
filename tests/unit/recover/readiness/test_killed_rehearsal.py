"""What a killed rehearsal left is taken back later, unless the DR site is somebody's by then."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.recover.readiness.left_rehearsal import end_left_rehearsal
from colordrill.recover.readiness.rehearsal import Rehearsal
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.ready_stack import POINT, ReadyStack
from unit.recover.readiness.conftest import assert_taken_back

DR = Part.DR_COLORIZATION


def marked(rehearsal: Rehearsal, stack: ReadyStack) -> Path:
    """A rehearsal that was killed: the DR site runs, restored."""
    rehearsal.marker.write_text("rehearsal-0123abcd")
    stack.target.parts[DR].running = True
    left = stack.folder / "dr" / "output" / "a.png"
    left.write_bytes(b"a picture")
    # a restore brings files with the time at which they were written at the primary
    os.utime(left, (0.0, 0.0))
    return left


def test_a_killed_rehearsal_is_ended_later(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    marked(rehearsal, stack)

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert_taken_back(stack, rehearsal)


def test_a_site_that_became_the_active_one_after_a_killed_rehearsal_is_left_alone(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    left = marked(rehearsal, stack)
    stack.gateway = stack.gateway.replace("dr - 0 5", "dr 172.18.0.4 2 4")

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert stack.target.state(DR).running
    assert left.exists()
    assert not rehearsal.marker.exists()


@pytest.mark.parametrize("said", ["", "Unknown command", "# srv_name\ndr\n", "3 sites 2 dr - 0 4"])
def test_where_the_gateway_does_not_say_who_is_active_nothing_is_emptied(
    stack: ReadyStack, rehearsal: Rehearsal, said: str
) -> None:
    left = marked(rehearsal, stack)
    stack.gateway = said

    with pytest.raises(EnvironmentProblem, match="does not say which sites are active"):
        end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert left.exists()
    assert rehearsal.marker.exists()


def test_where_nothing_was_left_nobody_is_asked(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    stack.target.broken["execute"] = EnvironmentProblem("nobody shall ask")

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert stack.said == []


@pytest.mark.parametrize(
    ("words", "ended"),
    [
        (["/usr/bin/python3", "/usr/local/bin/colordrill-restore", POINT], True),
        (["rsync", "--archive", "rsync://agent@backup:8730/backup/", "/site/"], True),
        (["rsync", "--archive", "/site/", "rsync://agent@backup:8730/backup/incoming/x/"], False),
        (["/usr/bin/python3", "/usr/local/bin/colordrill-offsite", "restore", POINT], True),
        (["/usr/bin/python3", "/usr/local/bin/colordrill-offsite", "read", POINT, "a"], False),
        (["restic", "--no-cache", "restore", "0a:/input", "--target=/site/input/x"], True),
        (["sleep", "infinity"], False),
        (["cat", "/site/output/", "colordrill-restore"], False),
    ],
)
def test_a_restore_that_goes_on_is_ended_before_its_files_go(
    stack: ReadyStack, rehearsal: Rehearsal, words: list[str], ended: bool
) -> None:
    marked(rehearsal, stack)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        entry = stack.folder / "proc" / str(process.pid)
        entry.mkdir()
        told = "".join(f"{word}\0" for word in words).replace("/site/", f"{stack.folder}/dr/")
        (entry / "cmdline").write_bytes(told.encode())

        def disappear() -> None:
            process.wait()
            shutil.rmtree(entry)

        gone = threading.Thread(target=disappear)
        gone.start()
        end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)
        still_there = process.poll() is None
        process.kill()
        gone.join()

    assert still_there is not ended
    assert_taken_back(stack, rehearsal)


@pytest.mark.parametrize(
    "name", ["theirs.png", ".theirs.png", ".thumbs.sqlite", "rehearsal-76543210-a.png"]
)
def test_a_dr_site_that_somebody_wrote_to_after_a_killed_rehearsal_is_not_emptied(
    stack: ReadyStack, rehearsal: Rehearsal, name: str
) -> None:
    left = marked(rehearsal, stack)
    theirs = left.with_name(name)
    theirs.touch()
    os.utime(theirs, (2e9, 2e9))

    with pytest.raises(EnvironmentProblem, match=f"written to since: output/{name}") as caught:
        end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert "save them, empty the site by hand" in caught.value.next_step
    assert left.exists()
    assert theirs.exists()
    assert rehearsal.marker.exists()


def test_of_many_files_of_somebodys_five_are_named(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    left = marked(rehearsal, stack)
    for number in range(7):
        theirs = left.with_name(f"{number}.png")
        theirs.touch()
        os.utime(theirs, (2e9, 2e9))

    with pytest.raises(EnvironmentProblem, match=r"output/4\.png and 2 more"):
        end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)


@pytest.mark.parametrize("name", ["rehearsal-0123abcd-person_00001_.png", ".a.png.Ab3dE9"])
def test_what_a_killed_rehearsal_itself_wrote_is_no_reason_to_leave_the_site(
    stack: ReadyStack, rehearsal: Rehearsal, name: str
) -> None:
    own = marked(rehearsal, stack).with_name(name)
    own.touch()
    os.utime(own, (2e9, 2e9))

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert_taken_back(stack, rehearsal)


@pytest.mark.parametrize(("code", "printed"), [(1, ""), (0, ""), (0, "7")])
def test_where_nobody_can_tell_whose_the_site_is_nothing_is_emptied(
    stack: ReadyStack, rehearsal: Rehearsal, code: int, printed: str
) -> None:
    left = marked(rehearsal, stack)
    stack.target.programs["python3"] = lambda _part, _command: Executed(code, printed, "")

    with pytest.raises(EnvironmentProblem, match="cannot be seen"):
        end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert left.exists()
    assert rehearsal.marker.exists()


def test_a_killed_rehearsals_pictures_at_the_primary_go_too_and_no_others(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    marked(rehearsal, stack)
    output = stack.folder / "primary" / "output"
    (output / "rehearsal-0123abcd-person_00001_.png").touch()
    (output / "rehearsal-of-the-choir.png").touch()

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    left = {path.name for path in output.iterdir()}
    assert left == {"a.png", "rehearsal-of-the-choir.png"}


@pytest.mark.parametrize("content", ["", "*", "rehearsal-*", "../a", "rehearsal-0123abcd\n"])
def test_a_marker_that_names_no_rehearsal_removes_nothing_at_the_primary(
    stack: ReadyStack, rehearsal: Rehearsal, content: str
) -> None:
    marked(rehearsal, stack)
    rehearsal.marker.write_text(content)
    before = sorted((stack.folder / "primary").rglob("*"))

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert sorted((stack.folder / "primary").rglob("*")) == before
    assert_taken_back(stack, rehearsal)
