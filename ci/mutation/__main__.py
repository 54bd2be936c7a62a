"""Mutates the verdict's code and the picture judgement; exit 1 if a mutant survives unexplained.

    python ci/mutation [--only rto --only rpo] [--children 2] [--keep DIR]

A mutant is a small change of the code. One that no test notices is a gap in the tests, unless it
changes no verdict: then `survivors.json` says why. What changes only the words of a sentence is
passed over. Half an hour on two cores; for the nightly run, not for the gate.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from survivors import Survivor, explained, unexplained
from workspace import Results, prepare, results_of

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the tool in a copy of the tree, and judge what it left."""
    parser = argparse.ArgumentParser(prog="ci/mutation", description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="a module; default: all")
    parser.add_argument("--children", type=int, default=2, help="mutants tested at once")
    parser.add_argument("--keep", type=Path, help="work here, and leave it for `mutmut browse`")
    chosen = parser.parse_args()
    directory = chosen.keep or Path(tempfile.mkdtemp(prefix="colordrill-mutation-"))
    try:
        prepare(ROOT, directory, chosen.only)
        command = [_mutmut(), "run", "--max-children", str(chosen.children)]
        done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, check=False)
        results = results_of(directory)
        return _judge(results, directory, whole=not chosen.only, exit_code=done.returncode)
    finally:
        if chosen.keep is None:
            shutil.rmtree(directory, ignore_errors=True)


def _judge(results: Results, directory: Path, *, whole: bool, exit_code: int) -> int:
    print(
        f"\n{results.killed} of {results.count} mutants are noticed, "
        f"{len(results.survived)} survive, {len(results.untested)} are reached by no test, "
        f"{len(results.unfinished)} were not tried"
    )
    if not results.count or results.unfinished:
        print(f"the run did not end (mutmut's exit code {exit_code}): nothing is proven")
        return 1
    survivors = _survivors([*results.survived, *results.untested], directory)
    known, stale = explained()
    gaps = unexplained(survivors, known)
    _list("survive, and nobody says why", (each.told for each in gaps))
    unused = stale(survivors) if whole else []
    _list("are explained in survivors.json, and do not survive", unused)
    return 1 if gaps or unused else 0


def _survivors(names: list[str], directory: Path) -> list[Survivor]:
    shown = subprocess.run(
        [sys.executable, Path(__file__).with_name("diffs.py")],
        cwd=directory,
        input="\n".join(names),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [Survivor.read(name, diff) for name, diff in json.loads(shown.stdout).items()]


def _list(what: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        print(f"\n{len(found)} {what}:")
        for each in found:
            print(f"  {each}")


def _mutmut() -> str:
    return str(Path(sys.executable).with_name("mutmut"))


if __name__ == "__main__":
    sys.exit(main())
