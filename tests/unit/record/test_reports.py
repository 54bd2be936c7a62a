from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from colordrill.errors import RecordProblem
from colordrill.history import Event, EventType
from colordrill.outcome import Actuals, Check, Counts, Outcome, Verdict
from colordrill.record import write as write_module
from colordrill.record.html import render_html
from colordrill.record.journal import RunDirectory
from colordrill.record.junit import render_junit
from colordrill.record.markdown import render_markdown
from colordrill.record.write import write_all

Build = Callable[..., dict[str, Any]]
NOTHING = Outcome((), Actuals(), Counts())
HOSTILE = "<script>alert(1)</script>\"'|`\x1b[31m\x00\n# pwned"


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())

    def with_class(self, wanted: str) -> list[dict[str, str | None]]:
        return [each for _, each in self.tags if wanted in str(each.get("class")).split()]


def hostile_record(build_drill: Build) -> dict[str, Any]:
    checks = (
        Check(HOSTILE, Verdict.FAIL, HOSTILE, HOSTILE, HOSTILE),
        Check(HOSTILE, Verdict.UNKNOWN, None, None, HOSTILE),
        Check(HOSTILE, Verdict.PASS, HOSTILE, HOSTILE, HOSTILE),
    )
    record = build_drill(outcome=replace(NOTHING, checks=checks))
    for key in ("id", "scenario", "profile", "command"):
        record["drill"][key] = HOSTILE
    record["environment"]["host"] = {HOSTILE: HOSTILE}
    record["environment"]["images"] = {HOSTILE: HOSTILE}
    for key in ("participants", "problems", "improvements"):
        record[key] = [HOSTILE]
    record["faults"][0] |= {"name": HOSTILE, "target": HOSTILE}
    record["faults"][0]["evidence"][0]["detail"] = HOSTILE
    record["steps"][0] |= {"name": HOSTILE, "detail": HOSTILE}
    record["measurements"] = {HOSTILE: 1.0}
    return record


@pytest.fixture
def page(record: dict[str, Any], events: list[Event], run: RunDirectory) -> Page:
    return Page(render_html(record, events, run.path))


def test_the_page_says_the_verdict_and_the_figures(page: Page) -> None:
    for text in ("pass", "host_power_loss", "13.6 s", "1.20 s", "0.9988", "objective 60 s"):
        assert text in page.text
    assert "of record 1800 s" in page.text


def test_the_timeline_has_a_dot_for_every_canary(page: Page, events: list[Event]) -> None:
    canaries = [e for e in events if e.kind == "canary" and e.type is EventType.INVOKE]
    groups = [each for tag, each in page.tags if tag == "g"]
    dots = [each for each in groups if str(each.get("class")).startswith("canary ")]
    assert len(dots) == len(canaries) > 20
    states = {str(each["class"]).removeprefix("canary ") for each in dots}
    assert states == {"correct", "unanswered", "unknown"}


def test_the_timeline_marks_fault_detection_recovery_steps_and_points(page: Page) -> None:
    groups = [str(each.get("class")) for tag, each in page.tags if tag == "g"]
    for mark in ("mark fault", "mark detected", "mark recovered"):
        assert groups.count(mark) == 1
    assert groups.count("step ok") == 5
    assert groups.count("point ok") == 3
    assert groups.count("point restored") == 1
    assert groups.count("point fail") == 1
    assert groups.count("runbook correct") == 2
    for label in ("detected +2.11 s", "recovered +13.6 s", "mount 2.53 s", "restored"):
        assert label in page.text


def test_everything_drawn_lies_within_the_picture(page: Page) -> None:
    (view,) = [each for _, each in page.tags if each.get("class") == "timeline"]
    width, height = map(float, str(view["viewbox"]).split()[2:])
    for _, attributes in page.tags:
        for key, limit in (("cx", width), ("cy", height), ("x1", width), ("y2", height)):
            if attributes.get(key):
                assert 0 <= float(str(attributes[key])) <= limit


