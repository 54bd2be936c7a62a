"""The rehearsal: the DR site colours as the primary does, and nothing of it is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colordrill.outcome import Verdict
from colordrill.recover import emptying
from colordrill.recover.readiness.rehearsal import Rehearsal
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from colordrill.workload.workflows import BUILDING, PERSON
from fakes.ready_stack import ReadyStack, serving
from fakes.service import Reply
from unit.recover.readiness.conftest import assert_taken_back, checks_of, named

DR = Part.DR_COLORIZATION
RIGHT_TOO = b"right, other pixels"


def colours(stack: ReadyStack, site: str, picture: bytes) -> None:
    service = stack.dr if site == "dr" else stack.primary
    service.answer = serving(stack.folder / site, picture)


def files_of(stack: ReadyStack, site: str) -> list[Path]:
    return [path for path in (stack.folder / site).rglob("*") if path.is_file()]


def test_both_sites_colour_the_same_and_the_dr_site_stands_by_again(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    checks = checks_of(stack, rehearsal=rehearsal)

    assert named(checks, Verdict.PASS) == set(checks), checks
    assert checks["same_colour"].detail == "equal pixels at both sites"
    assert [call[0] for call in stack.target.calls] == ["start", "stop"]
    assert_taken_back(stack, rehearsal)


def test_other_pixels_within_the_bounds_are_right_and_are_told(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    colours(stack, "dr", RIGHT_TOO)

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.PASS
    assert "other pixels" in check.detail


@pytest.mark.parametrize("site", ["primary", "dr"])
def test_a_wrong_picture_at_either_site_fails(
    stack: ReadyStack, rehearsal: Rehearsal, site: str
) -> None:
    colours(stack, site, b"grey")

    checks = checks_of(stack, rehearsal=rehearsal)

    assert named(checks, Verdict.FAIL) == {"same_colour"}
    assert f"person at {site}: wrong: chroma SSIM 0.2" in checks["same_colour"].detail
    assert_taken_back(stack, rehearsal)


def test_a_job_that_ends_in_an_error_at_the_restored_site_fails(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    inner = stack.dr.answer

    def refuse(request: Any) -> Reply:
        return Reply(400, b"no such node") if request.path == "/prompt" else inner(request)

    stack.dr.answer = refuse

    checks = checks_of(stack, rehearsal=rehearsal)

    assert named(checks, Verdict.FAIL) == {"same_colour"}
    assert "person at dr: no picture" in checks["same_colour"].detail
    assert_taken_back(stack, rehearsal)


def test_a_golden_that_cannot_be_used_leaves_it_unknown(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    rehearsal.pictures = tuple(replace(each, golden=b"unusable") for each in rehearsal.pictures)

    assert checks_of(stack, rehearsal=rehearsal)["same_colour"].verdict is Verdict.UNKNOWN


def test_without_goldens_it_is_unknown_and_nothing_is_started(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    rehearsal.pictures = ()

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.UNKNOWN
    assert "golden capture" in check.detail
    assert stack.target.calls == []


def test_a_dead_primary_leaves_it_unknown_although_the_dr_site_is_right(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    stack.target.parts[Part.PRIMARY_COLORIZATION].running = False

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.UNKNOWN
    assert "person at primary" in check.detail
    assert_taken_back(stack, rehearsal)


def test_a_service_that_never_answers_fails_with_its_last_words(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    stack.dr.answer = lambda _request: Reply(500, b"loading")
    stack.target.parts[DR].printed = ["no space left"]
    stack.clock.pause_at_least(20.0)

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.FAIL
    assert "waited 180 s for the service of the DR site to answer" in check.detail
    assert "no space left" in check.detail
    assert_taken_back(stack, rehearsal)


def test_a_damaged_point_fails_it(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    stack.restore_fails = Executed(5, "", "1 restored files are not what the manifest says")

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.FAIL
    assert "not what the manifest says" in check.detail
    assert_taken_back(stack, rehearsal)


def test_a_link_that_breaks_during_the_restore_leaves_it_unknown(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    stack.restore_fails = Executed(1, "", "rsync from the backup server failed with exit code 12")

    assert checks_of(stack, rehearsal=rehearsal)["same_colour"].verdict is Verdict.UNKNOWN
    assert_taken_back(stack, rehearsal)


def test_a_dr_site_that_holds_data_is_not_rehearsed_with_and_keeps_them(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    kept = stack.folder / "dr" / "output" / "somebodys.png"
    kept.write_bytes(b"work")

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.UNKNOWN
    assert kept.read_bytes() == b"work"
    assert stack.target.calls == []


def test_a_dr_site_that_runs_is_left_running(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    stack.target.parts[DR].running = True

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.UNKNOWN
    assert "a site in use" in check.detail
    assert stack.target.state(DR).running


def test_a_dr_site_that_takes_no_point_fails_it(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    said = "this site cannot take it: Read-only file system (30)"
    stack.restore_fails = Executed(7, "", said)

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.FAIL
    assert said in check.detail
    assert_taken_back(stack, rehearsal)


def test_an_interruption_takes_the_rehearsal_back(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    def interrupt(_part: Part, _command: Any) -> Executed:
        raise KeyboardInterrupt

    stack.target.programs["colordrill-restore"] = interrupt

    with pytest.raises(KeyboardInterrupt):
        checks_of(stack, rehearsal=rehearsal)

    assert_taken_back(stack, rehearsal)


def test_of_the_primarys_pictures_nothing_is_left(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    inner, site = stack.primary.answer, stack.folder / "primary"

    def save(request: Any) -> Reply:
        reply = inner(request)
        if request.path == "/upload/image":
            name = request.body.split(b'filename="', 1)[1].split(b'"', 1)[0].decode()
            (site / "input" / name).write_bytes(b"a photo")
            (site / "output" / f"{name.removesuffix('.png')}_00001_.png").write_bytes(b"right")
        return reply

    stack.primary.answer = save
    before = files_of(stack, "primary")

    checks_of(stack, rehearsal=rehearsal)

    assert files_of(stack, "primary") == before
    deleted = [each for each in stack.primary.requests if b'"delete"' in each.body]
    assert len(deleted) == len(rehearsal.pictures)


def test_a_site_that_cannot_be_emptied_is_said_and_stays_marked(
    stack: ReadyStack, rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(part: Part, command: Any) -> Executed:
        if command[2] == emptying._EMPTY:
            return Executed(1, "", "Read-only file system")
        return stack.program(part, command)

    monkeypatch.setitem(stack.target.programs, "python3", refuse)

    check = checks_of(stack, rehearsal=rehearsal)["same_colour"]

    assert check.verdict is Verdict.UNKNOWN
    assert "cannot be emptied: Read-only file system" in check.detail
    assert rehearsal.marker.exists()


def test_every_kind_of_picture_that_is_wrong_is_named(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    colours(stack, "dr", b"grey")

    detail = checks_of(stack, rehearsal=rehearsal)["same_colour"].detail

    assert [kind for kind in (PERSON, BUILDING) if f"{kind} at dr" in detail] == [PERSON, BUILDING]
