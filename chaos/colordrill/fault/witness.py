"""Which part sees that another one is gone: its own request over the network, from inside it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import wraps
from typing import TypeVar

from colordrill.clock import Clock, SystemClock, poll
from colordrill.errors import EnvironmentProblem, UnknownName, WaitExpired
from colordrill.fault.protocol import Evidence
from colordrill.stack.parts import COLORIZATION_PORT, GATEWAY_PORT, TOXIPROXY_PORT, Part
from colordrill.stack.target import Executed, Target

LOOK_LIMIT_S = 3.0
ANSWERED, SILENT = 0, 41
HOLD_LIMIT_S = 4
CONNECT_LIMIT_S = 4.0

# an HTTP request, or nothing for servers that speak first; any first line is an answer, but for a
# gateway's own word that nobody is behind it
ASK = r"""
trap '' PIPE  # a server that has closed does not answer, which is no reason to die
exec 3<>"/dev/tcp/$1/$2" || exit 41
[ -z "$3" ] || printf 'GET %s HTTP/1.0\r\nHost: peer\r\n\r\n' "$3" >&3 || exit 41
IFS= read -r -t 2 line <&3 || exit 41
echo "$line"
case $line in HTTP/1.?' '50[234]*) exit 41;; esac
"""
HOLD = r"""
trap 'rm -f "$3"' EXIT
exec 3<>"/dev/tcp/$1/$2" || exit 41
: >"$3"
while :; do
  IFS= read -r -n 4096 -t "$4" line <&3
  ended=$?
  [ $ended -eq 0 ] && continue
  [ $ended -gt 128 ] && exit 0
  exit 41
done
"""


Looking = TypeVar("Looking")


def a_look(
    look: Callable[[Looking, Target], Evidence],
) -> Callable[[Looking, Target], Evidence]:
    """Make a look that could not be taken one that has seen nothing, so that it is taken again.

    A peer that is down for a moment (it, too, may be about to be healed) must neither pass for
    evidence nor end the wait for it.
    """

    @wraps(look)
    def looked(fault: Looking, target: Target) -> Evidence:
        try:
            return look(fault, target)
        except EnvironmentProblem as error:
            return Evidence(seen=False, detail=f"nobody could look: {error.cause}")

    return looked


@dataclass(frozen=True, slots=True)
class Witness:
    """The part that looks, and where it looks.

    Attributes:
        peer: the part that asks.
        host: what it asks, by the name that the network knows.
        port: of the service there.
        path: what is asked for by HTTP; empty for a server that speaks first.
    """

    peer: Part
    host: str
    port: int
    path: str = ""

    def look(self, target: Target) -> tuple[bool | None, str]:
        """One request: whether it was answered, None where the peer could not ask; and the words.

        Never raises: a peer that cannot ask has seen nothing.
        """
        where = f"{self.host}:{self.port}{self.path}"
        try:
            asked = self._run(target, ASK, self.path, limit_s=LOOK_LIMIT_S)
        except EnvironmentProblem as error:
            return None, f"{self.peer} could not ask {where}: {error.cause}"
        said = " ".join((asked.stdout or asked.stderr).split())[:160]
        if asked.exit_code == ANSWERED:
            return True, f"{self.peer} asked {where} and was answered {said}".strip()
        # 124: the time limit, which is what a frozen process does to its peers
        if asked.exit_code in {SILENT, 124, 137}:
            return False, f"{self.peer} asked {where} and got no answer {said}".strip()
        return None, f"{self.peer} could not ask {where}: exit {asked.exit_code} {said}".strip()

    def answered(self, target: Target) -> Evidence:
        """Seen when the request is answered."""
        answered, detail = self.look(target)
        return Evidence(seen=answered is True, detail=detail)

    def unanswered(self, target: Target) -> Evidence:
        """Seen when the request is not answered; a peer that cannot ask has not seen it."""
        answered, detail = self.look(target)
        return Evidence(seen=answered is False, detail=detail)

    @contextmanager
    def holding(self, target: Target, clock: Clock | None = None) -> Iterator[HeldConnection]:
        """A connection that the peer holds open while the block breaks what is at its other end.

        An outage shorter than the time between two looks is seen all the same: the connection ends.

        Raises:
            EnvironmentProblem: the peer could not connect in the first place.
        """
        mark = f"/tmp/colordrill-held-{secrets.token_hex(6)}"  # noqa: S108 (inside the peer)
        held = HeldConnection(self)

        def hold() -> None:
            with suppress(EnvironmentProblem):
                words = (mark, str(HOLD_LIMIT_S))
                ended = self._run(target, HOLD, *words, limit_s=HOLD_LIMIT_S + 2.0)
                held.broken = ended.exit_code == SILENT

        thread = threading.Thread(target=hold, name="held connection", daemon=True)
        thread.start()
        try:
            poll(
                clock or SystemClock(),
                lambda: _exists(target, self.peer, mark) or (None if thread.is_alive() else False),
                awaited=f"{self.peer} to connect to {self.host}:{self.port}",
                timeout_s=CONNECT_LIMIT_S,
                every_s=0.02,
            )
        except WaitExpired as error:
            raise EnvironmentProblem(
                f"{self.peer} cannot connect to {self.host}:{self.port}, so it could not see it end"
            ) from error
        held.thread = thread
        yield held

    def _run(self, target: Target, script: str, *words: str, limit_s: float) -> Executed:
        command = ("bash", "-c", script, "witness", self.host, str(self.port), *words)
        return target.execute(self.peer, command, timeout_s=limit_s)


@dataclass(slots=True)
class HeldConnection:
    """What became of a connection that a peer holds.

    Attributes:
        witness: who holds it.
        broken: whether it ended; None until it is known.
        thread: waits for its end.
    """

    witness: Witness
    broken: bool | None = None
    thread: threading.Thread | None = field(default=None, repr=False)

    def ended(self) -> Evidence:
        """Wait, bounded, for the connection to end; seen when its other end closed it."""
        if self.thread is not None:
            self.thread.join(HOLD_LIMIT_S + 3.0)
        witness = self.witness
        what = "ended" if self.broken else "did not end"
        return Evidence(
            seen=self.broken is True,
            detail=f"{witness.peer}'s connection to {witness.host}:{witness.port} {what}",
        )


def _exists(target: Target, part: Part, path: str) -> bool | None:
    return target.execute(part, ("test", "-e", path), timeout_s=2.0).exit_code == 0 or None


def witness_of(part: str, service_port: int = COLORIZATION_PORT) -> Witness:
    """Who sees *part*.

    Raises:
        UnknownName: there is no such part, or none that sees it.
    """
    known = {
        Part.PRIMARY_COLORIZATION: Witness(Part.GATEWAY, "toxiproxy", 18188, "/system_stats"),
        Part.DR_COLORIZATION: Witness(
            Part.DR_AGENT, "dr-colorization", service_port, "/system_stats"
        ),
        Part.PRIMARY_STORAGE: Witness(
            Part.PRIMARY_AGENT, "primary-storage", 9000, "/minio/health/live"
        ),
        Part.DR_STORAGE: Witness(Part.DR_AGENT, "dr-storage", 9000, "/minio/health/live"),
        Part.BACKUP: Witness(Part.DR_AGENT, "backup", 8730),
        Part.TOXIPROXY: Witness(Part.PRIMARY_AGENT, "toxiproxy", TOXIPROXY_PORT, "/version"),
        Part.GATEWAY: Witness(Part.TOXIPROXY, "gateway", GATEWAY_PORT, "/"),
    }
    if part not in known:
        raise UnknownName("part whose loss another part sees", str(part), known)
    return known[Part(part)]
