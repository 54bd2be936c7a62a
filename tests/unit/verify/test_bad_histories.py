"""Histories that were altered, torn or are none: what `verify` says of them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colordrill.errors import RecordProblem
from colordrill.history import Event, EventType, read_history
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.model import Objectives
from unit.verify.runs import NOTE, call, noted, write

if TYPE_CHECKING:
    from unit.verify.conftest import Story


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path


class TestBadHistories:
    def refused(self, run: Path, content: bytes | None = None) -> str:
        if content is not None:
            (run / "history.jsonl").write_bytes(content)
        result = call(str(run))
        assert isinstance(result.exception, RecordProblem)
        return str(result.exception)

    def test_no_run_at_all(self, run: Path) -> None:
        assert "there is no run at" in self.refused(run / "absent")

    def test_no_history(self, run: Path) -> None:
        assert "holds neither a record nor a history" in self.refused(run)

    @pytest.mark.parametrize("content", [b"", b'{"t_ns":1', b"\x00" * 100])
    def test_an_empty_or_wholly_torn_one_names_no_scenario(self, run: Path, content: bytes) -> None:
        assert "does not say which scenario it is of" in self.refused(run, content)

    @pytest.mark.parametrize(
        "line",
        [b"\n", b"[]\n", b"null\n", b"\xff\xfe\n", b"\x00\n", b"[" * 100_000 + b"\n",
         b'{"t_ns":true,"wall":"","type":"ok","kind":"k","id":"i","data":{}}\n',
         b'{"t_ns":1,"wall":"","type":"gone","kind":"k","id":"i","data":{}}\n',
         b'{"t_ns":1,"wall":"","type":"ok","kind":"k","id":"i"}\n',
         b'{"t_ns":1,"wall":"","type":"ok","kind":"k","id":"i","data":{"a":'
         + b"[" * 100_000 + b"]" * 100_000 + b"}}\n"],
    )  # fmt: skip
    def test_a_line_that_is_no_event_is_named(self, run: Path, line: bytes) -> None:
        assert "line 1 is not an event" in self.refused(run, line)

    def test_a_malformed_line_after_the_note_is_no_verdict_either(
        self, run: Path, healthy: Story
    ) -> None:
        write(run, noted(healthy), tail="{}\n")
        assert "is not an event" in self.refused(run)

    def test_a_note_that_is_no_scenario_is_named(self, run: Path, healthy: Story) -> None:
        write(run, noted(healthy, scenario={"name": "x"}))
        assert "note of its scenario cannot be used" in self.refused(run)

    def test_data_of_other_shapes_are_unknown_in_every_check(
        self, run: Path, healthy: Story
    ) -> None:
        healthy.say(30.0, "ok", "upload", item=[1, 2])
        write(run, noted(healthy))
        result = call(str(run), "--json")
        assert result.exit_code == 3
        checks = json.loads(result.stdout)["checks"]
        assert {each["verdict"] for each in checks} == {"unknown"}

    def test_a_score_that_is_not_a_number_is_read(self, run: Path, healthy: Story) -> None:
        healthy.canary(27.0, figures={"chroma_ssim": float("nan")})
        write(run, noted(healthy))
        assert "NaN" in (run / "history.jsonl").read_text(encoding="utf-8")
        assert call(str(run)).exit_code in {0, 1, 3}

    @pytest.mark.parametrize("second", [-61.0, 50.0])
    def test_two_different_notes_of_the_scenario_let_nothing_pass(
        self, run: Path, healthy: Story, second: float
    ) -> None:
        lax = replace(HOST_POWER_LOSS, objectives=Objectives(rto_s=600.0, rpo_s=600.0))
        healthy.say(second, "note", "scenario", name=lax.name, scenario=asdict(lax))
        write(run, noted(healthy))
        result = call(str(run), "--json")
        assert result.exit_code == 3
        checks = json.loads(result.stdout)["checks"]
        assert {each["verdict"] for each in checks} == {"unknown"}
        assert "it has two different notes of its scenario" in checks[0]["detail"]

    def test_the_same_note_of_the_scenario_twice_says_nothing_more(
        self, run: Path, healthy: Story
    ) -> None:
        healthy.say(-61.0, "note", "scenario", **NOTE)
        write(run, noted(healthy))
        assert call(str(run)).exit_code == 0


def test_an_event_is_the_same_whichever_way_it_is_read(run: Path) -> None:
    fast = Event(5, "w", EventType.NOTE, "score", "s-1", {"scores": {"a": 0.25}, "op": "c"})
    slow = replace(fast, data={"scores": {"a": 1e308 * 10}})
    write(run, [fast, slow])
    assert list(read_history(run / "history.jsonl")) == [fast, slow]
