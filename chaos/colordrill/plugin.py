"""The pytest plugin: options, markers, and fixtures for people who write their own drills.

Everything heavy is imported by the fixtures, not here: pytest loads this module in every project
that has colordrill installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from colordrill.drill.run import DrillResult
    from colordrill.drill.stacks import Stacks
    from colordrill.drill.standing import HealthyStack
    from colordrill.scenario.settings import Settings

_OPTIONS = {
    "profile": "gate (default) or nightly",
    "image": "your own colorization image",
    "seed": "draws photos, crops and their order",
    "out": "where records go",
    "device": "cpu or cuda",
    "strategy": "how recovery points are kept: rsync, restic or s3",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--profile``, ``--image`` and ``--drill-*``, each also an ini key ``colordrill_*``."""
    group = parser.getgroup("colordrill", "disaster drills")
    for name, text in _OPTIONS.items():
        flag = f"--{name}" if name in {"profile", "image"} else f"--drill-{name}"
        group.addoption(flag, dest=f"colordrill_{name}", metavar=name.upper(), help=text)
        parser.addini(f"colordrill_{name}", text)
    group.addoption(
        "--drill-keep",
        dest="colordrill_keep",
        action="store_true",
        default=None,
        help="leave the stack standing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line("markers", "drill: runs a whole drill on a stack of its own")
    config.addinivalue_line("markers", "red: a red twin: must fail by its named check alone")
    config.addinivalue_line("markers", "nightly: not in the gate; for the night")


@pytest.fixture(scope="session")
def drill_settings(pytestconfig: pytest.Config) -> Settings:
    """The settings in force; later wins: ini keys, colordrill.toml, environment, options."""
    from colordrill.scenario.settings import load_settings

    options = {name: pytestconfig.getoption(f"colordrill_{name}") for name in (*_OPTIONS, "keep")}
    ini = {name: pytestconfig.getini(f"colordrill_{name}") for name in _OPTIONS}
    return load_settings(options, Path(pytestconfig.rootpath), ini)


@pytest.fixture(scope="session")
def drill_stacks(drill_settings: Settings) -> Iterator[Stacks]:
    """The stacks of this session's drills: one is used again where it is proven to be as new."""
    from colordrill.clock import SystemClock
    from colordrill.drill.stacks import Stacks

    with Stacks(drill_settings, SystemClock()) as stacks:
        yield stacks


@pytest.fixture(scope="session")
def run_drill(drill_settings: Settings, drill_stacks: Stacks) -> Callable[[str], DrillResult]:
    """Run a scenario by name and get its result, whatever the verdict."""
    from colordrill.drill.run import Drill
    from colordrill.errors import ColordrillError
    from colordrill.record.console import Progress
    from colordrill.scenario.catalogue import find_scenario

    def run(name: str) -> DrillResult:
        scenario = drill_settings.apply(find_scenario(name))
        with Progress(stream=sys.stderr) as progress:
            result = Drill(scenario, drill_settings, progress.step, drill_stacks).run()
        failed_anyway = (
            isinstance(result.error, ColordrillError) and result.record["verdict"] == "fail"
        )
        if result.error is not None and not failed_anyway:
            raise result.error
        return result

    return run


@pytest.fixture(scope="session")
def drill(run_drill: Callable[[str], DrillResult]) -> Callable[[str], DrillResult]:
    """Run a scenario by name; anything but ``pass`` fails the test and says which checks."""

    def run(name: str) -> DrillResult:
        result = run_drill(name)
        not_passed = [each for each in result.record["checks"] if each["verdict"] != "pass"]
        if result.record["verdict"] != "pass":
            lines = [f"{each['verdict']}: {each['name']}: {each['detail']}" for each in not_passed]
            listed = "\n  ".join(lines)
            pytest.fail(
                f"drill {name}: verdict {result.record['verdict']}\n  {listed}\n"
                f"record: {result.directory}",
                pytrace=False,
            )
        return result

    return run


@pytest.fixture(scope="session")
def stack(drill_settings: Settings) -> Iterator[HealthyStack]:
    """The whole stack, up and healthy, for tests of one's own; gone at the end of the session."""
    from colordrill.clock import SystemClock
    from colordrill.drill.assets import load_assets
    from colordrill.drill.standing import healthy_stack, images_for, plan_for
    from colordrill.record.console import Progress
    from colordrill.stack.sweep import sweep

    with Progress(stream=sys.stderr) as progress:
        sweep(progress.step)
        assets = load_assets(drill_settings.service)
        plan = plan_for(drill_settings, images_for(drill_settings, progress.step))
        with healthy_stack(plan, assets, progress.step, SystemClock()) as healthy:
            yield healthy
