from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.errors import UsageProblem
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.configuration import PROFILES
from colordrill.scenario.settings import CONFIG_FILE, Settings, load_settings


def configured(directory: Path, text: str | bytes) -> Path:
    (directory / CONFIG_FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    return directory


def test_without_anything_chosen_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path) == Settings()


def test_the_environment_wins_over_the_file_and_options_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, 'seed = 1\ndevice = "cuda"\nimage = "mine:1"\nprofile = "nightly"\n')
    monkeypatch.setenv("COLORDRILL_SEED", "2")
    monkeypatch.setenv("COLORDRILL_IMAGE", "mine:2")

    settings = load_settings({"image": "mine:3", "seed": None}, tmp_path)

    assert (settings.image, settings.seed) == ("mine:3", 2)
    assert (settings.device, settings.profile) == ("cuda", "nightly")


def test_an_option_that_is_false_is_given_and_one_that_is_none_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORDRILL_KEEP", "yes")

    assert load_settings({"keep": None}, tmp_path).keep is True
    assert load_settings({"keep": False}, tmp_path).keep is False


@pytest.mark.parametrize(
    ("text", "keep"),
    [("1", True), ("TRUE", True), ("on", True), ("0", False), ("No", False), ("off", False)],
)
def test_truth_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, keep: object
) -> None:
    monkeypatch.setenv("COLORDRILL_KEEP", text)

    assert load_settings({}, tmp_path).keep is keep


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COLORDRILL_KEEP", "perhaps"),
        ("COLORDRILL_SEED", "one"),
        ("COLORDRILL_SEED", "1.5"),
        ("COLORDRILL_PROFILE", "weekly"),
        ("COLORDRILL_DEVICE", "tpu"),
        ("COLORDRILL_STRATEGY", "tape"),
    ],
)
def test_a_malformed_environment_is_a_usage_problem_that_names_the_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(UsageProblem, match=value):
        load_settings({}, tmp_path)


def test_an_empty_variable_counts_as_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORDRILL_SEED", "")

    assert load_settings({}, tmp_path).seed == 1


def test_overrides_of_file_and_options_are_laid_over_each_other(tmp_path: Path) -> None:
    configured(tmp_path, "[pace]\ncanary_interval_s = 3\nstability_s = 4\n")

    settings = load_settings({"overrides": {"pace.stability_s": "5"}}, tmp_path)

    assert settings.overrides == {"pace.canary_interval_s": 3.0, "pace.stability_s": 5.0}


@pytest.mark.parametrize(
    "text",
    [
        "seed = ",
        "= 1",
        "[pace",
        "seed = 1\nseed = 2",
        b"\xff\xfe",
        b"\x00",
        "seed = 1 garbage",
    ],
)
def test_a_file_that_is_no_toml_is_a_usage_problem_with_its_path(
    tmp_path: Path, text: str | bytes
) -> None:
    configured(tmp_path, text)

    with pytest.raises(UsageProblem, match="cannot be read") as caught:
        load_settings({}, tmp_path)

    assert CONFIG_FILE in caught.value.cause
    assert caught.value.next_step


@pytest.mark.parametrize(
    "text",
    [
        "sed = 1",
        "seed = true",
        "strategy = 3",
        'strategy = "tape"',
        'seed = "one"',
        "seed = nan",
        "seed = inf",
        "seed = 1.5",
        "image = 5",
        "out = 3",
        "profile = ['gate']",
        "keep = 'perhaps'",
        "keep = 7",
        "pace = 3",
        "objectives = 'tight'",
        "pace = [1, 2]",
        "overrides = 5",
        "[overrides]\nsomething = 1",
        "[pace]\ncanary_interval_s = 'often'",
        "[pace]\ncanary_interval_s = true",
        "[pace.canary_interval_s]\nvalue = 1",
        "[unknown]\nx = 1",
    ],
)
def test_a_file_with_a_wrong_key_or_type_is_a_usage_problem(tmp_path: Path, text: str) -> None:
    configured(tmp_path, text)

    with pytest.raises(UsageProblem):
        load_settings({}, tmp_path)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load_settings({}, configured(tmp_path, "")) == Settings()


@pytest.mark.parametrize("key", ["pace.nothing", "speed.rto_s", "rto_s", "", ".", "pace.", "pace"])
def test_an_override_of_nothing_is_refused_with_what_can_be_set(key: str) -> None:
    with pytest.raises(UsageProblem, match="no setting") as caught:
        Settings(overrides={key: 1.0}).apply(HOST_POWER_LOSS)

    assert "pace.canary_interval_s" in caught.value.next_step
    assert "objectives.rto_s" in caught.value.next_step


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -1.0, 0.0])
@pytest.mark.parametrize(
    "key",
    [
        "pace.canary_interval_s",
        "pace.in_flight_max",
        "pace.confirm_count",
        "objectives.rto_s",
        "objectives.rpo_s",
        "objectives.delta_e_max",
        "objectives.chroma_ssim_min",
    ],
)
def test_absurd_overrides_are_refused(key: str, value: float) -> None:
    with pytest.raises(UsageProblem):
        Settings(overrides={key: value}).apply(HOST_POWER_LOSS)


@pytest.mark.parametrize("key", ["objectives.chroma_tile_min", "objectives.luma_ssim_min"])
def test_a_similarity_beyond_one_is_refused(key: str) -> None:
    with pytest.raises(UsageProblem, match=r"\(0, 1\]"):
        Settings(overrides={key: 1.01}).apply(HOST_POWER_LOSS)


@pytest.mark.parametrize(
    "key", ["objectives.lost_after_fault_max", "objectives.jobs_lost_max_slack"]
)
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_count_that_nothing_could_have_is_refused(key: str, value: float) -> None:
    with pytest.raises(UsageProblem):
        Settings(overrides={key: value}).apply(HOST_POWER_LOSS)


def test_a_count_is_a_whole_number() -> None:
    pace = Settings(overrides={"pace.confirm_count": 3.0}).apply(HOST_POWER_LOSS).pace

    assert pace.confirm_count == 3
    assert isinstance(pace.confirm_count, int)


def test_half_a_canary_is_refused() -> None:
    with pytest.raises(UsageProblem):
        Settings(overrides={"pace.confirm_count": 2.5}).apply(HOST_POWER_LOSS)


def test_overrides_win_over_the_profile() -> None:
    settings = Settings(profile="nightly", overrides={"pace.stability_s": 11.0})

    applied = settings.apply(HOST_POWER_LOSS)

    assert applied.pace.stability_s == 11.0
    assert applied.pace.steady_canaries == PROFILES["nightly"]["steady_canaries"]


def test_the_gate_profile_leaves_a_scenario_as_it_is() -> None:
    assert Settings().apply(HOST_POWER_LOSS) == HOST_POWER_LOSS


def test_an_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(UsageProblem, match="weekly") as caught:
        Settings(profile="weekly")

    assert "gate, nightly" in caught.value.cause
