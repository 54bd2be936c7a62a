"""Starts what keeps recovery points, once per module; every strategy is put to the same tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from colordrill.backup.restic import ResticStrategy
from colordrill.backup.rsync import RsyncStrategy
from colordrill.backup.s3 import S3Strategy
from colordrill.stack.runs import RUN_LABEL, Run
from fakes.strategy_lab import Kept, StrategyLab, start_lab

STRATEGIES = ("rsync", "restic", "s3")


@pytest.fixture(scope="module")
def standing_lab(engine: Any, run: Run, image_of: Callable[[str], str]) -> StrategyLab:
    """The containers of a module; their owner (the run) removes them."""
    images = (image_of("backup"), image_of("minio"))
    return start_lab(engine, run.project, {RUN_LABEL: run.id}, images)


@pytest.fixture
def strategy_lab(standing_lab: StrategyLab) -> StrategyLab:
    """The containers with empty sites and no point anywhere."""
    standing_lab.clear()
    return standing_lab


@pytest.fixture(params=STRATEGIES)
def kept(request: pytest.FixtureRequest, strategy_lab: StrategyLab) -> Kept:
    """One of the strategies."""
    return kept_by(request.param, strategy_lab)


@pytest.fixture
def offsite(strategy_lab: StrategyLab) -> Kept:
    """The off-site copies."""
    return kept_by("restic", strategy_lab)


@pytest.fixture
def buckets(strategy_lab: StrategyLab) -> Kept:
    """The points in the replicated bucket."""
    return kept_by("s3", strategy_lab)


def kept_by(name: str, lab: StrategyLab) -> Kept:
    target = lab.target()
    near = RsyncStrategy(target)
    lab.used.add(name)
    if name == "restic":
        return Kept(lab, near, ResticStrategy(target), lab.storage)
    if name == "s3":
        return Kept(lab, near, S3Strategy(target), lab.storage)
    return Kept(lab, near, near, lab.server)
