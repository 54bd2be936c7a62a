"""Rights that are not there when they are needed: of folders, accounts and keys."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.site_data import SiteData, seen_by_host
from colordrill.fault.witness import a_look
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, PartChanges, Target

ASK_LIMIT_S = 6.0
ROOT_ONLY = "0555"
RIGHTS = re.compile(r"^\d+:\d+ [0-7]{3,4}$")

# the daemon reads its configuration again at every connection
TURN = r"""
sed -i "s/^\( *read only = \).*/\1$1/" /tmp/rsyncd.conf &&
  grep -c "^ *read only = $1\$" /tmp/rsyncd.conf
"""
# --dry-run: the module's rights are asked for before anything is written
TRY_WRITE = r"""
exec rsync --dry-run --contimeout=3 --timeout=4 /etc/hostname \
  "rsync://$BACKUP_ACCOUNT@$BACKUP_SERVER/backup/incoming/colordrill-probe"
"""


@dataclass
class _RightsFault:
    """A right that is taken away.

    Attributes:
        target_name: the part that loses it or refuses it.
    """

    target_name: str
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    name: ClassVar[str]
    about: ClassVar[About]
    requires: ClassVar[frozenset[Capability]]
    part: ClassVar[Part]

    def __post_init__(self) -> None:
        """Refuse another part."""
        if self.target_name != self.part:
            raise UnknownName(f"part for {self.name}", str(self.target_name), [self.part])


@dataclass
class DrOwnerWrong(_RightsFault):
    """The DR site's output folder belongs to root, and nobody may write there.

    ``memory``: ``rights``: owner and mode as they were.
    """

    target_name: str = str(Part.DR_COLORIZATION)

    name: ClassVar[str] = "dr_owner_wrong"
    part: ClassVar[Part] = Part.DR_COLORIZATION
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PROCESS_SIGNAL, Capability.EXECUTE}
    )
    about: ClassVar[About] = About(
        effect=(
            "After the switch the service reads and cannot save: each job ends in an error. A "
            "restore into the folder fails too."
        ),
        method=(
            "The host's root gives the DR site's output folder to root and sets its mode to 0555."
        ),
        evidence=(
            "The DR site's agent, which runs as the service's user, tries to write into the folder "
            "and is refused by the system."
        ),
        cure="Owner and mode are set as they were. It is read back by the agent's own attempt.",
        incidents=(
            "Volumes made by the engine belong to root; services that run as another user could "
            "not save a single picture after a move to a new host."
        ),
        targets=("dr-colorization",),
    )

    def healthy(self, target: Target) -> Evidence:
        """The agent can write; owner and mode are remembered."""
        found = target.execute(
            Part.DR_AGENT, ("stat", "--format=%u:%g %a", "/site/output"), timeout_s=ASK_LIMIT_S
        )
        rights = found.stdout.strip()
        if RIGHTS.match(rights) is None:
            return Evidence(seen=False, detail=f"the rights cannot be read: {found}")
        refusal = SiteData(target, Part.DR_AGENT).refusal("output")
        if refusal is None:
            self.memory["rights"] = rights
        return Evidence(seen=refusal is None, detail=refusal or f"writable, {rights}")

    def inject(self, target: Target) -> None:
        """Give the folder to root, read-only."""
        if "rights" not in self.memory:
            raise EnvironmentProblem("the rights of the DR site's output were never read")
        self._set(target, "0:0", ROOT_ONLY)

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The agent's attempt to write is refused."""
        refusal = SiteData(target, Part.DR_AGENT).refusal("output")
        return Evidence(
            seen=refusal is not None and "Permission denied" in refusal,
            detail=f"the DR agent tried to write: {refusal or 'it could'}",
        )

    def heal(self, target: Target) -> None:
        """Set owner and mode as they were."""
        if "rights" in self.memory:
            self._set(target, *str(self.memory["rights"]).split())

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The agent can write again."""
        refusal = SiteData(target, Part.DR_AGENT).refusal("output")
        return Evidence(seen=refusal is None, detail=refusal or "the DR agent could write")

    def _set(self, target: Target, owner: str, mode: str) -> None:
        folder = seen_by_host(target, Part.DR_AGENT, "output")
        for command in (("chown", owner, folder), ("chmod", mode, folder)):
            done = target.on_host(command)
            if done.exit_code != 0:
                raise EnvironmentProblem(
                    f"the host's root could not {command[0]} the folder: {done.stderr.strip()}"
                )


@dataclass
class BackupAccountReadOnly(_RightsFault):
    """The sites' account on the backup server may read and not write.

    ``memory``: ``looked``: it could write before.
    """

    target_name: str = str(Part.BACKUP)

    name: ClassVar[str] = "backup_account_read_only"
    part: ClassVar[Part] = Part.BACKUP
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.EXECUTE})
    about: ClassVar[About] = About(
        effect=(
            "Recovery points stop coming, while everything that exists can be read and restored: "
            "what is written from now on is in no backup."
        ),
        method=(
            "In the rsync daemon's configuration the module becomes read-only; the daemon reads it "
            "again at the next connection."
        ),
        evidence=(
            "An agent's own attempt to write to the server by rsync is refused (`module is read "
            "only`), where it was allowed before."
        ),
        cure="The module is writable again. It is read back by the agent's own attempt.",
        incidents=(
            "The account of a backup server had been made read-only in a security review; the DR "
            "node could read all it needed and not write its results."
        ),
        targets=("backup",),
    )

    def healthy(self, target: Target) -> Evidence:
        """The agent may write."""
        allowed, said = self._try(target)
        if allowed:
            self.memory["looked"] = True
        return Evidence(seen=allowed, detail=said)

    def inject(self, target: Target) -> None:
        """Make the module read-only."""
        self._turn(target, "yes")

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The agent's attempt is refused for just this reason."""
        allowed, said = self._try(target)
        return Evidence(seen=not allowed and "read only" in said, detail=said)

    def heal(self, target: Target) -> None:
        """Make the module writable."""
        if self.memory.get("looked") and target.state(self.part).running:
            self._turn(target, "no")

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The agent may write again."""
        allowed, said = self._try(target)
        return Evidence(seen=allowed, detail=said)

    def _turn(self, target: Target, read_only: str) -> None:
        command = ("bash", "-c", TURN, "turn", read_only)
        done = target.execute(self.part, command, timeout_s=ASK_LIMIT_S)
        if done.exit_code != 0 or done.stdout.strip() != "1":
            raise EnvironmentProblem(
                f"the rsync daemon's configuration could not be changed: {done}"
            )

    def _try(self, target: Target) -> tuple[bool, str]:
        command = ("bash", "-c", TRY_WRITE)
        done = target.execute(Part.DR_AGENT, command, timeout_s=ASK_LIMIT_S)
        said = " ".join(done.stderr.split())[:200]
        how = "may write" if done.exit_code == 0 else f"may not write: exit {done.exit_code} {said}"
        return done.exit_code == 0, f"the DR agent {how}"


@dataclass
class StorageKeysExpired(_RightsFault):
    """The object storage does not accept the mirror's keys any more.

    ``memory``: ``answered``: the mirror's request was answered before.
    """

    target_name: str = str(Part.PRIMARY_STORAGE)

    name: ClassVar[str] = "storage_keys_expired"
    part: ClassVar[Part] = Part.PRIMARY_STORAGE
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.RECREATE, Capability.EXECUTE})
    about: ClassVar[About] = About(
        effect=(
            "Pictures are not copied to the object storage any more, while the service and its "
            "users notice nothing: the replicated copy grows old."
        ),
        method=(
            "The storage is created anew with another secret key, on the same volume; the mirror "
            "keeps the old one."
        ),
        evidence="The mirror's own `mc` request is refused where it was answered before.",
        cure=(
            "The storage is created anew as it is described. It is read back by the mirror's own "
            "request."
        ),
        incidents=(
            "Access keys with a date of expiry, rotated keys that one client was not told of: "
            "replication stops without an error that anyone reads."
        ),
        targets=("primary-storage",),
    )

    def healthy(self, target: Target) -> Evidence:
        """The mirror's request is answered."""
        accepted, said = self._list(target)
        if accepted:
            self.memory["answered"] = True
        return Evidence(seen=accepted, detail=said)

    def inject(self, target: Target) -> None:
        """Create it anew with another secret, which nobody learns."""
        if "answered" not in self.memory:
            raise EnvironmentProblem("the mirror's keys were never tried")
        other = PartChanges(environment={"MINIO_ROOT_PASSWORD": secrets.token_hex(16)})
        target.recreate(self.part, other)

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The mirror's request is refused for its keys."""
        accepted, said = self._list(target)
        refused = any(word in said.lower() for word in ("signature", "access key", "denied"))
        return Evidence(seen=not accepted and refused, detail=said)

    def heal(self, target: Target) -> None:
        """Create it as it is described, unless the mirror is accepted already."""
        if "answered" in self.memory and not self._list(target)[0]:
            target.recreate(self.part)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The mirror's request is answered."""
        accepted, said = self._list(target)
        return Evidence(seen=accepted, detail=said)

    def _list(self, target: Target) -> tuple[bool, str]:
        command = ("mc", "--quiet", "ls", "storage/")
        done = target.execute(Part.PRIMARY_MIRROR, command, timeout_s=ASK_LIMIT_S)
        said = " ".join((done.stderr or done.stdout).split())[:200]
        accepted = done.exit_code == 0
        return (
            accepted,
            f"the mirror's request was {'accepted' if accepted else f'refused: {said}'}",
        )


FAULTS: tuple[type, ...] = (DrOwnerWrong, BackupAccountReadOnly, StorageKeysExpired)
