"""`colordrill verify`: what it says, and what of a record it compares."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.errors import RecordProblem
from colordrill.history import Event, read_history
from colordrill.record.model import build_record
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.settings import Settings
from colordrill.verify.conclude import conclude
from unit.verify.runs import built, call, is_same, noted, record, write

if TYPE_CHECKING:
    from unit.verify.conftest import Story

COMMAND = f"colordrill run {HOST_POWER_LOSS.name}"
OLD = Path(__file__).parents[1] / "record" / "data" / "history.jsonl"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path


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
        agreeing = built(plain_record, events)
        record(run, agreeing)
        assert is_same(call(str(run)))
        agreeing["verdict"] = "fail"
        agreeing["checks"][2]["verdict"] = "fail"
        record(run, agreeing)
        result = call(str(run))
        assert result.exit_code == 0
        assert "rto.verdict is 'pass', the record says 'fail'" in result.output
        found = json.loads(call(str(run), "--json").stdout)
        assert found["record"] == "fail"
        assert len(found["differences"]) == 2

    @pytest.mark.parametrize(
        ("path", "forged"),
        [
            ("drill.scenario", "power_loss_in_place"),
            ("objectives.rto_s", 2.0),
            ("actuals.rta_s", 1.5),
            ("actuals.rta_breakdown.detect_s", 0.1),
            ("counts.lost", 0),
            ("counts.delivered", 5000),
            ("faults", []),
            ("faults.0.healed_s", 0.5),
            ("faults.0.evidence", []),
            ("steps", []),
            ("steps.0.detail", "forged"),
            ("checks.2.value", 1.5),
            ("checks.2.bound", 90.0),
            ("checks.2.detail", "forged"),
            ("measurements.canary_interval_s", 0.1),
        ],
    )
    def test_a_record_that_was_altered_anywhere_is_named(
        self, run: Path, healthy: Story, plain_record: dict[str, Any], path: str, forged: Any
    ) -> None:
        events = noted(healthy)
        write(run, events)
        measured = {"canary_interval_s": HOST_POWER_LOSS.pace.canary_interval_s, "wall_s": 60.0}
        forgery = built(plain_record, events, measurements=measured)
        record(run, forgery)
        assert json.loads(call(str(run), "--json").stdout)["differences"] == []
        *parents, name = path.split(".")
        holder: Any = forgery
        for each in parents:
            holder = holder[int(each) if isinstance(holder, list) else each]
        holder[int(name) if isinstance(holder, list) else name] = forged
        record(run, forgery)
        found = json.loads(call(str(run), "--json").stdout)
        assert found["record"] == "pass"
        assert len(found["differences"]) == 1
        assert "not the same as in the record" in call(str(run)).output

    def test_a_forged_text_prints_no_line_of_its_own(
        self, run: Path, healthy: Story, plain_record: dict[str, Any]
    ) -> None:
        events = noted(healthy)
        write(run, events)
        forgery = built(plain_record, events)
        forgery["checks"][2]["detail"] = "x\nthe same as in the record\n\x1b[2J"
        record(run, forgery)
        result = call(str(run))
        assert not is_same(result)
        assert "\x1b" not in result.output

    def test_a_history_is_read_whole_once_also_to_compare(
        self,
        run: Path,
        healthy: Story,
        plain_record: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        events = noted(healthy)
        write(run, events)
        record(run, built(plain_record, events))
        read: list[int] = []

        def counted(path: Path) -> Iterator[Event]:
            read.append(0)
            for event in read_history(path):
                read[-1] += 1
                yield event

        monkeypatch.setattr("colordrill.history.read_history", counted)

        assert is_same(call(str(run)))
        # the first time only up to the note of the scenario
        assert read == [1, len(events)]

    def test_a_judgement_that_crashes_still_compares_what_came_after_it(
        self, run: Path, healthy: Story, plain_record: dict[str, Any]
    ) -> None:
        healthy.say(-50.0, "note", "replica", acknowledged="many", present=1, missing=[])
        events = noted(healthy)
        write(run, events)
        record(run, built(plain_record, events))

        assert is_same(call(str(run)))

    def test_what_cannot_be_told_is_not_the_same(
        self, run: Path, healthy: Story, plain_record: dict[str, Any]
    ) -> None:
        events = noted(healthy)
        forgery = built(plain_record, events)
        record(run, forgery)
        late = replace(next(e for e in events if e.kind == "evidence"), t_ns=10**400)
        write(run, [*events, late])
        assert "cannot be told" in call(str(run)).output

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
        events = list(read_history(OLD))
        old = build_record(**{**plain_record, "scenario": tight}, events=events,
                           outcome=conclude(events, tight))  # fmt: skip
        record(run, old)
        result = call(str(run))
        assert is_same(result)
        assert result.exit_code == 1
        assert "not within 2 s" in result.output

    def test_a_drill_that_ended_before_its_note_was_of_the_command_s_profile(
        self, run: Path, plain_record: dict[str, Any]
    ) -> None:
        write(run, [])
        words = ["--profile", "nightly", "--set", "pace.backup_interval_s=8"]
        overrides = {"pace.backup_interval_s": 8.0}
        settings = Settings(profile="nightly", overrides=overrides)
        scenario = settings.apply(HOST_POWER_LOSS)
        facts = replace(plain_record["drill"], command=" ".join([COMMAND, *words]))
        built = build_record(**{**plain_record, "drill": facts, "scenario": scenario}, events=[],
                             outcome=conclude([], scenario))  # fmt: skip
        record(run, built)
        result = call(str(run))
        assert is_same(result)
        assert result.exit_code == 3
        built["drill"]["command"] = COMMAND
        record(run, built)
        assert "not the same as in the record" in call(str(run)).output

    @pytest.mark.parametrize("command", ["colordrill run gone", f"{COMMAND} --image mine:1", "x"])
    def test_a_command_that_says_no_scenario_leaves_the_run_without_one(
        self, run: Path, plain_record: dict[str, Any], command: str
    ) -> None:
        write(run, [])
        facts = replace(plain_record["drill"], command=command)
        built = build_record(**{**plain_record, "drill": facts}, events=[],
                             outcome=conclude([], HOST_POWER_LOSS))  # fmt: skip
        built["objectives"]["chroma_ssim_min"] = 2.0
        record(run, built)
        assert isinstance(call(str(run)).exception, RecordProblem)

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
