"""Where stored files can be damaged, and how a peer reads them: over the network where it can."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.stack.parts import Part, Site, SiteFolder
from colordrill.stack.target import Executed, Target

BACKUP_POINTS = "backup:points"
READ_LIMIT_S = 15.0
SHA256 = re.compile(r"[0-9a-f]{64}")
HASH_OF_ANSWER = r"""
trap '' PIPE  # a server that has closed has no answer to this, which is no reason to die
exec 3<>/dev/tcp/toxiproxy/18188 || exit 9
# in one piece: bash itself would write every line by itself
printf 'GET %s HTTP/1.0\r\nHost: peer\r\n\r\n' "$1" | dd obs=64k status=none >&3
IFS= read -r -t 5 status <&3 || exit 9
length=
while IFS= read -r -t 5 line <&3 && line=${line%$'\r'} && [ -n "$line" ]; do
  case ${line,,} in content-length:*) length=${line#*:};; esac
done
echo "$status"
body=$(mktemp) && trap 'rm -f "$body"' EXIT
cat <&3 > "$body"
[ -z "$length" ] || [ "$(stat -c %s "$body")" -eq "$length" ] || exit 8
sha256sum < "$body"
"""
"""Asks the primary's service as the gateway does; prints the status line and the body's hash.

Exit code 8: the body ended before its end.
"""

HASH_OF_BACKUP = r"""
place=$(mktemp -d) && trap 'rm -rf "$place"' EXIT
rsync --contimeout=5 --timeout=10 "rsync://$BACKUP_ACCOUNT@$BACKUP_SERVER/backup/points/$1" \
    "$place/read" || exit
sha256sum < "$place/read"
"""
NO_SUCH_FILE_BY_RSYNC = 23
NO_SUCH_FILE = "No such file"
NOT_FOUND, FOUND = " 404", " 200"


@dataclass(frozen=True, slots=True)
class Read:
    """What a peer got of a stored file.

    Attributes:
        answered: whether the peer got an answer at all.
        sha256: of the bytes that it got; None where there is no such file.
        detail: for people.
    """

    answered: bool
    sha256: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are stored: a folder of the primary, or the backup server's points.

    Attributes:
        name: ``primary:output``, ``backup:points``.
        part: the container in which they are damaged, as their owner.
        folder: of the site; None on the backup server.
    """

    name: str
    part: Part
    folder: SiteFolder | None

    def root(self, point: str) -> str:
        """The directory that is damaged; on the backup server that of *point*."""
        return f"/backup/points/{point}" if self.folder is None else f"/site/{self.folder}"

    def holds(self, name: str) -> str | None:
        """*name* of a point's manifest relative to `root`; None when it is elsewhere."""
        if self.folder is None:
            return name
        prefix = f"{self.folder}/"
        return name.removeprefix(prefix) if name.startswith(prefix) else None


PLACES = {
    **{
        f"{Site.PRIMARY}:{folder}": Place(f"{Site.PRIMARY}:{folder}", Part.PRIMARY_AGENT, folder)
        for folder in SiteFolder
    },
    BACKUP_POINTS: Place(BACKUP_POINTS, Part.BACKUP, None),
}


def place_of(name: str) -> Place:
    """The place called *name*; raises UnknownName."""
    if name not in PLACES:
        raise UnknownName("place where files can be damaged", name, PLACES)
    return PLACES[name]


def read_by_peer(target: Target, place: Place, point: str, name: str) -> Read:
    """Read *name* (relative to the place's root) as somebody else than the damager does.

    Pictures and workflows come from the service as the gateway asks it, checkpoints are read in the
    service's own container, the backup's files by the other site's agent; what only the agent
    mounts is read there.
    """
    if place.folder in {SiteFolder.INPUT, SiteFolder.OUTPUT}:
        subfolder, _, file_name = name.rpartition("/")
        query = {"filename": file_name, "subfolder": subfolder, "type": str(place.folder)}
        return _read_by_gateway(target, f"/view?{urlencode(query)}")
    if place.folder is SiteFolder.WORKFLOWS:
        return _read_by_gateway(target, f"/userdata/{quote(f'workflows/{name}', safe='')}")
    if place.folder is None:
        command = ["bash", "-c", HASH_OF_BACKUP, "bash", f"{point}/{name}"]
        done = target.execute(Part.DR_AGENT, command, timeout_s=READ_LIMIT_S)
        absent = done.exit_code == NO_SUCH_FILE_BY_RSYNC and NO_SUCH_FILE in done.stderr
        return _read(done, absent, "the DR agent")
    part, path = _mounted(target, place, name)
    done = target.execute(part, ["sha256sum", "--", path], timeout_s=READ_LIMIT_S)
    return _read(done, NO_SUCH_FILE in done.stderr, str(part))


def _read_by_gateway(target: Target, path: str) -> Read:
    command = ["bash", "-c", HASH_OF_ANSWER, "bash", path]
    done = target.execute(Part.GATEWAY, command, timeout_s=READ_LIMIT_S)
    status, _, rest = done.stdout.partition("\n")
    if done.exit_code == 0 and NOT_FOUND in status:
        return Read(answered=True, sha256=None, detail="the gateway got 404")
    if not status.strip():
        return Read(answered=False, sha256=None, detail="the gateway got no answer")
    if FOUND not in status:
        # a gateway's or a service's error page is not the file, and its hash not the file's
        return Read(answered=False, sha256=None, detail=f"the gateway got {status.strip()!r}")
    return _read(Executed(done.exit_code, rest, done.stderr), False, "the gateway")


def _mounted(target: Target, place: Place, name: str) -> tuple[Part, str]:
    """A container that mounts the folder, the service before the agent, and the path there."""
    for part in (Part.PRIMARY_COLORIZATION, Part.PRIMARY_AGENT):
        for where, folder in target.description(part).mounts.items():
            if folder == place.folder:
                return part, f"{where}/{name}"
    raise EnvironmentProblem(f"no container of the primary mounts {place.name}")


def _read(done: Executed, absent: bool, who: str) -> Read:
    if absent:
        return Read(answered=True, sha256=None, detail=f"{who} found no such file")
    found = SHA256.search(done.stdout)
    if done.exit_code != 0 or found is None:
        said = (done.stderr or done.stdout).strip()[-200:]
        return Read(False, None, f"{who} got no answer (exit {done.exit_code}) {said}".strip())
    return Read(True, found.group(), f"{who} read {found.group()[:12]}")
