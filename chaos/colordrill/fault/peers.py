"""Neighbours that ask for themselves: what a part gets over a connection, timed where it stands.

Evidence of a fault is what a peer sees, so each probe runs inside the container that really uses
the connection, speaks the protocol that is spoken there, and depends on bash and coreutils alone,
which every bundled image has. The times are taken inside: an engine that is slow to run a
command does not make the connection look slow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from colordrill.errors import EnvironmentProblem
from colordrill.stack.links import LinkName
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, Target

PEER_LIMIT_S = 3.0
"""No look takes longer."""

_OVERHEAD_S = 0.4
_NOT_CONNECTED = 9
_TIMED_OUT = 124
_SCRIPT = f"""
host=$1 port=$2 limit=$3 request=$4 line= rest=0 ending=0
trap '' PIPE  # a server that has closed is an answer, and no reason to die
us() {{ REPLY=${{EPOCHREALTIME/[.,]/}}; }}
us; began=$REPLY
exec 3<>"/dev/tcp/$host/$port" || exit {_NOT_CONNECTED}
us; connected=$((REPLY - began))
# in one piece: bash itself would write every line by itself
printf '%b' "$request" | dd obs=64k status=none >&3
IFS= read -r -t "$limit" line <&3; code=$?
us; first=$((REPLY - began))
if ((code == 0)); then
    {{ read -r rest; read -r ending; }} < <(
        timeout "$limit" cat <&3 | wc -c
        echo "${{PIPESTATUS[0]}}"
    )
    rest=$((rest + 1))
elif ((code > 128)); then
    ending={_TIMED_OUT}
