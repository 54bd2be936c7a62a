"""Follows what a running command says."""

from __future__ import annotations

import subprocess
import threading

REACHED_LIMIT_S = 300


class Follower:
    """Reads a command's messages as they come, and knows when one of them was said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def await_line(self, text: str) -> None:
        with self._said:
            found = self._said.wait_for(
                lambda: any(text in line for line in self.lines), REACHED_LIMIT_S
            )
        assert found, self.lines

    def close(self) -> None:
        """Read to the end and close the command's pipes."""
        self._thread.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()
