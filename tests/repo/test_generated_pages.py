"""The generated reference says what the code says; `make docs` writes it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest

from colordrill.fault.protocol import About
from colordrill.fault.registry import FAULTS
from colordrill.scenario.catalogue import SCENARIOS
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.scenario.model import Objectives, Scenario
from colordrill.stack.target import Capability
from repo.pages import anchors, links
from repo.tree import ROOT, expect_none

PAGES = "docs/reference/faults"


@dataclass(frozen=True)
class Generator:
    """The modules of `ci/reference_pages`, a program and no package."""

    pages: Any
    faults: Any
    scenarios: Any
    parts: Any


@pytest.fixture(scope="module")
def generator() -> Iterator[Generator]:
    names = ("pages", "fault_pages", "scenario_section", "page_parts")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "ci/reference_pages"))
        yield Generator(*map(import_module, names))
        for name in names:
            del sys.modules[name]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The reference in a directory of its own."""
    shutil.copytree(ROOT / "docs/reference", tmp_path / "docs/reference")
    return tmp_path


@dataclass
class Sleepy:
    """A part that sleeps.

    Attributes:
        target_name: the part.
        nap_s: how long
            it ``sleeps``.
        memory: nothing.
    """

    name: ClassVar[str] = "sleepy"
    about: ClassVar[About] = About(
        effect="It sleeps. For long.",
        method="By `docker pause`.",
        evidence="It snores.",
        cure="It is woken.",
        incidents="Mondays.",
        targets=("gateway, backup", "dr|primary: both"),
    )
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.FREEZE})

    target_name: str
    nap_s: float = 8.0
    capability: Capability = Capability.EXECUTE
    memory: dict[str, Any] = field(init=False, default_factory=dict)


NAPS = Scenario(
    name="naps",
    title="the gateway naps",
    description="It naps.",
    faults=(
        FaultSpec("sleepy", "gateway", {"nap_s": 2}, duration_s=2.0, times=3, pause_s=1.0),
        FaultSpec("sleepy", "backup", at_s=5.0),
        FaultSpec("unheard_of", "dr", latent=True),
    ),
    objectives=Objectives(rto_s=30.0, rpo_s=10.0, lost_after_fault_max=2),
)


def test_the_generated_pages_are_as_the_code_is(generator: Generator) -> None:
    expect_none(f"{path} is outdated: run `make docs`" for path in generator.pages.outdated(ROOT))


def test_every_fault_and_every_scenario_belongs_to_a_family(generator: Generator) -> None:
    further = generator.faults.FURTHER
    expect_none(
        name for name, each in FAULTS.items() if generator.faults.family_of(each) == further
    )
    section = generator.scenarios.scenario_section(SCENARIOS, {}, FAULTS)
    assert generator.scenarios.FURTHER not in section


SPOILED: dict[str, Callable[[Path], object]] = {
    "other": lambda root: (root / PAGES / "host_power_loss.md").write_text("other\n"),
    "absent": lambda root: (root / PAGES / "host_power_loss.md").unlink(),
    "of no fault": lambda root: (root / PAGES / "of_no_fault_any_more.md").write_text("old\n"),
    "scenario": lambda root: _replace(root / "docs/reference/scenarios.md", "RTO 30 s", "RTO 31 s"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_page_that_is_not_as_the_code_is_found_and_mended(
    generator: Generator, copy: Path, spoiled: str
) -> None:
    generator.pages.write(copy)
    SPOILED[spoiled](copy)

    assert len(generator.pages.outdated(copy)) == 1
    generator.pages.write(copy)
    assert generator.pages.outdated(copy) == ()


def test_what_is_written_by_hand_stays(generator: Generator, copy: Path) -> None:
    page = copy / "docs/reference/scenarios.md"
    _replace(page, "# Scenarios", "# Scenarios, and a word by hand")

    generator.pages.write(copy)

    assert "and a word by hand" in page.read_text("utf-8")


def test_a_page_without_its_marks_is_refused(generator: Generator) -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        generator.scenarios.inserted("# Scenarios\n", "section")


def test_a_fault_s_page_says_what_its_class_says(generator: Generator) -> None:
    page = generator.faults.fault_pages({"sleepy": Sleepy}, {"naps": NAPS})["sleepy.md"]

    for said in ("It sleeps. For long.", "By `docker pause`.", "It snores.", "It is woken."):
        assert said in page
    assert "- `gateway`\n- `backup`\n- `dr|primary`: both\n" in page
    assert "| `nap_s` | `8` | how long it `sleeps` |" in page
    assert "| `capability` | `execute` | one of `kill`, `network_cut`," in page
    assert "`memory`" not in page
    assert "[`naps`](../scenarios.md#naps): the gateway naps (aimed at `backup`)" in page
    assert "make docs" in page.splitlines()[0]


def test_the_index_holds_the_first_sentence_and_what_is_needed(generator: Generator) -> None:
    index = generator.faults.fault_pages({"sleepy": Sleepy}, {})["README.md"]

    assert "| [`sleepy`](sleepy.md) | It sleeps. | `freeze` |" in index


def test_a_scenario_s_section_says_what_happens_when(generator: Generator) -> None:
    section = generator.scenarios.scenario_section({"naps": NAPS}, {}, {"sleepy": Sleepy})
    words = " ".join(section.split())

    assert "naps" in anchors(section)
    assert set(links(section)) == {"#naps", "faults/sleepy.md"}
    assert "on `gateway` with `nap_s=2`, at once, for 2 s, 3 times with 1 s between" in words
    assert "on `backup`, after 5 s, healed at the end" in words
    assert "`unheard_of` on `dr`, planted before the steady state" in words
    assert "RTO 30 s, RPO 10 s, `lost_after_fault_max=2`" in words


def test_lines_are_short_and_code_is_not_broken(generator: Generator) -> None:
    long = "word " * 22 + "`one piece of code that must stay on one line` and more"

    lines = generator.parts.item(long).splitlines()

    assert max(map(len, lines)) <= 120
    assert any("`one piece of code that must stay on one line`" in line for line in lines)
    assert [line[:2] for line in lines] == ["- ", "  "]


def test_a_bar_in_a_table_is_escaped(generator: Generator) -> None:
    assert generator.parts.table(("a",), [("`x|y`",)]).endswith("| `x\\|y` |")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
