"""Which surviving mutants matter: those that may change a verdict and that nobody has explained."""

from __future__ import annotations

import io
import json
import re
import tokenize
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LIST = Path(__file__).with_name("survivors.json")
_NAME = re.compile(r"^(?P<function>.*)__mutmut_\d+$")


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test notices.

    Attributes:
        function: module and function, without the mutant's number: numbers change with the code.
        removed: the lines that were replaced, as one text without surplus spaces.
        added: what they were replaced by.
    """

    function: str
    removed: str
    added: str

    @classmethod
    def read(cls, name: str, diff: str) -> Self:
        """From mutmut's name and its diff."""
        match = _NAME.match(name)
        removed, added = (
            " ".join(line[1:].strip() for line in diff.splitlines() if _changed(line, mark))
            for mark in "-+"
        )
        return cls(match["function"] if match else name, removed, added)

    @property
    def told(self) -> str:
        """For people, and for the list."""
        return f"{self.function}: {self.removed}  →  {self.added}"

    @property
    def changes_words_alone(self) -> bool:
        """Whether only sentences differ: texts with spaces in them, which no verdict rests on."""
        before, after = _tokens(self.removed), _tokens(self.added)
        if before is None or after is None or len(before) != len(after):
            return False
        return all(
            one == other or (_is_sentence(one) and _is_text(other))
            for one, other in zip(before, after, strict=True)
        )


def explained() -> tuple[dict[str, str], Callable[[Iterable[Survivor]], list[str]]]:
    """The reasons by mutant, and what finds those that are not needed any more."""
    entries = json.loads(LIST.read_text(encoding="utf-8"))
    reasons = {entry["mutant"]: entry["reason"] for entry in entries}

    def stale(survivors: Iterable[Survivor]) -> list[str]:
        return sorted(set(reasons) - {each.told for each in survivors})

    return reasons, stale


def unexplained(survivors: Iterable[Survivor], reasons: dict[str, str]) -> list[Survivor]:
    """Those that may change a verdict, each of them once."""
    gaps = {
        each.told: each
        for each in survivors
        if not each.changes_words_alone and each.told not in reasons
    }
    return [gaps[told] for told in sorted(gaps)]


def _changed(line: str, mark: str) -> bool:
    return line.startswith(mark) and not line.startswith(mark * 3)


def _tokens(text: str) -> list[str] | None:
    try:
        found = list(tokenize.generate_tokens(io.StringIO(text.strip()).readline))
    except (tokenize.TokenError, IndentationError):
        # a line out of the middle of a bracket: what there is of it is enough to compare
        found = _leading_tokens(text.strip())
    layout = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    return [each.string for each in found if each.type not in layout]


def _leading_tokens(text: str) -> list[tokenize.TokenInfo]:
    found: list[tokenize.TokenInfo] = []
    try:
        for each in tokenize.generate_tokens(io.StringIO(text).readline):
            found.append(each)  # noqa: PERF402 (what came before the error is kept)
    except (tokenize.TokenError, IndentationError):
        pass
    return found


def _is_text(token: str) -> bool:
    return token.endswith(('"', "'"))


def _is_sentence(token: str) -> bool:
    return _is_text(token) and " " in token.strip("\"'").strip()
