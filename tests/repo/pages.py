"""Pages and messages as their rules see them: links, headings, and the commands they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from repo.tree import nodes_of

FENCE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^(?: {4}|\t)(?![*+-] |\d+\. )(.+)$", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def prose(text: str) -> str:
    """A page without its code."""
    return INLINE.sub("", FENCE.sub("", text))


def links(text: str) -> list[str]:
    """Every link and picture of a page."""
    # link texts may hold code; what is code as a whole is no link
    return LINK.findall(FENCE.sub("", text).replace("`", ""))


def anchors(text: str) -> set[str]:
    """What ``#…`` may name in a page."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def code(text: str) -> list[str]:
    """Every line of code on a page, inline code included; continued lines are joined."""
    blocks = [match[0].split("\n", 1)[1] for match in FENCE.finditer(text)]
    rest = FENCE.sub("", text)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [*joined.splitlines(), *INLINE.findall(rest), *INDENTED.findall(rest)]


def messages(path: Path) -> Iterator[str]:
    """Inline code in the texts of a Python module: what messages tell people to type."""
    for node in nodes_of(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from INLINE.findall(node.value)