def test_the_page_stands_alone(page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe"}
        assert str(attributes.get("src", "data:")).startswith("data:")
        assert "href" not in attributes


def test_pictures_of_both_sides_of_the_fault_are_shown(page: Page) -> None:
    shown = [str(each["alt"]) for tag, each in page.tags if tag == "img"]
    for column in ("input", "golden", "output", "difference"):
        assert any(each.startswith(column) and "before the fault" in each for each in shown)
        assert any(each.startswith(column) and "after recovery" in each for each in shown)


def test_the_same_photos_are_shown_before_and_after(page: Page) -> None:
    shown = [str(each["alt"]) for tag, each in page.tags if tag == "img"]
    sides = [
        {each.split(",")[0] for each in shown if side in each}
        for side in ("before the fault", "after recovery")
    ]
    assert sides[0] == sides[1] != set()


@pytest.mark.parametrize("content", [None, b"", b"not a picture", b"\x89PNG\r\n\x1a\n12345"])
def test_pictures_that_cannot_be_shown_are_named_instead(
    record: dict[str, Any], events: list[Event], run: RunDirectory, content: bytes | None
) -> None:
    for path in run.images.iterdir():
        path.unlink() if content is None else path.write_bytes(content)
    page = Page(render_html(record, events, run.path))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.with_class("none")


def test_a_pipe_among_the_pictures_is_not_waited_for(
    record: dict[str, Any], events: list[Event], run: RunDirectory
) -> None:
    for path in run.images.iterdir():
        path.unlink()
        os.mkfifo(path)
    page = Page(render_html(record, events, run.path))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert "does not decode (no plain file)" in page.text


def test_a_history_cannot_pull_other_files_into_the_page(
    record: dict[str, Any], events: list[Event], run: RunDirectory
) -> None:
    outside = run.path.parent / "secret.png"
    outside.write_bytes(next(run.images.iterdir()).read_bytes())
    moved = [
        Event(e.t_ns, e.wall, e.type, e.kind, e.id, {**e.data, "image": "../secret.png"})
        if "image" in e.data
        else e
        for e in events
    ]
    page = Page(render_html(record, moved, run.path))
    assert not [1 for tag, each in page.tags if tag == "img" and "output" in str(each["alt"])]
    assert "outside the run directory" in page.text


def test_pictures_that_an_interrupted_drill_has_not_judged_are_shown(
    record: dict[str, Any], events: list[Event], run: RunDirectory
) -> None:
    page = Page(render_html(record, [e for e in events if e.kind != "score"], run.path))

    assert [1 for tag, each in page.tags if tag == "img" and "output" in str(each["alt"])]
    assert "unknown" in page.text


def test_hostile_text_stays_text_on_the_page(
    build_drill: Build, events: list[Event], run: RunDirectory
) -> None:
    poisoned = [Event(e.t_ns, e.wall, e.type, e.kind, e.id, poison(e.data)) for e in events]
    text = render_html(hostile_record(build_drill), poisoned, run.path)
    assert "script" not in {tag for tag, _ in Page(text).tags}
    assert not re.search(r"<[^>]*\salert|[\x00\x1b]", text)
    assert "&lt;script&gt;" in text


def poison(data: Any) -> Any:
    """Hostile words wherever a program would put its own."""
    keys = ("canary", "site", "error", "point", "detail", "photo", "step")
    reasons = {"reasons": [HOSTILE], "scores": {HOSTILE: 1.0}} if "correct" in data else {}
    return {**data, **{key: HOSTILE for key in keys if key in data}, **reasons}


def test_hostile_text_stays_text_in_markdown(build_drill: Build) -> None:
    text = render_markdown(hostile_record(build_drill))
    assert "<script" not in text
    assert not re.search(r"[\x00\x1b]|^# pwned", text, re.MULTILINE)
    for line in text.splitlines():
        if line.startswith("| ❌ fail |"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 6


def test_markdown_has_every_section(failed: dict[str, Any]) -> None:
    text = render_markdown(failed)
    assert text.startswith("# ❌ FAIL: host_power_loss\n")
    for title in ("Checks", "Runbook", "Faults", "Problems", "Improvements", "Environment"):
        assert f"\n## {title}\n" in text
    assert "| RTA | 13.6 s | ≤ 60 s | ≤ 1800 s |" in text


def test_junit_has_a_case_per_check(failed: dict[str, Any]) -> None:
    suite = ET.fromstring(render_junit(failed)).find("testsuite")  # noqa: S314 (our own)
    assert suite is not None
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert set(cases) == {"steady_state", "fault_evidence", "rto", "rpo"}
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "1")
    failure, error = cases["rto"].find("failure"), cases["rpo"].find("error")
    assert failure is not None
    assert failure.text == "The first correct picture came too late."
    assert error is not None
    assert error.get("type") == "unknown"
    assert cases["steady_state"].find("failure") is None


def test_junit_of_a_drill_without_checks_is_not_green(build_drill: Build) -> None:
    empty = build_drill(outcome=NOTHING, events=[])
    root = ET.fromstring(render_junit(empty))  # noqa: S314 (our own)
    assert root.get("errors") == "1"
    assert root.find("testsuite/testcase/error[@type='unknown']") is not None


def test_junit_with_hostile_text_is_still_xml(build_drill: Build) -> None:
    root = ET.fromstring(render_junit(hostile_record(build_drill)))  # noqa: S314 (our own)
    assert len(root.findall(".//testcase")) == 3


def test_a_drill_that_ended_at_once_still_has_reports(
    build_drill: Build, run: RunDirectory
) -> None:
    record = build_drill(outcome=NOTHING, events=[], measurements=None)
    write_all(run, record, [])
    assert "Nothing was checked." in run.report_html.read_text()


def test_everything_is_written(
    run: RunDirectory, record: dict[str, Any], events: list[Event]
) -> None:
    write_all(run, record, iter(events))
    assert json.loads(run.record.read_text()) == record
    for path in (run.report_html, run.report_markdown, run.junit):
        assert path.stat().st_size > 1000


def test_a_record_that_breaks_its_schema_is_kept_with_its_problems(
    run: RunDirectory, record: dict[str, Any], events: list[Event]
) -> None:
    record["actuals"]["rta_s"] = float("nan")
    with pytest.raises(RecordProblem, match="rta_s"):
        write_all(run, record, events)
    kept = json.loads(run.record.read_text())
    assert kept["actuals"]["rta_s"] is None
    assert any("rta_s" in each for each in kept["problems"])
    assert run.junit.exists()


def test_one_report_that_fails_does_not_take_the_others_along(
    run: RunDirectory,
    record: dict[str, Any],
    events: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr(write_module, "render_markdown", broken)
    with pytest.raises(RecordProblem, match=r"report\.md: ZeroDivisionError: no luck"):
        write_all(run, record, events)
    assert not run.report_markdown.exists()
    for path in (run.record, run.report_html, run.junit):
        assert path.exists()
