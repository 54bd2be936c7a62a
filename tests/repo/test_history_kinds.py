"""The kinds of history lines that code writes are those that the table in history.py explains."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from repo.tree import CODE, ROOT, expect_none, nodes_of, python_files, sample

HISTORY = ROOT / CODE / "history.py"
WRITERS = frozenset({"invoke", "note"})


def _literal(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _kinds_of(node: ast.AST) -> Iterable[str | None]:
    """Kinds named in a call of invoke or note, in an argument ``kind=``, or as its default."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS and node.args:
            yield _literal(node.args[0])
        yield from (_literal(each.value) for each in node.keywords if each.arg == "kind")
    elif isinstance(node, ast.FunctionDef):
        pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        yield from (_literal(default) for each, default in pairs if each.arg == "kind")


def written_kinds(paths: Iterable[Path]) -> set[str]:
    kinds = {kind for path in paths for node in nodes_of(path) for kind in _kinds_of(node)}
    return {kind for kind in kinds if kind is not None}


def explained_kinds(path: Path) -> set[str]:
    """The first column of the table in the module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    rows = re.split(r"^=+ =+ =+$", text, flags=re.MULTILINE)
    body = rows[2] if len(rows) > 2 else ""
    return set(re.findall(r"^([a-z_]+)\b", body, flags=re.MULTILINE))


def test_every_kind_that_is_written_is_explained() -> None:
    expect_none(written_kinds(python_files(CODE)) - explained_kinds(HISTORY))


def test_every_kind_that_is_explained_is_written() -> None:
    expect_none(explained_kinds(HISTORY) - written_kinds(python_files(CODE)))


def test_kinds_are_found_in_calls_arguments_and_defaults(tmp_path: Path) -> None:
    code = (
        "history.note('loose', x=1)\n"
        "operation = self._history.invoke('started', a=2)\n"
        "def send(*, kind: str = 'canary'): ...\n"
        "runner.send(kind='check')\n"
    )
    found = written_kinds([sample(tmp_path, "a.py", code)])
    assert found == {"loose", "started", "canary", "check"}


def test_a_kind_without_a_row_is_found(tmp_path: Path) -> None:
    rule = "=== === ===\n"
    table = f"{rule}kind what data\n{rule}upload x y\n       z\n{rule}"
    module = f'"""Lines.\n\n{table}"""\n'
    explained = explained_kinds(sample(tmp_path, "history.py", module))
    assert explained == {"upload"}
    written = written_kinds([sample(tmp_path, "a.py", "history.note('other')\n")])
    assert written - explained == {"other"}
