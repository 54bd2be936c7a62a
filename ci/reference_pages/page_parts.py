"""Markdown as the pages of this repository are written: wrapped lines, tables, code kept whole."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 120
_KEPT = re.compile(r"`[^`]+`|\[[^\]]*\]\([^)]*\)")
_SENTENCE = re.compile(r"(?<=[.!?])\s")
_SPACE = "\0"


def paragraph(text: str, *, first: str = "", then: str = "") -> str:
    """*text* in lines of at most 120 characters; code and links are never broken.

    Args:
        text: what to wrap.
        first: the first line begins with it.
        then: the other lines begin with it.
    """
    kept = _KEPT.sub(lambda match: match[0].replace(" ", _SPACE), " ".join(text.split()))
    wrapped = textwrap.fill(
        kept,
        WIDTH,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped.replace(_SPACE, " ")


def item(text: str) -> str:
    """*text* as an entry of a list."""
    return paragraph(text, first="- ", then="  ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """*text* as code."""
    return f"`{text}`"


def first_sentence(text: str) -> str:
    """Up to the first full stop."""
    return _SENTENCE.split(text.strip(), maxsplit=1)[0]


def page(*blocks: str) -> str:
    """Blocks with an empty line between them; empty ones are left out."""
    return "\n\n".join(block for block in blocks if block) + "\n"
