"""The verdict of an earlier run from its history alone, as data and on the command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from colordrill.commands.verify import verify
from colordrill.errors import RecordProblem
from colordrill.history import Event, EventType, read_history
from colordrill.outcome import Actuals, Check, Counts, Outcome, Verdict
from colordrill.record.model import build_record
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.verify.conclude import conclude
from colordrill.verify.recomputed import differences, recompute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from unit.verify.conftest import Story

OLD = Path(__file__).parents[1] / "record" / "data" / "history.jsonl"
NOTE = {"name": HOST_POWER_LOSS.name, "scenario": asdict(HOST_POWER_LOSS)}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path


def write(run: Path, events: Iterable[Event], tail: str = "") -> None:
    text = "".join(event.to_line() for event in events)
    (run / "history.jsonl").write_text(text + tail, encoding="utf-8")


def noted(story: Story, **changed: Any) -> list[Event]:
    story.say(-60.0, "note", "scenario", **{**NOTE, **changed})
    return story.events()


def record(run: Path, build: dict[str, Any]) -> None:
    (run / "record.json").write_text(json.dumps(build), encoding="utf-8")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(verify, arguments)


def asked_in_vain() -> Any:
    raise RecordProblem("the history was enough")


class TestRecompute:
    def test_the_noted_scenario_judges(self, healthy: Story) -> None:
        tight = replace(HOST_POWER_LOSS, objectives=replace(HOST_POWER_LOSS.objectives, rto_s=11.0))
        events = noted(healthy, scenario=asdict(tight))
        found = recompute(lambda: events, asked_in_vain)
        assert found.scenario == tight
        assert found.outcome == conclude(events, tight)
        assert found.outcome.verdict is Verdict.FAIL

    def test_without_a_note_somebody_else_must_know(self, healthy: Story) -> None:
        events = healthy.events()
        assert recompute(lambda: events, lambda: HOST_POWER_LOSS).scenario is HOST_POWER_LOSS
        with pytest.raises(RecordProblem, match="was enough"):
            recompute(lambda: events, asked_in_vain)


class TestDifferences:
    def outcome(self, *checks: tuple[str, Verdict, Any]) -> Outcome:
        return Outcome(tuple(Check(*each, None, "") for each in checks), Actuals(), Counts())

    def told(self, verdict: str, *checks: tuple[str, str, Any]) -> dict[str, Any]:
        names = ("name", "verdict", "value")
        return {"verdict": verdict, "checks": [dict(zip(names, c, strict=True)) for c in checks]}

    def test_what_agrees_differs_in_nothing(self) -> None:
        outcome = self.outcome(
            ("rto", Verdict.PASS, 1.00000049), ("rpo", Verdict.PASS, None),
            ("x", Verdict.PASS, float("inf")), ("y", Verdict.PASS, "text"),
        )  # fmt: skip
        record = self.told("pass", ("rto", "pass", 1.0), ("rpo", "pass", None),
                           ("x", "pass", "inf"), ("y", "pass", "text"))  # fmt: skip
        assert differences(outcome, record) == []

    def test_every_difference_is_a_sentence(self) -> None:
        outcome = self.outcome(
            ("rto", Verdict.FAIL, 1.0), ("rpo", Verdict.PASS, 1.00001), ("new", Verdict.PASS, 1)
        )
        record = self.told("pass", ("rto", "pass", 1.0), ("rpo", "pass", 1.0), ("old", "pass", 1))
        assert differences(outcome, record) == [
            "the verdict is fail, the record says pass",
            "rto is fail, the record says pass",
            "rpo measures 1.00001, the record says 1.0",
            "the record has no check new (pass now)",
            "the check old of the record is not judged now",
        ]

    @pytest.mark.parametrize(("now", "then"), [(1.0, None), (None, 1.0), (1.0, "1.0")])
    def test_nothing_measured_is_not_the_same_as_something(self, now: Any, then: Any) -> None:
        found = differences(
            self.outcome(("rto", Verdict.PASS, now)), self.told("pass", ("rto", "pass", then))
        )
        assert len(found) == 1


class TestCommand:
    def test_a_pass_is_exit_0_and_names_every_check(self, run: Path, healthy: Story) -> None:
        write(run, noted(healthy))
        result = call(str(run))
        assert result.exit_code == 0
        assert result.output.startswith("pass: host_power_loss\n")
        for name in healthy.verdicts():
            assert name in result.output
        assert "not compared: this run has no record" in result.output

    def test_a_failure_is_exit_1(self, run: Path, healthy: Story) -> None:
        healthy.canary(26.5, correct=False)
        healthy.canaries(27.0, 45.0)
        write(run, noted(healthy))
        result = call(str(run))
        assert result.exit_code == 1
        assert result.output.startswith("fail: host_power_loss\n")

    def test_missing_evidence_is_exit_3(self, run: Path, healthy: Story) -> None:
        write(run, noted(healthy.without("evidence")))
        assert call(str(run)).exit_code == 3

    def test_a_torn_last_line_is_passed_over(self, run: Path, healthy: Story) -> None:
        write(run, noted(healthy), tail='{"t_ns":1,"wall":"')
        assert call(str(run)).exit_code == 0

    def test_json_is_what_a_record_would_say(self, run: Path, healthy: Story) -> None:
        write(run, noted(healthy))
        found = json.loads(call(str(run), "--json").stdout)
        assert found["verdict"] == "pass"
        assert found["scenario"] == "host_power_loss"
        assert found["actuals"]["rta_s"] == 11.5
        assert found["counts"]["lost"] == 1
        assert (found["record"], found["differences"]) == (None, [])
        assert [check["name"] for check in found["checks"]] == list(healthy.verdicts())

    def test_a_record_that_agrees_and_one_that_does_not(
        self, run: Path, healthy: Story, plain_record: dict[str, Any]
    ) -> None:
        events = noted(healthy)
        write(run, events)
        agreeing = build_record(**plain_record, outcome=conclude(events, HOST_POWER_LOSS),
                                events=events)  # fmt: skip
        record(run, agreeing)
        assert "the same as in the record" in call(str(run)).output
        agreeing["verdict"] = "fail"
        agreeing["checks"][2]["verdict"] = "fail"
        record(run, agreeing)
        result = call(str(run))
        assert result.exit_code == 0
        assert "rto is pass, the record says fail" in result.output
        found = json.loads(call(str(run), "--json").stdout)
        assert found["record"] == "fail"
        assert len(found["differences"]) == 2

    def test_a_record_that_cannot_be_read_keeps_nobody_from_verifying(
        self, run: Path, healthy: Story
    ) -> None:
        write(run, noted(healthy))
        (run / "record.json").write_text("{", encoding="utf-8")
        result = call(str(run))
        assert result.exit_code == 0
        assert "not compared: cannot read the record" in result.output

    def test_an_old_history_takes_its_scenario_from_the_record(
        self, run: Path, plain_record: dict[str, Any]
    ) -> None:
        shutil.copy(OLD, run / "history.jsonl")
        tight = replace(HOST_POWER_LOSS, objectives=replace(HOST_POWER_LOSS.objectives, rto_s=2.0))
        built = build_record(**{**plain_record, "scenario": tight}, events=[],
                             outcome=conclude(read_history(OLD), tight))  # fmt: skip
        record(run, built)
        result = call(str(run))
        assert "the same as in the record" in result.output
        assert result.exit_code == 1
        assert "not within 2 s" in result.output

    def test_what_a_history_holds_cannot_steer_the_terminal(
        self, run: Path, healthy: Story
    ) -> None:
        events = [
            replace(e, data={**e.data, "detail": "\x1b[2J\u202egone"})
            if e.kind == "evidence"
            else e
            for e in noted(healthy)
        ]
        write(run, events)
        result = call(str(run))
        assert "\x1b" not in result.output
        assert "\u202e" not in result.output


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

    def test_two_notes_of_the_same_kind_are_judged_by_the_first(
        self, run: Path, healthy: Story
    ) -> None:
        healthy.say(50.0, "note", "scenario", name="no_such_drill")
        write(run, noted(healthy))
        assert call(str(run)).exit_code == 0


def test_an_event_is_the_same_whichever_way_it_is_read(run: Path) -> None:
    fast = Event(5, "w", EventType.NOTE, "score", "s-1", {"scores": {"a": 0.25}, "op": "c"})
    slow = replace(fast, data={"scores": {"a": 1e308 * 10}})
    write(run, [fast, slow])
    assert list(read_history(run / "history.jsonl")) == [fast, slow]
