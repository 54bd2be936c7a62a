"""A whole failover drill: its history, its conclusion, its record, its run directory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from colordrill.history import Event, read_history
from colordrill.outcome import Actuals, Check, Counts, Outcome, Verdict
from colordrill.record.journal import RunDirectory
from colordrill.record.model import DrillFacts, EnvironmentFacts, build_record
from colordrill.scenario.catalogue import HOST_POWER_LOSS

HISTORY = Path(__file__).parent / "data" / "history.jsonl"
STARTED = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)

CHECKS = (
    Check(
        "steady_state",
        Verdict.PASS,
        10,
        6,
        "10 canaries in a row were correct before the fault.",
    ),
    Check(
        "fault_evidence",
        Verdict.PASS,
        1,
        1,
        "The gateway lost the primary 0.61 s after the injection began.",
    ),
    Check("rto", Verdict.PASS, 13.62, 60.0, "12 correct canaries followed the first one."),
    Check("rpo", Verdict.PASS, 1.2, 8.0, "1 of 11 acknowledged items is gone, 1.2 s old."),
    Check(
        "backup_promise",
        Verdict.PASS,
        1.06,
        4.0,
        "The slowest of 4 snapshots was published after 1.06 s.",
    ),
    Check("integrity", Verdict.PASS, 0, 0, "No item came back with other bytes."),
    Check("colour", Verdict.PASS, 0.99884, 0.985, "Worst of 12 pictures, `person` at +18 s."),
    Check("fault_healed", Verdict.PASS, 1, 1, "All containers of the primary run again."),
)

ACTUALS = Actuals(
    rta_s=13.62,
    rta_from_detection_s=11.51,
    rta_breakdown={
        "detect_s": 2.11,
        "start_s": 3.17,
        "mount_s": 2.53,
        "verify_s": 3.71,
        "switch_s": 0.15,
        "first_correct_s": 1.85,
    },
    rpa_s=1.2,
    bad_output_s=0.0,
    chroma_ssim_min=0.99884,
    chroma_tile_min=0.9911,
    luma_ssim_min=0.99931,
    delta_e_max=0.0894,
)

DRILL = DrillFacts(
    id="20260314T092653Z-host_power_loss-1",
    scenario="host_power_loss",
    seed=1,
    profile="gate",
    started_at=STARTED,
    finished_at=STARTED.replace(minute=28),
    command="colordrill run host_power_loss --seed 1 --profile gate",
)

ENVIRONMENT = EnvironmentFacts(
    host={"system": "Linux", "kernel": "6.12.38", "cores": 2.0, "memory_gb": 7.8},
    engine={"version": "28.3.2", "api": "1.51"},
    images={"colorization": "colordrill/colorization:4f1c9d2 sha256:" + "4f" * 32},
    config_sha256="c0" * 32,
    software={"colordrill": "0.1.0", "scikit-image": "0.26.0"},
)

MEASUREMENTS = {
    "harness_rss_mb": 181.4,
    "scoring_rss_mb": 412.9,
    "container_rss_mb": 903.0,
    "wall_s": 71.3,
}


@pytest.fixture
def events() -> list[Event]:
    return list(read_history(HISTORY))


@pytest.fixture
def record(events: list[Event]) -> dict[str, Any]:
    return build(events)


@pytest.fixture
def build_drill(events: list[Event]) -> Callable[..., dict[str, Any]]:
    """Builds the drill's record with some arguments changed."""
    return lambda **changed: build(**{"events": events, **changed})


@pytest.fixture
def failed(events: list[Event]) -> dict[str, Any]:
    """The same drill with a failing and an unknown check."""
    checks = (
        *CHECKS[:2],
        Check("rto", Verdict.FAIL, 72.5, 60.0, "The first correct picture came too late."),
        Check("rpo", Verdict.UNKNOWN, None, 8.0, "Only 2 recovery points precede the fault"),
    )
    return build(events, checks=checks)


@pytest.fixture
def run(tmp_path: Path, events: list[Event]) -> RunDirectory:
    """A run directory with a picture wherever the history names one."""
    created = RunDirectory.create(tmp_path / "runs", "host_power_loss", 1, STARTED)
    created.history.write_bytes(HISTORY.read_bytes())
    for event in events:
        names = [event.data.get(key) for key in ("image", "input", "golden", "difference")]
        for name in filter(None, names):
            Image.new("RGB", (24, 16), (160, 120, 90)).save(created.path / name)
    return created


def build(
    events: list[Event], *, checks: tuple[Check, ...] = CHECKS, **changed: Any
) -> dict[str, Any]:
    return build_record(
        **{
            "drill": DRILL,
            "environment": ENVIRONMENT,
            "scenario": HOST_POWER_LOSS,
            "outcome": Outcome(checks, ACTUALS, Counts(31, 29, 28, lost=1)),
            "events": events,
            "participants": ["colordrill (harness)", "ops on call"],
            "measurements": MEASUREMENTS,
            **changed,
        }
    )
