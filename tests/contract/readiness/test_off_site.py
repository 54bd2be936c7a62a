"""`off_site` on a real stack: each defect of the copies is found by it, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import pytest

from colordrill.backup.restic import ResticStrategy, run_store
from colordrill.clock import poll
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part

from .conftest import CLOCK, Standing, readiness

pytestmark = [pytest.mark.docker, pytest.mark.nightly]

UP_LIMIT_S = 60.0
Planting = Callable[[Standing], AbstractContextManager[None]]
# with the storage's own account, which lies in its environment
ACCOUNT = """
export MC_CONFIG_DIR=/tmp/mc-offsite
export MC_HOST_local="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"
mc --quiet admin user "$1" local "$OFFSITE_READER_USER"
"""
WITH_ANOTHER_KEY = "RESTIC_PASSWORD=another restic --no-cache --quiet init"


def done(standing: Standing, part: Part, script: str, *words: str) -> None:
    executed = standing.stack.target.execute(part, ["sh", "-c", script, "sh", *words])
    assert executed.exit_code == 0, executed


@contextmanager
def account_disabled(standing: Standing) -> Iterator[None]:
    done(standing, Part.DR_STORAGE, ACCOUNT, "disable")
    try:
        yield
    finally:
        done(standing, Part.DR_STORAGE, ACCOUNT, "enable")


@contextmanager
def repository_removed(standing: Standing) -> Iterator[None]:
    run_store(standing.stack.target, "empty")
    try:
        yield
    finally:
        run_store(standing.stack.target, "empty")
        done(standing, Part.BACKUP, "rm -f /backup/offsite-repository.json")
        standing.copy_off_site(standing.back_up())


@contextmanager
def another_key(standing: Standing) -> Iterator[None]:
    with repository_removed(standing):
        done(standing, Part.BACKUP, WITH_ANOTHER_KEY)
        yield


DEFECTS: Mapping[str, tuple[Planting, str]] = {
    "the DR site's account is disabled": (account_disabled, "does not let restic in"),
    "the repository is gone": (repository_removed, "there is none"),
    "the repository has another key": (another_key, "key does not open"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_copies_that_the_dr_site_cannot_read_are_found(standing: Standing, defect: str) -> None:
    plant, told = DEFECTS[defect]

    with plant(standing):
        found = readiness()

    assert found.named("fail") == {"off_site"}, found
    assert (found.exit_code, found.named("unknown")) == (1, set())
    assert told in found.detail("off_site")


def test_copies_that_stopped_coming_are_found(standing: Standing) -> None:
    assert readiness("--offsite-max-age", "1s").named("fail") == {"off_site"}


def test_a_store_that_is_down_is_unknown_and_never_green(standing: Standing) -> None:
    target = standing.stack.target
    target.kill([Part.DR_STORAGE])
    try:
        found = readiness()
    finally:
        target.start(Part.DR_STORAGE)
        poll(
            CLOCK,
            lambda: _listed(ResticStrategy(target)),
            awaited="the copies off site",
            timeout_s=UP_LIMIT_S,
        )

    assert (found.exit_code, found.named("fail")) == (3, set()), found
    assert found.named("unknown") == {"off_site", "clocks"}


def _listed(copies: ResticStrategy) -> object:
    try:
        return copies.listed() or None
    except EnvironmentProblem:
        return None


def test_copies_that_nobody_wants_count_neither_way(standing: Standing) -> None:
    with repository_removed(standing):
        found = readiness("--no-offsite")

    assert (found.exit_code, found.told["left_out"]) == (0, ["off_site", "same_colour"])
