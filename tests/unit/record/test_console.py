from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import RecordProblem
from colordrill.history import Event
from colordrill.record.console import Progress, is_plain, print_summary
from colordrill.record.journal import RunDirectory
from colordrill.record.trend import print_trend
from colordrill.record.write import write_all

RUN = Path("runs/20260314T092653Z-host_power_loss-1")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class StillClock:
    """A clock that moves a second with every look."""

    def __init__(self) -> None:
        self.t_ns = 0

    def now_ns(self) -> int:
        self.t_ns += 10**9
        return self.t_ns

    def wall(self) -> datetime:
        return datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        raise AssertionError(f"the console waits for nothing, and not {timeout_s} s for {event}")

    def pause(self, duration_s: float) -> None:
        raise AssertionError(f"the console does not pause, and not {duration_s} s")


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def summary(record: dict[str, Any], stream: io.StringIO, **environ: str) -> str:
    print_summary(record, RUN, stream=stream, environ=environ)
    return stream.getvalue()


def test_plain_lines_have_verdict_figures_and_path(record: dict[str, Any]) -> None:
    lines = dict(line.split(": ", 1) for line in summary(record, io.StringIO()).splitlines())
    assert lines["verdict"].startswith("pass: ")
    assert lines["RTA"].startswith("13.6 s ")
    assert "mount backup 2.53 s" in lines["RTA by part"]
    assert lines["RPA"].startswith("1.20 s ")
    assert lines["chroma SSIM"].startswith("0.9988 ")
    assert lines["harness memory"] == "181 MB"
    assert lines["record"] == f"{RUN}/record.json"


def test_problems_are_in_the_summary(failed: dict[str, Any]) -> None:
    text = summary(failed, io.StringIO())
    assert "verdict: fail: Not met: rto." in text
    assert "problem: Check rto failed" in text


def test_a_terminal_gets_a_table_and_ci_gets_lines(record: dict[str, Any]) -> None:
    assert "╭" in summary(record, Terminal(), TERM="xterm")
    assert "╭" not in summary(record, Terminal(), TERM="xterm", CI="true")
    assert "╭" not in summary(record, Terminal(), TERM="dumb")
    assert is_plain(io.StringIO(), {})


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_hostile_text_neither_steers_the_terminal_nor_breaks_lines(
    record: dict[str, Any], stream: Callable[[], io.StringIO]
) -> None:
    record["problems"] = ["\x1b[2J[red]boo[/red]\nverdict: pass"]
    out = stream()
    text = summary(record, out, TERM="xterm")
    assert "\x1b[2J" not in text
    assert "[red]boo[/red]" in text
    assert not [line for line in text.splitlines() if line.startswith("verdict: pass\n")]


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_measurement_s_name_is_text_of_one_line(
    record: dict[str, Any], stream: Callable[[], io.StringIO]
) -> None:
    record["measurements"] = {"[/x]": 1.0, "x\nverdict: fail: Not met\nchecks": 2.0}
    record["measurements"] |= {"\x1b[2J\u202egone": 3.0}
    text = summary(record, stream(), TERM="xterm")
    assert "[/x]" in text
    assert "x verdict: fail: Not met checks" in text
    assert "\x1b[2J" not in text
    assert "\u202e" not in text


