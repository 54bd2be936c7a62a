from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from colordrill.clock import SystemClock
from colordrill.errors import RecordProblem
from colordrill.history import Event, EventType, History, read_history
from fakes.clock import ManualClock

LINE = '{"t_ns":1,"wall":"w","type":"note","kind":"phase","id":"phase-1","data":{}}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def test_an_operation_leaves_its_start_and_its_end_under_one_id(path: Path) -> None:
    with History(path, ManualClock()) as history:
        operation = history.invoke("upload", item="input/a.png")
        operation.ok(item="input/a.png", bytes=3)
        history.note("phase", phase="steady")

    started, ended, noted = read_history(path)
    assert (started.type, started.kind, started.data) == (
        EventType.INVOKE,
        "upload",
        {"item": "input/a.png"},
    )
    assert (ended.type, ended.id) == (EventType.OK, started.id)
    assert noted.id != started.id
    assert noted.type is EventType.NOTE


@pytest.mark.parametrize("end", ["ok", "fail", "unknown"])
def test_each_end_of_an_operation_is_told_apart(path: Path, end: str) -> None:
    with History(path, ManualClock()) as history:
        operation = history.invoke("submit")
        event = getattr(operation, end)(job="job-1")

    assert event.type.value == end
    assert list(read_history(path))[-1] == event


def test_what_is_written_can_be_read_at_once(path: Path) -> None:
    with History(path, ManualClock()) as history:
        history.note("phase", phase="steady")
        assert len(list(read_history(path))) == 1


