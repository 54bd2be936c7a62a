"""The gate drill: it passes, its record is whole, and nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from colordrill.drill.run import DrillResult
    from colordrill.drill.stacks import Stacks

DESIGNED_FIELDS = {
    "drill": {"id", "scenario", "seed", "profile", "started_at", "finished_at", "command"},
    "environment": {"host", "engine", "images", "config_sha256", "software"},
    "objectives": {
        "rto_s", "rpo_s", "chroma_ssim_min", "chroma_tile_min", "luma_ssim_min", "delta_e_max",
    },
    "actuals": {
        "rta_s", "rta_from_detection_s", "rta_breakdown", "rpa_s", "bad_output_s",
        "chroma_ssim_min", "chroma_tile_min", "luma_ssim_min", "delta_e_max",
    },
    "counts": {
        "accepted", "completed", "delivered", "lost", "corrupt", "unknown", "lost_after_fault",
        "jobs_lost",
    },
}  # fmt: skip
BREAKDOWN = {"detect_s", "start_s", "mount_s", "verify_s", "switch_s", "first_correct_s"}


@pytest.mark.drill
def test_host_power_loss_is_recovered_within_its_objectives(
    drill: Callable[[str], DrillResult],
    drill_stacks: Stacks,
    containers: Callable[[], list[str]],
) -> None:
    result = drill("host_power_loss")
    drill_stacks.remove()

    record = json.loads((result.directory / "record.json").read_text(encoding="utf-8"))
    for section, names in DESIGNED_FIELDS.items():
        assert names <= record[section].keys(), section
        assert all(record[section][name] is not None for name in names), section
    assert record["actuals"]["rta_breakdown"].keys() == BREAKDOWN
    assert [step["name"] for step in record["steps"]] == [
        "start", "mount", "verify", "switch", "record",
    ]  # fmt: skip
    for name in ("history.jsonl", "report.html", "report.md", "junit.xml"):
        assert (result.directory / name).stat().st_size > 0
    assert len(list((result.directory / "logs").glob("*.log"))) == 11
    assert containers() == []


@pytest.mark.drill
def test_the_schema_of_the_record_travels_with_the_package() -> None:
    schema = json.loads(files("colordrill.record").joinpath("schema.json").read_text("utf-8"))

    assert set(DESIGNED_FIELDS) <= set(schema["required"])