def test_the_summary_leaves_stdout_alone_when_asked(
    record: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(record, RUN, to_stderr=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "0.9988" in captured.err


def test_a_stream_of_few_characters_still_gets_its_figures(record: dict[str, Any]) -> None:
    raw = io.BytesIO()
    ascii_only = io.TextIOWrapper(raw, encoding="ascii")
    record["problems"] = ["人物"]
    print_summary(record, RUN, stream=ascii_only, environ={})
    assert b"RTA: 13.6 s" in raw.getvalue()
    assert b"problem: ??" in raw.getvalue()


def test_plain_progress_has_a_time_on_every_line() -> None:
    out = io.StringIO()
    with Progress(StillClock(), stream=out, environ={}) as progress:
        progress.step("building images")
        progress.note("one\nof two")
    assert out.getvalue() == "09:26:53 building images\n09:26:53   one of two\n"


def test_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.step("building images")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "building images" in captured.err


def test_live_progress_leaves_a_line_per_finished_step() -> None:
    out = Terminal()
    with Progress(StillClock(), stream=out, environ={"TERM": "xterm"}) as progress:
        progress.step("building images")
        progress.note("toxiproxy is there already")
        progress.step("starting the stack")
    text = out.getvalue()
    for part in ("✓", "building images", "toxiproxy is there", "starting the stack"):
        assert part in text


def test_a_step_that_an_error_ended_is_crossed_out() -> None:
    out = Terminal()
    progress = Progress(StillClock(), stream=out, environ={"TERM": "xterm"})
    progress.step("starting the stack")
    progress.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "✗" in out.getvalue()


@pytest.mark.parametrize("environ", [{}, {"TERM": "xterm"}])
def test_progress_never_fails_because_of_its_stream(environ: dict[str, str]) -> None:
    gone = Gone()
    if environ:
        gone.isatty = lambda: True  # type: ignore[method-assign]
    with Progress(StillClock(), stream=gone, environ=environ) as progress:
        progress.step("starting the stack")
        progress.note("still going")


@pytest.mark.parametrize("environ", [{}, {"TERM": "xterm"}])
def test_a_summary_that_nobody_reads_is_no_error(
    record: dict[str, Any], environ: dict[str, str]
) -> None:
    gone = Gone()
    if environ:
        gone.isatty = lambda: True  # type: ignore[method-assign]
    print_summary(record, RUN, stream=gone, environ=environ)


def test_the_trend_is_a_row_per_record_by_date(
    tmp_path: Path, record: dict[str, Any], failed: dict[str, Any], events: list[Event]
) -> None:
    failed["drill"]["started_at"] = "2026-03-13T09:26:53.000+00:00"
    for number, each in enumerate((record, failed)):
        when = datetime(2026, 3, 14, 9, number, tzinfo=UTC)
        write_all(RunDirectory.create(tmp_path, "host_power_loss", 1, when), each, events)
    broken = RunDirectory.create(tmp_path, "host_power_loss", 2, when)
    broken.record.write_text("{")
    out = io.StringIO()
    print_trend(tmp_path, stream=out, environ={})
    head, older, newer, count, unreadable = [
        line.split("\t") for line in out.getvalue().splitlines()
    ]
    assert head[:2] == ["started", "scenario"]
    assert older[0] == "2026-03-13 09:26:53"
    assert older[3] == "fail"
    assert newer[3:] == ["pass", "13.6 s", "1.20 s", "0.9988"]
    assert count == ["unreadable", "1 of 3 records"]
    assert unreadable[0] == "unreadable"
    assert broken.name in unreadable[1]
    table = Terminal()
    print_trend(tmp_path, stream=table, environ={"TERM": "xterm"})
    assert "chroma SSIM" in table.getvalue()


def test_a_row_of_the_trend_is_one_line(
    tmp_path: Path, record: dict[str, Any], events: list[Event]
) -> None:
    record["drill"]["scenario"] = "a\tb\nforged\x1b[2J"
    when = datetime(2026, 3, 14, 9, tzinfo=UTC)
    write_all(RunDirectory.create(tmp_path, "a", 1, when), record, events)
    name = "20260314T092653Z-a\nforged\x1b[2J"
    (tmp_path / name).mkdir()
    (tmp_path / name / "record.json").write_text("{")
    out = io.StringIO()
    print_trend(tmp_path, stream=out, environ={})
    assert len(out.getvalue().splitlines()) == 4
    assert "\x1b" not in out.getvalue()


def test_a_trend_of_no_folder_is_a_record_problem(tmp_path: Path) -> None:
    with pytest.raises(RecordProblem, match="no runs"):
        print_trend(tmp_path / "absent", stream=io.StringIO(), environ={})