def test_concurrent_writers_leave_whole_lines_in_the_order_of_time(path: Path) -> None:
    writers, each = 8, 100
    barrier = threading.Barrier(writers)
    heard: list[Event] = []

    def write(history: History, writer: int) -> None:
        barrier.wait()
        for number in range(each):
            history.invoke("upload", item=f"input/{writer}-{number}.png", pad="x" * 3000).ok()

    with History(path, SystemClock()) as history:
        history.listen(heard.append)
        threads = [threading.Thread(target=write, args=(history, n)) for n in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    events = list(read_history(path))
    assert len(events) == writers * each * 2
    assert [event.t_ns for event in events] == sorted(event.t_ns for event in events)
    assert events == heard
    invoked = [event.id for event in events if event.type is EventType.INVOKE]
    assert len(set(invoked)) == writers * each


def test_listeners_hear_later_events_in_order(path: Path) -> None:
    heard: list[str] = []

    with History(path, ManualClock()) as history:
        history.note("before")
        history.listen(lambda event: heard.append(f"first {event.kind}"))
        history.listen(lambda event: heard.append(f"second {event.kind}"))
        history.note("one")
        history.note("two")

    assert heard == ["first one", "second one", "first two", "second two"]


@pytest.mark.parametrize(
    "data",
    [
        {"text": "DDColor人物黑白修复.json"},
        {"text": "line\nbreak\r\u2028\u0085 and \x00"},
        {"huge": "x" * 2_000_000},
        {"nested": {"list": [1, None, True, 0.5]}},
        {},
    ],
)
def test_any_json_survives_the_round_trip(path: Path, data: dict[str, Any]) -> None:
    with History(path, ManualClock()) as history:
        written = history.note("phase", **data)

    assert list(read_history(path)) == [written]


@pytest.mark.parametrize("bad", [b"bytes", object(), {1, 2}, Path("x")])
def test_data_that_is_not_json_is_refused_and_leaves_the_file_whole(path: Path, bad: Any) -> None:
    with History(path, ManualClock()) as history:
        history.note("before")
        with pytest.raises(RecordProblem, match="cannot append"):
            history.note("bad", value=bad)
        history.note("after")

    assert [event.kind for event in read_history(path)] == ["before", "after"]


def test_text_that_is_not_unicode_is_refused_and_leaves_the_file_whole(path: Path) -> None:
    """A file name that is not UTF-8 arrives as lone surrogates."""
    with History(path, ManualClock()) as history:
        with pytest.raises(RecordProblem, match="cannot append"):
            history.note("bad", item="input/\udcff.png")
        history.note("after")

    assert [event.kind for event in read_history(path)] == ["after"]


def test_a_closed_history_takes_nothing_more(path: Path) -> None:
    history = History(path, ManualClock())
    history.close()

    with pytest.raises(RecordProblem, match="cannot append"):
        history.note("late")


def test_an_existing_history_is_never_written_over(path: Path) -> None:
    path.write_text(LINE)

    with pytest.raises(RecordProblem, match="cannot create") as caught:
        History(path, ManualClock())

    assert caught.value.next_step
    assert path.read_text() == LINE


def test_a_directory_that_is_not_there_is_a_record_problem(tmp_path: Path) -> None:
    with pytest.raises(RecordProblem, match="cannot create"):
        History(tmp_path / "absent" / "history.jsonl", ManualClock())


@pytest.mark.parametrize("keep", [1, 20, len(LINE) - 1])
def test_a_torn_last_line_is_passed_over(path: Path, keep: int) -> None:
    path.write_text(LINE + LINE[:keep])

    assert len(list(read_history(path))) == 1


def test_a_last_line_torn_inside_a_character_is_passed_over(path: Path) -> None:
    whole = LINE.replace("{}", '{"workflow":"DDColor人物黑白修复.json"}').encode()
    torn = whole[: whole.index("人".encode()) + 1]
    path.write_bytes(whole + torn)

    assert len(list(read_history(path))) == 1


def test_an_empty_history_has_no_events(path: Path) -> None:
    path.touch()

    assert list(read_history(path)) == []


@pytest.mark.parametrize(
    "bad",
    [
        "not json\n",
        "\n",
        "[]\n",
        "null\n",
        "{}\n",
        LINE.replace('"data":{}', '"data":[]'),
        LINE.replace('"t_ns":1', '"t_ns":"1"'),
        LINE.replace('"t_ns":1', '"t_ns":true'),
        LINE.replace('"t_ns":1', '"t_ns":1.5'),
        LINE.replace('"type":"note"', '"type":"perhaps"'),
        LINE[:30] + "\n",
    ],
)
def test_a_malformed_line_is_named_by_its_number(path: Path, bad: str) -> None:
    path.write_text(LINE + bad + LINE)

    with pytest.raises(RecordProblem, match="line 2 is not an event") as caught:
        list(read_history(path))

    assert caught.value.next_step


def test_bytes_that_are_no_text_in_the_middle_are_a_record_problem(path: Path) -> None:
    path.write_bytes(LINE.encode() + b"\xff\xfe\n" + LINE.encode())

    with pytest.raises(RecordProblem, match="line 2"):
        list(read_history(path))


def test_an_absent_history_is_a_record_problem(tmp_path: Path) -> None:
    with pytest.raises(RecordProblem, match="cannot read the history"):
        list(read_history(tmp_path / "history.jsonl"))


def test_a_full_disk_is_a_record_problem_with_a_next_step() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full to stand in for a full disk")

    class OnFullDisk(History):
        def __init__(self) -> None:
            self._clock = ManualClock()
            self._lock = threading.Lock()
            self._listeners = []
            self._file = full.open("w", encoding="utf-8")

    history = OnFullDisk()
    with pytest.raises(RecordProblem) as caught:
        history.write(EventType.NOTE, "phase", "phase-1")
    # what could not be written is still in the stream's buffer, and fails to be written again
    with pytest.raises(OSError, match="No space left"):
        history.close()

    assert "disk space" in caught.value.next_step


def test_a_line_is_one_compact_json_object_with_the_keys_that_readers_expect(path: Path) -> None:
    with History(path, ManualClock()) as history:
        history.note("phase", phase="steady")

    fields = json.loads(path.read_text())
    assert list(fields) == ["t_ns", "wall", "type", "kind", "id", "data"]
    assert fields["wall"] == "2026-11-22T20:15:30.123+00:00"
