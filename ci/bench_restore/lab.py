"""A backup server, two agents and a store on a network of their own, and a box with rclone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from colordrill.clock import SystemClock, poll
from colordrill.stack.images import ensure_images
from colordrill.stack.runs import OWNER_LABEL, RUN_LABEL, owned_run, owner
from colordrill.stack.sweep import remove_run, sweep

START_LIMIT_S = 60.0
ENGINE_LIMIT_S = 3600
SCRIPTS = Path(__file__).parent / "in_container"
IDLE = ["sleep", "infinity"]
STORE = ["minio", "server", "/data", "--address", ":9000"]
BUCKET = "points"
IN_MEMORY = {"tmpfs": {"/site": "uid=1000,gid=1000"}}
"""Where restores write. ext4 gives no inode again for minutes after its file was deleted, and looks
at each such one again for every new file: whoever restores next would pay for what was removed, in
turn or not, as the disk happens to place it.
"""
MAKE_BUCKET = f"""
export MC_HOST_local="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"
mc --config-dir /tmp/mc-bench --quiet mb --with-versioning local/{BUCKET}
"""


@dataclass(frozen=True, slots=True)
class Box:
    """One container."""

    container: Any

    def run(self, *command: str) -> str:
        """What a command printed that must succeed."""
        exit_code, (out, said) = self.container.exec_run(list(command), demux=True)
        if exit_code != 0:
            why = (said or b"").decode(errors="replace").strip()
            raise SystemExit(f"{command[0]} in {self.container.name} ended with {exit_code}: {why}")
        return (out or b"").decode(errors="replace")

    def script(self, name: str, *words: str) -> None:
        """Run a script of ``in_container/``."""
        self.run("python3", "-c", (SCRIPTS / name).read_text(encoding="utf-8"), *words)

    def cpu_s(self) -> float:
        """Processor time that its processes have used."""
        api = self.container.client.api
        told = api.stats(self.container.id, stream=False, one_shot=True)
        return float(told["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9

    def empty_site(self) -> None:
        """Remove whatever lies in the site's folders."""
        self.run("find", "/site", "-mindepth", "2", "-delete")


@dataclass(frozen=True, slots=True)
class Lab:
    """The containers."""

    server: Box
    store: Box
    primary: Box
    dr: Box
    rclone: Box

    def cpu_s(self) -> float:
        """Processor time that all containers have used."""
        boxes = (self.server, self.store, self.primary, self.dr, self.rclone)
        return sum(each.cpu_s() for each in boxes)


@contextmanager
def standing() -> Iterator[Lab]:
    """The lab, up for the length of the block; nothing of it is left afterwards."""
    images = ensure_images(["backup", "minio", "rclone"], print)
    sweep(print)
    client = docker.from_env(timeout=ENGINE_LIMIT_S)
    try:
        with owned_run() as run:
            try:
                references = {name: image.reference for name, image in images.items()}
                yield _start(
                    client, run.project, {RUN_LABEL: run.id, OWNER_LABEL: owner()}, references
                )
            finally:
                remove_run(run.id)
    finally:
        client.close()


def _start(client: Any, project: str, labels: Mapping[str, str], images: Mapping[str, str]) -> Lab:
    network = client.networks.create(f"{project}-bench", labels=dict(labels))
    environments = _environments(project)

    def on_disk(role: str, place: str) -> dict[str, Any]:
        # a volume each, as in the stack: the file system of containers is slower at links
        volume = client.volumes.create(f"{project}-{role}", labels=dict(labels))
        return {"volumes": {volume.name: {"bind": place, "mode": "rw"}}}

    def box(role: str, image: str, command: list[str], storage: dict[str, Any]) -> Box:
        return Box(
            client.containers.run(
                images[image],
                command,
                name=f"{project}-{role}",
                detach=True,
                labels=dict(labels),
                network=network.name,
                environment=environments[role],
                healthcheck={"test": ["NONE"]},
                **storage,
            )
        )

    lab = Lab(
        box("server", "backup", ["colordrill-backup-server"], on_disk("server", "/backup")),
        box("store", "minio", STORE, on_disk("store", "/data")),
        box("primary", "backup", IDLE, on_disk("primary", "/site")),
        box("dr", "backup", IDLE, IN_MEMORY),
        box("rclone", "rclone", IDLE, IN_MEMORY),
    )
    _await(lab.server, "rsync-ok", "8730")
    _await(lab.store, "http-ok", "9000", "/minio/health/live")
    lab.store.run("colordrill-offsite-storage", "make")
    lab.store.run("sh", "-c", MAKE_BUCKET)
    return lab


def _environments(project: str) -> dict[str, dict[str, str]]:
    """Each container's variables: where the others are, and the accounts."""
    account = {"BACKUP_ACCOUNT": "agent", "BACKUP_PASSWORD": secrets.token_hex(16)}
    writer, reader = ((name, secrets.token_hex(16)) for name in ("writer", "reader"))
    repository = {
        "RESTIC_REPOSITORY": f"s3:http://{project}-store:9000/offsite",
        "RESTIC_PASSWORD": secrets.token_hex(16),
    }

    def offsite(user: str, password: str) -> dict[str, str]:
        return {**repository, "AWS_ACCESS_KEY_ID": user, "AWS_SECRET_ACCESS_KEY": password}

    agent = {
        "BACKUP_SERVER": f"{project}-server:8730",
        "BACKUP_ACCOUNT": "agent",
        "RSYNC_PASSWORD": account["BACKUP_PASSWORD"],
    }
    stored = {
        "MINIO_ROOT_USER": "benchroot",
        "MINIO_ROOT_PASSWORD": secrets.token_hex(16),
        **{f"OFFSITE_{name.upper()}_USER": name for name, _ in (writer, reader)},
        **{f"OFFSITE_{name.upper()}_PASSWORD": password for name, password in (writer, reader)},
    }
    endpoint = {
        "ENDPOINT": f"http://{project}-store:9000",
        "ACCESS_KEY_ID": stored["MINIO_ROOT_USER"],
        "SECRET_ACCESS_KEY": stored["MINIO_ROOT_PASSWORD"],
    }
    # one bucket for both sites: that points are replicated is none of a restore's business
    bucket = {
        **_prefixed("POINTS", {**endpoint, "BUCKET": BUCKET}),
        **_prefixed("POINTS_DR", {**endpoint, "BUCKET": BUCKET}),
    }
    remote = {"TYPE": "s3", "PROVIDER": "Minio", **endpoint}
    return {
        "server": {**account, **offsite(*writer)},
        "store": stored,
        "primary": {**agent, **bucket},
        "dr": {**agent, **offsite(*reader), **bucket},
        "rclone": _prefixed(f"RCLONE_CONFIG_{BUCKET.upper()}", remote),
    }


def _prefixed(prefix: str, variables: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}_{name}": value for name, value in variables.items()}


def _await(box: Box, *command: str) -> None:
    poll(
        SystemClock(),
        lambda: box.container.exec_run(list(command)).exit_code == 0 or None,
        awaited=" ".join(command),
        timeout_s=START_LIMIT_S,
    )
