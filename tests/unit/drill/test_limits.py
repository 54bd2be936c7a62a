"""A slow host sends canaries far apart: what waits for them has to wait longer, and no longer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from colordrill.drill.assets import load_assets
from colordrill.drill.provision import fitted, golden_canaries
from colordrill.drill.recovering import detect_limit_s, steady_limit_s
from colordrill.scenario.catalogue import SCENARIOS
from colordrill.scenario.model import Objectives, Pace, Scenario


def paced(pace: Pace) -> Scenario:
    """Any scenario, at *pace*."""
    return replace(SCENARIOS["host_power_loss"], pace=pace)


def test_at_the_ordinary_pace_the_limits_are_the_ordinary_ones() -> None:
    assert steady_limit_s(paced(Pace())) == 180.0
    assert detect_limit_s(Pace()) == 60.0


def test_on_a_slow_host_there_is_time_for_every_canary_that_is_wanted() -> None:
    """Measured on a loaded host: canaries came 40.7 s apart, and never six within 180 s."""
    pace = Pace().fitted(canary_s=16.0, job_s=11.5)

    assert pace.canary_interval_s * pace.steady_canaries > 180.0
    assert steady_limit_s(paced(pace)) >= 2 * pace.canary_interval_s * pace.steady_canaries
    assert detect_limit_s(pace) >= pace.canary_interval_s * pace.confirm_count


def test_backups_that_may_take_long_are_waited_for() -> None:
    pace = Pace(backup_interval_s=60.0, backup_duration_max_s=60.0)

    assert steady_limit_s(paced(pace)) >= 120.0 * pace.points_before_fault


def test_work_that_may_be_lost_for_long_is_watched_for_long() -> None:
    objectives = Objectives(rto_s=60.0, rpo_s=1000.0)
    scenario = replace(paced(Pace()), objectives=objectives, unflushed_max_s=400.0)

    assert steady_limit_s(scenario) >= 2 * 400.0


def test_the_fastest_of_a_series_times_counts(tmp_path: Path) -> None:
    """The first picture has to load a model, and says nothing of the host."""
    (tmp_path / "images").mkdir()
    canaries = golden_canaries(load_assets(), tmp_path)
    slow, fast = ({each.name: took_s for each in canaries} for took_s in (60.0, 0.01))

    assert fitted(Pace(), canaries, [slow, fast]) == Pace()
    assert fitted(Pace(), canaries, [slow]).canary_interval_s > Pace().canary_interval_s
