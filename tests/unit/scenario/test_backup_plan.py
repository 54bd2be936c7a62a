from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.errors import UsageProblem
from colordrill.scenario.backup_plan import BackupPlan, Retention
from colordrill.scenario.settings import CONFIG_FILE, Settings, load_backup_plan, load_settings

EVERYTHING = """
[backup]
interval = "15s"
verify = true
keep_last = 3
keep_hourly = 24
keep_daily = 7
keep_within = "2d"
max_age = "1h"
"""


@pytest.mark.parametrize("text", ["", "15", "soon", "9" * 5000 + "s", "400d"])
def test_what_is_no_length_of_time_is_refused_by_its_option_with_an_example(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(UsageProblem, match=r"backup\.max_age must be a length of time") as caught:
        load_backup_plan({"max_age": text}, tmp_path)

    assert "1h30m" in caught.value.cause
    assert len(caught.value.cause) < 200


def test_nothing_said_is_a_point_an_hour_and_all_of_them_stay(tmp_path: Path) -> None:
    plan = load_backup_plan({}, tmp_path)

    assert plan == BackupPlan(3600.0, verify=False, retention=Retention(), max_age_s=None)


def test_a_file_says_everything(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text(EVERYTHING)

    assert load_backup_plan({}, tmp_path) == BackupPlan(
        15.0, verify=True, retention=Retention(3, 24, 7, 172800.0), max_age_s=3600.0
    )


def test_a_variable_beats_the_file_and_an_option_beats_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / CONFIG_FILE).write_text(EVERYTHING)
    monkeypatch.setenv("COLORDRILL_BACKUP_INTERVAL", "30s")
    monkeypatch.setenv("COLORDRILL_BACKUP_KEEP_LAST", "5")
    monkeypatch.setenv("COLORDRILL_BACKUP_VERIFY", "no")
    monkeypatch.setenv("COLORDRILL_BACKUP_MAX_AGE", "")

    plan = load_backup_plan({"interval": "1d", "keep_daily": None, "keep_last": "9"}, tmp_path)

    assert plan == BackupPlan(
        86400.0, verify=False, retention=Retention(9, 24, 7, 172800.0), max_age_s=3600.0
    )


@pytest.mark.parametrize("interval_s", [15.0, 1.5])
def test_the_words_of_a_plan_mean_the_plan(tmp_path: Path, interval_s: float) -> None:
    plan = BackupPlan(interval_s, verify=True, retention=Retention(3, 24, 7, 172800.25))
    options = {}
    for word in plan.words():
        name, _, value = word.removeprefix("--").partition("=")
        options[name.replace("-", "_")] = value or "yes"

    assert load_backup_plan(options, tmp_path) == plan


@pytest.mark.parametrize(
    "text",
    [
        "backup = 3",
        "[backup]\nkeep_weekly = 3",
        "[backup]\ninterval = 15",
        '[backup]\ninterval = "0s"',
        '[backup]\ninterval = "soon"',
        "[backup]\nkeep_last = -1",
        "[backup]\nkeep_last = 1.5",
        "[backup]\nkeep_last = true",
        "[backup]\nkeep_last = 10000000",
        '[backup]\nkeep_last = "many"',
        "[backup]\nverify = 2",
        "[backup",
    ],
)
def test_a_file_that_says_nonsense_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / CONFIG_FILE).write_text(text)

    with pytest.raises(UsageProblem):
        load_backup_plan({}, tmp_path)


def test_the_table_is_no_setting_of_a_drill_and_no_unknown_key_either(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text(EVERYTHING)

    assert load_settings({}, tmp_path) == Settings()
