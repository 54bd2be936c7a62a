"""The configuration file is checked as a whole, whoever reads it and whatever he wants of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import UsageProblem
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.settings import (
    CONFIG_FILE,
    Settings,
    load_backup_plan,
    load_readiness_plan,
    load_settings,
)

Reader = Callable[[Mapping[str, Any], Path], Any]
readers = pytest.mark.parametrize("read", [load_settings, load_backup_plan, load_readiness_plan])


@readers
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sead = 3", "sead"),
        ("[bakup]\nkeep_last = 3", "bakup"),
        ("[backup]\nkeep_lastt = 3", r"backup\.keep_lastt"),
        ('[backup]\ninterval = "0s"', r"backup\.interval"),
        ('[readiness]\nmax_agee = "1h"', r"readiness\.max_agee"),
        ("[pace]\nfoo = 1", r"pace\.foo"),
        ("[pace]\nconfirm_count = 1.5", r"pace\.confirm_count"),
        ("[objectives]\nrto = 1", r"objectives\.rto"),
        ("[service]\nprot = 1", rf"{CONFIG_FILE} called 'prot'"),
        ("[notify]\nuri = 'x'", r"notify\.uri"),
        ('profile = "weekly"', "weekly"),
        ("garbage=[", "cannot be read"),
    ],
)
def test_what_is_wrong_anywhere_in_the_file_is_a_usage_problem(
    tmp_path: Path, read: Reader, text: str, named: str
) -> None:
    (tmp_path / CONFIG_FILE).write_text(text)

    with pytest.raises(UsageProblem, match=named):
        read({}, tmp_path)


@readers
@pytest.mark.parametrize(
    "text",
    [
        "seed = " + "9" * 5000,
        "seed = 0x" + "f" * 5000,
        "keep = 0x" + "f" * 5000,
        "x = " + "[" * 100_000,
        "x" + ".x" * 2000 + " = 1",
    ],
    ids=["digits", "hex", "hex_keep", "brackets", "dots"],
)
def test_a_number_or_a_nesting_without_end_is_a_usage_problem_with_the_path(
    tmp_path: Path, read: Reader, text: str
) -> None:
    (tmp_path / CONFIG_FILE).write_text(text)

    with pytest.raises(UsageProblem, match=f"{CONFIG_FILE} cannot be read") as caught:
        read({}, tmp_path)

    assert caught.value.next_step


@readers
@pytest.mark.parametrize(
    "make",
    [lambda path: path.symlink_to("absent"), lambda path: path.mkdir(), os.mkfifo],
    ids=["dangling", "directory", "pipe"],
)
def test_what_is_there_and_is_no_plain_file_does_not_count_as_absent(
    tmp_path: Path, read: Reader, make: Callable[[Path], None]
) -> None:
    make(tmp_path / CONFIG_FILE)

    with pytest.raises(UsageProblem, match=f"{CONFIG_FILE} is no plain file"):
        read({}, tmp_path)


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("seed = 7")
    (tmp_path / CONFIG_FILE).symlink_to("mine.toml")

    assert load_settings({}, tmp_path).seed == 7


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('image = ""', "image"),
        ('image = " "', "image"),
        ('image = "a\\u0000"', "image"),
        ('out = ""', "out"),
        ('[objectives]\nrto_s = "45"', r"objectives\.rto_s"),
        ("[objectives]\nrto_s = nan", r"objectives\.rto_s"),
        (f"[objectives]\nrto_s = {10**400}", r"objectives\.rto_s"),
    ],
)
def test_a_value_of_the_wrong_type_in_the_file_is_named(
    tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / CONFIG_FILE).write_text(text)

    with pytest.raises(UsageProblem, match=f"{CONFIG_FILE}: {named} must be"):
        load_settings({}, tmp_path)


@pytest.mark.parametrize("text", ["1_0", "٣", "0x10", "1e", "inf", "", " "])
def test_an_override_that_is_no_number_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageProblem, match=r"objectives\.rto_s must be a number"):
        load_settings({"overrides": {"objectives.rto_s": text}}, tmp_path)


@pytest.mark.parametrize("value", [45.0, 0.5, 1e-05, 1e22])
def test_an_override_as_a_record_repeats_it_is_the_same_number(value: float) -> None:
    settings = Settings(overrides={"objectives.rto_s": value})

    (text,) = (each for each in settings.words() if each.startswith("objectives.rto_s="))

    read = load_settings({"overrides": {"objectives.rto_s": text.partition("=")[2]}}, Path())
    assert read.overrides == settings.overrides
    assert read.apply(HOST_POWER_LOSS).objectives.rto_s == value


def test_an_empty_image_never_means_the_bundled_service() -> None:
    with pytest.raises(UsageProblem, match="image must be a text that is not empty"):
        Settings(image="")
