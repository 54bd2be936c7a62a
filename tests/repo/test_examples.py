"""The Python examples of the pages are Python, and the scenarios in them can be drilled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from colordrill.fault.registry import build_fault, capabilities_of
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Scenario
from repo.tree import ROOT, markdown_files, place

EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
WRITE_YOUR_OWN = ROOT / "docs/how-to/write-your-own-drill.md"


def examples(path: Path) -> list[str]:
    """The Python blocks of a page."""
    return EXAMPLE.findall(path.read_text(encoding="utf-8"))


def scenarios_of(source: str) -> list[Scenario]:
    """The scenarios that an example defines at its top level."""
    names: dict[str, object] = {}
    exec(compile(source, str(WRITE_YOUR_OWN), "exec"), names)  # noqa: S102 (our own page)
    return [each for each in names.values() if isinstance(each, Scenario)]


@pytest.mark.parametrize(
    ("page", "source"),
    [(place(path), source) for path in markdown_files() for source in examples(path)],
)
def test_an_example_is_python(page: str, source: str) -> None:
    compile(source, page, "exec")


def test_the_scenario_of_one_s_own_resolves_and_is_composed_as_its_page_explains() -> None:
    found = [
        scenario
        for source in examples(WRITE_YOUR_OWN)
        if "FaultSpec(" in source
        for scenario in scenarios_of(source)
    ]

    assert [each.name for each in found] == ["frozen_then_killed"]
    latent, flapping, later = found[0].faults
    assert [build_fault(spec).target_name for spec in found[0].faults] == [
        "dr-storage",
        "primary-colorization",
        "primary-colorization",
    ]
    assert capabilities_of(found[0].faults)
    assert latent.latent
    assert flapping.ends_s == 8.0
    assert later.at_s == flapping.ends_s + 2.0
    assert found[0].recovery is Recovery.UNAIDED
