"""A page for each fault, from its class, and the table of all of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from page_parts import code, first_sentence, item, page, paragraph, table

from colordrill.fault.registry import parameters_of
from colordrill.scenario.model import Scenario

NOTE = (
    "<!-- Generated from the faults' classes by `make docs` (ci/reference_pages), do not edit. -->"
)
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Network": ("network", "partition"),
    "Processes and hosts": ("host", "process", "power"),
    "Disks and data": ("disk", "data", "damage"),
    "Configuration, data and people's mistakes": ("configuration", "service_state", "clock_skew"),
}
"""Headings, and what the names of their modules in `colordrill.fault` begin with."""

FURTHER = "Further faults"
_NAME = re.compile(r"[\w|-]+")
_ATTRIBUTE = re.compile(r"^(\w+): (.+(?:\n[ ]{2,}.+)*)", re.MULTILINE)


def fault_pages(faults: Mapping[str, Any], scenarios: Mapping[str, Scenario]) -> dict[str, str]:
    """File name to content, README.md included."""
    pages = {f"{name}.md": _page(fault, scenarios.values()) for name, fault in faults.items()}
    return {**pages, "README.md": _index(faults)}


def family_of(fault: Any) -> str:
    """The heading under which *fault* is listed."""
    module = fault.__module__.rpartition(".")[2]
    for heading, beginnings in FAMILIES.items():
        if module.startswith(beginnings):
            return heading
    return FURTHER


def _index(faults: Mapping[str, Any]) -> str:
    blocks = [
        NOTE,
        "# Faults",
        paragraph(
            "Everything that can be broken on purpose, by name. A fault carries its own evidence, "
            "seen by a peer, and its own cure, which is read back. "
            "[Scenarios](../scenarios.md) use them; "
            "[how to write your own drill](../../how-to/write-your-own-drill.md) says how they are "
            "composed. `colordrill list --faults` prints this list."
        ),
    ]
    for heading in (*FAMILIES, FURTHER):
        rows = [
            (
                f"[{code(name)}]({name}.md)",
                first_sentence(fault.about.effect),
                _needs(fault),
            )
            for name, fault in sorted(faults.items())
            if family_of(fault) == heading
        ]
        if rows:
            blocks += [f"## {heading}", table(("fault", "what it does", "needs"), rows)]
    return page(*blocks)


def _page(fault: Any, scenarios: Iterable[Scenario]) -> str:
    about = fault.about
    used = _uses(scenarios, fault.name)
    return page(
        NOTE,
        f"# {code(fault.name)}",
        paragraph(about.effect),
        "## How it is made",
        paragraph(about.method),
        "## Evidence",
        paragraph(about.evidence),
        "## Cure",
        paragraph(about.cure),
        "## What it can be aimed at",
        "\n".join(item(each) for each in _targets(about.targets)),
        "## Parameters",
        _parameters(fault),
        "## What it needs",
        paragraph(
            f"The [capabilities](../stack.md#capabilities) {_needs(fault)}. A stack that lacks one "
            "is refused before anything is touched."
        ),
        "## What has really happened",
        paragraph(about.incidents),
        "## Drills that use it",
        "\n".join(map(item, used)) or "None of the catalogue; it is there for drills of your own.",
        "[All faults](README.md)",
    )


def _uses(scenarios: Iterable[Scenario], name: str) -> list[str]:
    """The scenarios that use the fault *name*; with its target where they aim it differently."""
    used = [(each, spec.target) for each in scenarios for spec in each.faults if spec.name == name]
    differ = len({target for _, target in used}) > 1
    return [
        f"[{code(each.name)}](../scenarios.md#{each.name}): {each.title}"
        + (f" (aimed at {code(target)})" if differ else "")
        for each, target in used
    ]


def _needs(fault: Any) -> str:
    return ", ".join(code(each) for each in sorted(fault.requires))


def _targets(targets: Iterable[str]) -> list[str]:
    """Names as code; a text that lists names is taken apart."""
    found = []
    for text in targets:
        names = text.split(", ")
        for each in names if all(map(_NAME.fullmatch, names)) else [text]:
            name, colon, rest = each.partition(":")
            found.append(code(name) + colon + rest if _NAME.fullmatch(name) else each)
    return found


def _parameters(fault: Any) -> str:
    meanings = _meanings(fault)
    rows = [
        (code(name), _shown(default), _explained(default, meanings.get(name, "")))
        for name, default in parameters_of(fault).items()
    ]
    return table(("parameter", "default", "meaning"), rows) if rows else "None."


def _shown(default: object) -> str:
    value = default.value if isinstance(default, Enum) else default
    if value is None or value == "":
        return "–"
    return code(f"{value:g}" if isinstance(value, float) else value)


def _explained(default: object, meaning: str) -> str:
    """*meaning*, with what can be chosen where that is a fixed list."""
    if not isinstance(default, Enum):
        return meaning
    choice = f"one of {', '.join(code(each.value) for each in type(default))}"
    return f"{meaning}; {choice}" if meaning else choice


def _meanings(fault: Any) -> dict[str, str]:
    """What the docstrings of the class and of those that it builds on say of each attribute."""
    found: dict[str, str] = {}
    for owner in reversed(fault.__mro__):
        text = inspect.cleandoc(vars(owner).get("__doc__") or "")
        _, _, section = text.partition("Attributes:\n")
        for name, meaning in _ATTRIBUTE.findall(inspect.cleandoc("\n" + section)):
            found[name] = " ".join(meaning.split()).rstrip(".").replace("``", "`")
    return found
