"""`colordrill backup` as a user types it, and the points that there are."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from colordrill.cli import main

POINTS = [f"20261122T20153{number}.123Z" for number in range(4)]
WORKFLOW, PICTURE, PHOTO = "workflows/person.json", "output/a.png", "input/a.png"


def backup(*words: str) -> Result:
    return CliRunner().invoke(main, ["backup", *words])


def told(*words: str) -> Any:
    ended = backup(*words, "--json")
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)
