"""Everything that keeps recovery points, in real containers: backup server, DR storage, agents."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from docker.errors import APIError

from colordrill.backup.restic import ResticStrategy
from colordrill.backup.rsync import RsyncStrategy
from colordrill.backup.s3 import S3Strategy, empty_buckets
from colordrill.backup.strategy import Strategy
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, Target
from fakes.backup_lab import Box

STORE_ALIAS, SOURCE_ALIAS = "dr-storage", "primary-storage"
REPOSITORY = f"s3:http://{STORE_ALIAS}:9000/offsite"
ALIASES = {"storage": STORE_ALIAS, "source": SOURCE_ALIAS}
ACCOUNTS = ("writer", "replicator", "publisher", "reader")
IDLE = ["sleep", "infinity"]
FLIP = """
import os, pathlib, sys
path = pathlib.Path(sys.argv[1])
content = bytearray(path.read_bytes())
content[len(content) // 2] ^= 1
with path.open("r+b") as file:
    file.write(content)
"""
SPOIL_OBJECTS = """
export MC_CONFIG_DIR=/tmp/mc-offsite
export MC_HOST_local="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"
for name in $(mc --quiet find local/offsite/data); do echo rotten | mc --quiet pipe "$name"; done
"""


FLIP_IN_BUCKET = r"""
for part in "/data/points/files/$1"/*/part.1; do
  at=$(($(stat -c %s "$part") / 2))
  byte=$(od -An -tu1 -j "$at" -N 1 "$part")
  printf "\\$(printf %o $((byte ^ 1)))" | dd of="$part" bs=1 seek="$at" conv=notrunc status=none
done
"""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Everything that nobody may ever see."""

    backup_password: str = field(default_factory=lambda: secrets.token_hex(8))
    storage_password: str = field(default_factory=lambda: secrets.token_hex(8))
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    writer: str = field(default_factory=lambda: secrets.token_hex(16))
    reader: str = field(default_factory=lambda: secrets.token_hex(16))
    points: Mapping[str, str] = field(
        default_factory=lambda: {each: secrets.token_hex(16) for each in ACCOUNTS}
    )

    def all(self) -> tuple[str, ...]:
        own = (self.backup_password, self.storage_password, self.key, self.writer, self.reader)
        return (*own, *self.points.values())

    def offsite(self, account: str) -> dict[str, str]:
        """The environment of one end of the off-site copy."""
        return {
            "RESTIC_REPOSITORY": REPOSITORY,
            "RESTIC_PASSWORD": self.key,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": self.writer if account == "writer" else self.reader,
        }

    def bucket(self, prefix: str, store: str, account: str) -> dict[str, str]:
        """What an agent knows of one end of the replicated bucket."""
        return {
            f"{prefix}_ENDPOINT": f"http://{store}:9000",
            f"{prefix}_BUCKET": "points",
            f"{prefix}_ACCESS_KEY_ID": f"points{account}",
            f"{prefix}_SECRET_ACCESS_KEY": self.points[account],
        }

    def stores(self) -> dict[str, str]:
        """Every account, as both storages know them."""
        known = {
            "MINIO_ROOT_USER": "labroot",
            "MINIO_ROOT_PASSWORD": self.storage_password,
            "OFFSITE_WRITER_USER": "writer",
            "OFFSITE_WRITER_PASSWORD": self.writer,
            "OFFSITE_READER_USER": "reader",
            "OFFSITE_READER_PASSWORD": self.reader,
            "POINTS_REPLICA": f"{STORE_ALIAS}:9000",
        }
        for account, password in self.points.items():
            known[f"POINTS_{account.upper()}_USER"] = f"points{account}"
            known[f"POINTS_{account.upper()}_PASSWORD"] = password
        return known


@dataclass(frozen=True, slots=True)
class LabTarget:
    """As much of a Target as strategies use."""

    boxes: Mapping[Part, Box]

    def execute(self, part: Part, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        del timeout_s
        try:
            ran = self.boxes[part].run(*command)
        except APIError as error:
            raise EnvironmentProblem(f"cannot run {command[0]} in {part}: {error}") from error
        return Executed(ran.exit_code, ran.stdout, ran.stderr)


@dataclass(frozen=True, slots=True)
class StrategyLab:
    """The containers, and what spoils them.

    Attributes:
        server: the backup server.
        storage: the DR site's storage.
        source: the primary's storage.
        primary: the agent of the primary.
        dr: the agent of the DR site.
        stranger: an agent with a wrong password and a wrong key.
        secrets: all that the containers know.
        used: the strategies that may have kept something since it was last cleared.
    """

    server: Box
    storage: Box
    source: Box
    primary: Box
    dr: Box
    stranger: Box
    secrets: Secrets
    used: set[str] = field(default_factory=set)

    def target(self, *, stranger: bool = False) -> Target:
        """The lab as strategies see it; with *stranger*, by an agent that is not let in."""
        boxes = {
            Part.BACKUP: self.server,
            Part.DR_STORAGE: self.storage,
            Part.PRIMARY_STORAGE: self.source,
            Part.PRIMARY_AGENT: self.primary,
            Part.DR_AGENT: self.stranger if stranger else self.dr,
        }
        return cast("Target", LabTarget(boxes))

    def boxes(self) -> tuple[Box, ...]:
        return (self.server, self.storage, self.source, self.primary, self.dr, self.stranger)

    def await_up(self) -> None:
        for box, command in (
            (self.server, ("rsync-ok", "8730")),
            (self.storage, ("http-ok", "9000", "/minio/health/live")),
            (self.source, ("http-ok", "9000", "/minio/health/live")),
        ):
            box.await_true(" ".join(command))

    def clear(self) -> None:
        """Empty sites, no point anywhere."""
        self.server.checked("sh", "-c", "rm -rf /backup/points/* /backup/incoming/* /backup/off*")
        if "restic" in self.used:
            self.storage.checked("colordrill-offsite-storage", "empty")
        if "s3" in self.used:
            empty_buckets(self.target())
        self.used.clear()
        for agent in (self.primary, self.dr, self.stranger):
            agent.clear()


@dataclass(frozen=True, slots=True)
class Kept:
    """One strategy at work in the lab, and how what it keeps can be spoilt.

    Attributes:
        lab: the containers.
        near: takes the points that the other one copies.
        strategy: the one that is tested.
        holder: the container that keeps its points.
    """

    lab: StrategyLab
    near: RsyncStrategy
    strategy: Strategy
    holder: Box

    @property
    def offsite(self) -> bool:
        """Whether it copies points that somebody else has taken."""
        return isinstance(self.strategy, ResticStrategy)

    @property
    def copies(self) -> ResticStrategy:
        """The copies off site, with what they alone can do."""
        assert isinstance(self.strategy, ResticStrategy)
        return self.strategy

    def take(self, point: str) -> None:
        """Keep the primary's site as it is now; where that is a copy, of what is published now."""
        if self.offsite:
            self.near.take(point)
        self.strategy.take(point)

    def stranger(self) -> Strategy:
        """The same points, for somebody who has a wrong password or a wrong key."""
        target = self.lab.target(stranger=True)
        if isinstance(self.strategy, S3Strategy):
            return S3Strategy(target)
        return ResticStrategy(target) if self.offsite else RsyncStrategy(target)

    def damage(self, point: str, name: str) -> None:
        """Spoil what is kept: one bit of a file, or all of an encrypted repository's data."""
        if self.offsite:
            self.holder.checked("sh", "-c", SPOIL_OBJECTS)
        elif isinstance(self.strategy, S3Strategy):
            self.holder.checked("sh", "-c", FLIP_IN_BUCKET, "sh", name)
        else:
            self.holder.checked("python3", "-c", FLIP, f"/backup/points/{point}/{name}")

    @contextmanager
    def down(self) -> Iterator[None]:
        """Whoever keeps the points cannot be reached during the block."""
        self.holder.container.stop(timeout=0)
        try:
            yield
        finally:
            self.holder.container.start()
            self.lab.await_up()


def start_lab(
    engine: Any, project: str, labels: Mapping[str, str], images: tuple[str, str]
) -> StrategyLab:
    """Start the containers; whoever owns *labels* removes them.

    Args:
        engine: a client of the Docker engine.
        project: what names begin with.
        labels: of everything that is started.
        images: of the backup programs, and of the storage.
    """
    known = Secrets()
    network = engine.networks.create(f"{project}-strategies", labels=dict(labels))

    def box(name: str, image: str, command: list[str], environment: Mapping[str, str]) -> Box:
        container = engine.containers.create(
            image,
            command,
            name=f"{project}-{name}",
            hostname=name,
            labels=dict(labels),
            environment=dict(environment),
            healthcheck={"test": ["NONE"]},
            network=network.name,
            networking_config={
                network.name: engine.api.create_endpoint_config(aliases=[ALIASES.get(name, name)])
            },
        )
        container.start()
        return Box(container)

    agent = {
        "BACKUP_SERVER": "server:8730",
        "BACKUP_ACCOUNT": "agent",
        "RSYNC_PASSWORD": known.backup_password,
        "GIT_SERVER": "server:9418",
    }
    account = {"BACKUP_ACCOUNT": "agent", "BACKUP_PASSWORD": known.backup_password}
    wrong = dict.fromkeys(
        ("RSYNC_PASSWORD", "RESTIC_PASSWORD", "POINTS_DR_SECRET_ACCESS_KEY"), "wrong"
    )
    minio = ["minio", "server", "/data", "--address", ":9000"]
    backup, storage = images
    server_environment = {**account, **known.offsite("writer")}
    reader = {**known.offsite("reader"), **known.bucket("POINTS_DR", STORE_ALIAS, "reader")}
    adds = {
        **known.bucket("POINTS", SOURCE_ALIAS, "writer"),
        **known.bucket("POINTS_DR", STORE_ALIAS, "publisher"),
    }
    lab = StrategyLab(
        box("server", backup, ["colordrill-backup-server"], server_environment),
        box("storage", storage, minio, known.stores()),
        box("source", storage, minio, known.stores()),
        box("primary", backup, IDLE, {**agent, **adds}),
        box("dr", backup, IDLE, {**agent, **reader}),
        box("stranger", backup, IDLE, {**agent, **reader, **wrong}),
        known,
    )
    lab.await_up()
    ResticStrategy(lab.target()).prepare()
    S3Strategy(lab.target()).prepare()
    return lab
