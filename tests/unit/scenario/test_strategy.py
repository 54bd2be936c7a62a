"""By which strategy a drill keeps its points, where the user chooses one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from colordrill.errors import UsageProblem
from colordrill.scenario.catalogue import SCENARIOS, find_scenario, red_twins
from colordrill.scenario.fault_spec import Recovery, StrategyKind
from colordrill.scenario.settings import CONFIG_FILE, Settings, load_settings

HOST_POWER_LOSS = find_scenario("host_power_loss")
IN_PLACE = [each for each in SCENARIOS.values() if each.recovery is not Recovery.FAILOVER]


@pytest.mark.parametrize(("strategy", "every"), [("rsync", 0), ("restic", 1), ("s3", 0)])
def test_a_drill_that_fails_over_is_kept_as_was_chosen(strategy: str, every: int) -> None:
    found = Settings(strategy=strategy).apply(HOST_POWER_LOSS)

    assert (found.strategy, found.offsite_every) == (StrategyKind(strategy), every)
    assert replace(found, strategy=StrategyKind.RSYNC, offsite_every=0) == HOST_POWER_LOSS


def test_copies_that_a_drill_makes_already_are_made_as_often_by_restic() -> None:
    damaged = find_scenario("every_point_damaged")

    assert Settings(strategy="restic").apply(damaged).offsite_every == damaged.offsite_every


@pytest.mark.parametrize("strategy", list(StrategyKind))
def test_every_drill_can_be_run_by_every_strategy_and_says_by_which(strategy: StrategyKind) -> None:
    for each in SCENARIOS.values():
        found = Settings(strategy=strategy).apply(each)

        failed_over = each.recovery is Recovery.FAILOVER
        assert found.strategy is (strategy if failed_over else StrategyKind.RSYNC)


def test_a_drill_that_repairs_in_place_stays_as_it_is() -> None:
    assert IN_PLACE
    for each in IN_PLACE:
        assert Settings(strategy="s3").apply(each) == each


def test_without_a_choice_each_drill_keeps_its_own() -> None:
    for each in SCENARIOS.values():
        assert Settings().apply(each).strategy is each.strategy


def test_a_red_twin_is_refused_by_another_strategy_than_its_own() -> None:
    twin = red_twins()["host_power_loss@only_oldest_point"]

    with pytest.raises(UsageProblem, match="red twin of a drill by rsync") as raised:
        Settings(strategy="s3").apply(twin)
    assert raised.value.next_step
    assert Settings(strategy="rsync").apply(twin) == twin


def test_the_choice_comes_from_file_environment_and_options_and_is_repeated_by_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / CONFIG_FILE).write_text('strategy = "restic"\n')
    assert load_settings({}, tmp_path).strategy == "restic"
    monkeypatch.setenv("COLORDRILL_STRATEGY", "rsync")
    assert load_settings({}, tmp_path).strategy == "rsync"

    settings = load_settings({"strategy": "s3"}, tmp_path)

    assert settings.words()[-2:] == ["--strategy", "s3"]
    assert "--strategy" not in Settings().words()