fi
us; total=$((REPLY - began))
printf '%s ' "$ending" "$connected" "$first" "$total" $((${{#line}} + rest))
printf '\\n%s' "${{line:0:120}}"
"""


class Ending(StrEnum):
    """How a request ended for who asked."""

    CLOSED = "closed"
    RESET = "reset"
    SILENT = "silent"
    """Connected, and still open when the time was up."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    """No connection came about, and nobody refused it."""
    UNRESOLVED = "unresolved"
    NO_PEER = "no peer"
    """The peer itself could not ask: this says nothing about the connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer got.

    Attributes:
        ending: how it ended.
        head: the first line, at most 120 characters.
        size: bytes that came.
        first_s: until the first line was whole, or the end if none came.
        total_s: until the end.
        detail: what the peer's own tools said.
    """

    ending: Ending
    head: str = ""
    size: int = 0
    first_s: float = 0.0
    total_s: float = 0.0
    detail: str = ""

    def __str__(self) -> str:
        """One line for evidence and messages."""
        got = f"{self.size} B in {self.total_s * 1000:.0f} ms, {self.ending}"
        rest = "; ".join(each for each in (self.head.strip()[:60], self.detail) if each)
        return f"{got} ({rest})" if rest else got


@dataclass(frozen=True, slots=True)
class Peer:
    """A part that asks another one, as it does in its daily work.

    Attributes:
        part: who asks.
        host: whom, by the name that *part* uses.
        port: where.
        request: after its answer the server closes.
        staying: after its answer the server keeps the connection open.
        bulk: large both ways, as far as the protocol allows.
        expects: pattern that the first line of the answer to the first two matches.
    """

    part: Part
    host: str
    port: int
    request: bytes
    staying: bytes
    bulk: bytes
    expects: str

    def ask(self, target: Target, request: bytes | None = None, *, limit_s: float = 1.2) -> Answer:
        """One request, given up when nothing came for *limit_s*.

        All of it stays within `PEER_LIMIT_S`, and so *limit_s* below half of that.

        Never raises because of the connection or of the peer: both are answers.
        """
        limit_s = min(limit_s, (PEER_LIMIT_S - _OVERHEAD_S) / 2)
        arguments = (self.host, str(self.port), f"{limit_s:g}", _printed(request or self.request))
        command = ["env", "LC_ALL=C", "bash", "-c", _SCRIPT, "peer", *arguments]
        try:
            # a connection that nobody answers hangs in the kernel, where bash's limit cannot reach
            done = target.execute(self.part, command, timeout_s=2 * limit_s + _OVERHEAD_S)
        except EnvironmentProblem as problem:
            return Answer(Ending.NO_PEER, detail=f"{self.part}: {problem.cause}")
        return _answer(done, 2 * limit_s + _OVERHEAD_S)

    def fine(self, answer: Answer) -> bool:
        """Whether *answer* is what a healthy connection gives to `request`."""
        return answer.ending is Ending.CLOSED and self.expected(answer)

    def expected(self, answer: Answer) -> bool:
        """Whether *answer* begins as it should."""
        return re.match(self.expects, answer.head) is not None

    def __str__(self) -> str:
        """Who asks whom."""
        return f"{self.part} asking {self.host}:{self.port}"


def http_peer(part: Part, host: str, port: int, path: str, bulk_path: str) -> Peer:
    """A peer that speaks HTTP and expects 200 from *path*.

    Its bulk are pipelined requests with long headers, the last of which asks for *bulk_path*.
    """

    def get(what: str, *headers: str) -> str:
        return "\r\n".join([f"GET {what} HTTP/1.1", f"Host: {host}", *headers, "", ""])

    padded = [get(path, f"X-Padding: {'x' * 4000}")] * 7
    return Peer(
        part=part,
        host=host,
        port=port,
        request=get(path, "Connection: close").encode(),
        staying=get(path).encode(),
        bulk="".join(
            [*padded, get(bulk_path, f"X-Padding: {'x' * 4000}", "Connection: close")]
        ).encode(),
        expects=r"HTTP/1\.[01] 200",
    )


def storage_peer(part: Part, host: str, port: int) -> Peer:
    """A peer of MinIO, which repeats a path that it refuses."""
    peer = http_peer(part, host, port, "/minio/health/live", f"/{'x' * 8_000}")
    refused = f"GET /{'x' * 8_000} HTTP/1.0\r\nHost: {host}\r\n\r\n"
    return Peer(part, host, port, peer.request, peer.staying, refused.encode(), peer.expects)


def rsync_peer(part: Part, host: str, port: int) -> Peer:
    """A peer of the rsync daemon, which greets, lists its modules, and repeats unknown names."""
    greeting = b"@RSYNCD: 31.0\n"
    return Peer(
        part=part,
        host=host,
        port=port,
        request=greeting + b"#list\n",
        staying=greeting,
        bulk=greeting + b"x" * 900 + b"\n",
        expects="@RSYNCD: ",
    )


def _git_request(path: str) -> bytes:
    body = b"git-upload-pack " + path.encode() + b"\0host=peer\0"
    return f"{len(body) + 4:04x}".encode() + body


def git_peer(part: Part, host: str, port: int) -> Peer:
    """A peer of the Git daemon, which repeats the path of a repository that it does not have."""
    site = _git_request("/site.git")
    return Peer(
        part=part,
        host=host,
        port=port,
        # the flush packet says that nothing is wanted, and the daemon closes
        request=site + b"0000",
        staying=site,
        bulk=_git_request(f"/{'x' * 8_000}"),
        expects="[0-9a-f]{4}([0-9a-f]{40}|# service|version)",
    )


LINK_PEERS = {
    LinkName.GATEWAY_PRIMARY: http_peer(
        Part.GATEWAY, "toxiproxy", 18188, "/system_stats", "/object_info"
    ),
    LinkName.PRIMARY_STORAGE: storage_peer(Part.PRIMARY_MIRROR, "toxiproxy", 19000),
    LinkName.PRIMARY_BACKUP: rsync_peer(Part.PRIMARY_AGENT, "toxiproxy", 18873),
    LinkName.PRIMARY_GIT: git_peer(Part.PRIMARY_AGENT, "toxiproxy", 19418),
    LinkName.PRIMARY_DR_STORAGE: storage_peer(Part.PRIMARY_STORAGE, "toxiproxy", 19001),
}
"""Who uses each link, and how."""


def _printed(request: bytes) -> str:
    r"""*request* for bash's ``printf %b``; no argument can hold a NUL."""
    text = request.decode("latin-1").replace("\\", r"\\")
    return text.replace("\0", r"\0000").replace("\r", r"\r").replace("\n", r"\n")


def _answer(done: Executed, limit_s: float) -> Answer:
    said = done.stderr.strip()
    if done.exit_code == _TIMED_OUT:
        return Answer(Ending.UNREACHABLE, total_s=limit_s, detail="no connection within the limit")
    if done.exit_code == _NOT_CONNECTED:
        return Answer(_refusal(said), detail=said.splitlines()[0][:120] if said else "")
    numbers, _, head = done.stdout.partition("\n")
    try:
        code, _connected, first, total, size = (int(each) for each in numbers.split())
    except ValueError:
        detail = f"exit {done.exit_code}: {said[:120]}"
        return Answer(Ending.NO_PEER, detail=detail)
    ending = Ending.CLOSED
    if "Connection reset" in said:
        ending = Ending.RESET
    elif code == _TIMED_OUT:
        ending = Ending.SILENT
    return Answer(ending, head, size, first / 1e6, total / 1e6)


def _refusal(said: str) -> Ending:
    if "Connection refused" in said:
        return Ending.REFUSED
    if "Connection reset" in said:
        return Ending.RESET
    if "not known" in said or "resolution" in said or "No address" in said:
        return Ending.UNRESOLVED
    return Ending.UNREACHABLE
