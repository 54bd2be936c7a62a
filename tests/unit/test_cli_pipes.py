from __future__ import annotations

import subprocess
import sys

from colordrill.errors import ExitCode


def test_a_reader_that_leaves_early_is_no_crash() -> None:
    command = [sys.executable, "-m", "colordrill.cli", "list", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        exit_code = process.wait(60)

    assert (exit_code, said) == (ExitCode.ENVIRONMENT, "")
