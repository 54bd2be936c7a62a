"""The receiver that the page shows, run as a reader would run it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from colordrill.clock import SystemClock, poll
from colordrill.recover.notices import NoticeEvent, signature
from contract.webhook.conftest import SHORT, Recovery

PAGE = Path(__file__).parents[3] / "docs/how-to/receive-notices.md"
SECRET = b"of the page"
BODY = b'{"delivery": "d-1", "recovery": "r", "event": "ended", "step": null, "outcome": "done"'
NOTICE = BODY + b', "detail": "all is well"}'


@dataclass
class Example:
    """The running receiver."""

    url: str
    process: subprocess.Popen[str]

    def post(self, body: bytes, secret: bytes = SECRET, *, age_s: int = 0) -> int:
        timestamp = str(int(SystemClock().wall().timestamp()) - age_s)
        headers = {
            "X-Colordrill-Timestamp": timestamp,
            "X-Colordrill-Signature": signature(secret, timestamp, body),
        }
        return httpx.post(self.url, content=body, headers=headers, trust_env=False).status_code

    def printed(self) -> list[str]:
        """Its lines; it is ended for that."""
        self.process.terminate()
        printed, _ = self.process.communicate(timeout=10)
        return printed.splitlines()


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    (source,) = re.findall(
        r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "receiver.py").write_text(source, encoding="utf-8")
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "receiver.py", str(port), "secret"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:

        def listens() -> bool | None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return None

        try:
            poll(SystemClock(), listens, awaited="the page's receiver to listen", timeout_s=20)
            yield Example(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()


def test_it_takes_what_a_recovery_sends(example: Example, recovery: Recovery) -> None:
    sender = recovery.sender(example.url, SHORT, SECRET)
    sender.notify(NoticeEvent.STARTED, detail="steps: start")
    sender.notify(NoticeEvent.STEP, step="start", outcome="ok", detail="it runs")

    assert sender.close() == 0
    assert example.printed() == ["run-1 started - steps: start", "run-1 step start ok - it runs"]


def test_it_acts_once_on_what_comes_twice(example: Example) -> None:
    assert [example.post(NOTICE), example.post(NOTICE)] == [204, 204]
    assert example.printed() == ["r ended done - all is well"]


def test_it_refuses_another_secret_an_old_notice_and_what_is_too_long(example: Example) -> None:
    assert example.post(NOTICE, b"other") == 403
    assert example.post(NOTICE, age_s=600) == 403
    assert example.post(NOTICE, age_s=-600) == 403
    assert example.post(b"x" * 65537) == 413
    assert httpx.post(example.url, content=NOTICE, trust_env=False).status_code == 403
    assert not example.printed()
