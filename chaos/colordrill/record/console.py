"""What a drill says on a terminal: its summary, and its progress while it runs."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, cast

from rich import box
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from colordrill.clock import Clock, SystemClock, seconds_between
from colordrill.record.wording import breakdown, figure, headline, printable, score, seconds

STYLES = {"pass": "bold green", "fail": "bold red", "unknown": "bold yellow"}
_MEASUREMENTS = {
    "canary_interval_s": "canary interval in force",
    "harness_rss_mb": "harness memory",
    "scoring_rss_mb": "scoring memory",
    "container_rss_mb": "container memory",
    "wall_s": "wall time",
}


class _Forgiving(io.TextIOBase):
    """Passes text on, and keeps quiet where the reader has gone or the disk is full.

    rich answers a broken pipe by exiting with 1, which would turn a verdict into `fail`.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override] # read-only here, as on every stream
        """What rich chooses its characters by."""
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's own."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write *text*, or do not; characters that the stream has no code for become ``?``."""
        code = self.encoding
        with suppress(OSError, ValueError, LookupError):
            self._stream.write(text.encode(code, "replace").decode(code))
        return len(text)

    def flush(self) -> None:
        """Flush, or do not."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def forgiving(stream: TextIO) -> TextIO:
    """*stream*, unable to end a drill or to change its exit code."""
    return cast("TextIO", _Forgiving(stream))


def is_plain(stream: TextIO, environ: Mapping[str, str] | None = None) -> bool:
    """Whether *stream* wants plain lines: no terminal, a dumb one, or a CI server."""
    env = os.environ if environ is None else environ
    in_ci = env.get("CI", "").lower() in {"true", "1", "yes"}
    return in_ci or env.get("TERM") == "dumb" or not stream.isatty()


def summary_rows(record: Mapping[str, Any], directory: Path) -> list[tuple[str, str]]:
    """What the summary says, as names and values; *directory* is the run's."""
    actuals, wanted = record["actuals"], record["objectives"]
    parts = ", ".join(f"{label} {seconds(value)}" for label, value in breakdown(record))
    colour = (
        f"{score(actuals['chroma_ssim_min'])} (at least {wanted['chroma_ssim_min']}), "
        f"worst tile {score(actuals['chroma_tile_min'])}"
    )
    rows = [
        ("verdict", f"{record['verdict']}: {headline(record)}"),
        ("RTA", _against(seconds(actuals["rta_s"]), wanted["rto_s"], wanted["rto_of_record_s"])),
        ("RTA by part", parts),
        ("RPA", _against(seconds(actuals["rpa_s"]), wanted["rpo_s"], wanted["rpo_of_record_s"])),
        ("chroma SSIM", colour),
        *_measured(record.get("measurements", {})),
        *(("problem", each) for each in record["problems"]),
        ("record", str(directory / "record.json")),
    ]
    # a name is of one line wherever it stands: those of measurements come from the record
    return [(" ".join(printable(name).split()), printable(value)) for name, value in rows if value]


def print_summary(
    record: Mapping[str, Any],
    directory: Path,
    *,
    to_stderr: bool = False,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Print the summary of *record*: a table on a terminal, a line per figure elsewhere.

    Args:
        record: a valid record.
        directory: its run directory.
        to_stderr: leaves stdout to the record itself.
        stream: where to instead of either.
        environ: the environment that says whether this is CI; the process's by default.
    """
    out = forgiving(stream or (sys.stderr if to_stderr else sys.stdout))
    rows = summary_rows(record, directory)
    if is_plain(out, environ):
        out.writelines(f"{name}: {' '.join(value.split())}\n" for name, value in rows)
        out.flush()
        return
    style = STYLES[record["verdict"]]
    table = Table(box=box.ROUNDED, show_header=False, border_style=style.removeprefix("bold "))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        # Text, not markup: a scenario called [red] is still called [red]
        table.add_row(Text(name), Text(value, style=style if name == "verdict" else ""))
    Console(file=out).print(table)


def _against(value: str, objective_s: float, of_record_s: float) -> str:
    return f"{value} (objective {seconds(objective_s)}, of record {seconds(of_record_s)})"


def _measured(measurements: Mapping[str, float | None]) -> list[tuple[str, str]]:
    return [
        (_MEASUREMENTS.get(name, name.replace("_", " ")), _with_unit(name, value))
        for name, value in measurements.items()
    ]


def _with_unit(name: str, value: float | None) -> str:
    if value is not None and name.endswith("_mb"):
        return f"{value:.0f} MB"
    return seconds(value) if name.endswith("_s") else figure(value)


class Progress:
    """Says on stderr what a drill is doing: a live line on a terminal, else lines with a time.

    Never raises because of its stream: that nobody reads along must not stop a drill, least of
    all its healing.

    Args:
        clock: dates the lines and times the steps; the system's by default.
        stream: where to; stderr by default, so that stdout holds nothing but results.
        environ: the environment that says whether this is CI; the process's by default.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        stream: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._stream = forgiving(sys.stderr if stream is None else stream)
        self._plain = is_plain(self._stream, environ)
        self._console = Console(file=self._stream)
        self._lock = threading.RLock()
        self._status: Status | None = None
        self._text = ""
        self._since_ns = self._clock.now_ns()

    def __enter__(self) -> Self:
        """Nothing is shown before the first step."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the last step, as broken off where an exception passes."""
        self.close(broken_off=kind is not None)

    def step(self, text: str) -> None:
        """The drill begins something; what it did before is finished."""
        with self._lock:
            self._finish("✓", "green")
            self._text, self._since_ns = printable(text), self._clock.now_ns()
            if self._plain:
                self._line(self._text)
            else:
                self._status = self._console.status(Text(self._text))
                self._status.start()

    def note(self, text: str) -> None:
        """Something worth a line happened within the step."""
        with self._lock:
            if self._plain:
                self._line(f"  {printable(text)}")
            else:
                self._console.print(Text(f"  {printable(text)}", style="dim"))

    def close(self, *, broken_off: bool = False) -> None:
        """Finish the last step and give the terminal back; may be called twice."""
        with self._lock:
            self._finish(*(("✗", "red") if broken_off else ("✓", "green")))

    def _finish(self, sign: str, style: str) -> None:
        if self._status is None:
            return
        status, self._status = self._status, None
        status.stop()
        took = seconds(seconds_between(self._since_ns, self._clock.now_ns()))
        line = Text.assemble((sign, style), " ", self._text, (f"  {took}", "dim"))
        self._console.print(line)

    def _line(self, text: str) -> None:
        stamp = self._clock.wall().strftime("%H:%M:%S")
        self._stream.write(f"{stamp} {' '.join(text.splitlines())}\n")
        self._stream.flush()
