"""Every generated page: its content, whether its file is outdated, and the writing of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fault_pages import fault_pages
from scenario_section import inserted, scenario_section

from colordrill.fault.registry import FAULTS
from colordrill.scenario.catalogue import SABOTAGES, SCENARIOS

REFERENCE = Path("docs/reference")
FAULT_PAGES = REFERENCE / "faults"
SCENARIOS_PAGE = REFERENCE / "scenarios.md"


def generated(root: Path) -> Mapping[Path, str]:
    """The content of every generated page, by its path below *root*.

    Args:
        root: where the hand-written parts of the scenarios' page are read.
    """
    pages = {FAULT_PAGES / name: text for name, text in fault_pages(FAULTS, SCENARIOS).items()}
    by_hand = (root / SCENARIOS_PAGE).read_text(encoding="utf-8")
    section = scenario_section(SCENARIOS, SABOTAGES, FAULTS)
    return {**pages, SCENARIOS_PAGE: inserted(by_hand, section)}


def outdated(root: Path) -> tuple[Path, ...]:
    """Pages below *root* that are not as they would be written, absent, or of no fault any more."""
    pages = generated(root)
    there = {path.relative_to(root) for path in (root / FAULT_PAGES).glob("*.md")}
    wrong = {path for path, text in pages.items() if _read(root / path) != text}
    return tuple(sorted(wrong | (there - pages.keys())))


def write(root: Path) -> tuple[Path, ...]:
    """Write and remove what is outdated below *root*; returns its paths."""
    pages, changed = generated(root), outdated(root)
    (root / FAULT_PAGES).mkdir(parents=True, exist_ok=True)
    for path in changed:
        if path in pages:
            (root / path).write_text(pages[path], encoding="utf-8")
        else:
            (root / path).unlink()
    return changed


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
