"""What this machine has, what it lacks, and how to get it: the substance of ``colordrill doctor``.

Probes look at the machine and return plain facts; judges are pure functions of those facts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from colordrill.errors import EnvironmentProblem
from colordrill.stack.compose import IMAGE_NAMES
from colordrill.stack.disk import TRIED_ALONE, helper_refusals
from colordrill.stack.host_probes import (
    probe_container_toolkit,
    probe_cores,
    probe_disk,
    probe_engine,
    probe_kernel,
    probe_loopback_port,
    probe_memory_gb,
    probe_output,
)
from colordrill.stack.image_build import BASE_IMAGE
from colordrill.stack.images import ImageRef, present_images
from colordrill.stack.runs import OWNER_LABEL, RUN_LABEL, owned_run, owner
from colordrill.stack.target import Capability

PREPARE = "run ci/prepare in a checkout of colordrill"
ENGINE_VERSION_MIN = (24, 0)
DISK_NEEDED_GB = 25.0
DISK_FOR_A_DRILL_GB = 3.0
MEMORY_NEEDED_GB = 6.0
MEMORY_MIN_GB = 3.0
CORES_MIN = 2

_BYTES_PER_GB = 1e9


class Status(StrEnum):
    """What a finding says: nothing to do, a drill is impossible, a drill is restricted."""

    OK = "ok"
    MISSING = "missing"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        status: whether it is there.
        detail: what was seen.
        remedy: what to do about it; empty where there is nothing to do.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""


def examine() -> tuple[Finding, ...]:
    """Look at everything that a drill needs; never raises, and leaves nothing changed."""
    facts = probe_engine()
    base_id = None
    images: dict[str, ImageRef | None] = dict.fromkeys(IMAGE_NAMES)
    image_problem: list[Finding] = []
    if "ServerVersion" in facts:
        base_id = probe_output(["docker", "image", "inspect", "--format", "{{.Id}}", BASE_IMAGE])
        try:
            images = present_images(IMAGE_NAMES)
        except EnvironmentProblem as problem:
            found = Finding("images", Status.WARNING, problem.cause, problem.next_step)
            image_problem.append(found)
    gpu = probe_output(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    return (
        judge_engine(facts),
        judge_plugin("compose", probe_output(["docker", "compose", "version", "--short"])),
        judge_plugin("buildx", probe_output(["docker", "buildx", "version"])),
        judge_disk(*probe_disk(facts), images_there=all(images.values())),
        judge_memory(probe_memory_gb(facts)),
        judge_cores(probe_cores(facts)),
        judge_ports(probe_loopback_port()),
        *judge_kernel(probe_kernel()),
        judge_helper(_probe_helper(images["host"])),
        judge_gpu(gpu, container_toolkit=probe_container_toolkit(facts)),
        judge_base_image(base_id),
        *(image_problem or [judge_images(images)]),
    )


def judge_engine(facts: dict[str, Any]) -> Finding:
    """The engine, from the facts of ``docker info``; an ``error`` key says why there are none."""
    version = str(facts.get("ServerVersion") or "")
    if not version:
        detail = str(facts.get("error") or "no engine answers")
        return Finding("engine", Status.MISSING, detail, _engine_remedy(detail))
    detail = (
        f"Docker {version}, {facts.get('Driver', '?')}, cgroup v{facts.get('CgroupVersion', '?')}, "
        f"{facts.get('OperatingSystem', '?')}"
    )
    if version_of(version) < ENGINE_VERSION_MIN:
        wanted = ".".join(map(str, ENGINE_VERSION_MIN))
        return Finding("engine", Status.WARNING, detail, f"upgrade it to {wanted} or newer")
    return Finding("engine", Status.OK, detail)


def judge_plugin(name: str, output: str | None) -> Finding:
    """A plug-in of the docker client, from what its ``version`` command printed."""
    if not output:
        return Finding(
            name,
            Status.MISSING,
            f"`docker {name}` does not work",
            f"install the docker-{name} (or docker-{name}-plugin) package, or {PREPARE}",
        )
    if name == "compose" and version_of(output) < (2, 0):
        return Finding(name, Status.MISSING, f"version {output}", "install compose v2")
    # buildx puts its module path before the version
    return Finding(name, Status.OK, output.split()[-1])


def judge_disk(free_bytes: int | None, where: str, *, images_there: bool) -> Finding:
    """Free space where the engine keeps images; less is needed once they are built."""
    if free_bytes is None:
        return Finding("disk", Status.WARNING, f"the free space of {where} cannot be seen here")
    needed_gb = DISK_FOR_A_DRILL_GB if images_there else DISK_NEEDED_GB
    free_gb = free_bytes / _BYTES_PER_GB
    detail = f"{free_gb:.0f} GB free in {where}, {needed_gb:.0f} GB needed"
    if free_gb >= needed_gb:
        return Finding("disk", Status.OK, detail)
    remedy = "free space: `docker image prune`, `docker builder prune`"
    return Finding("disk", Status.MISSING, detail, remedy)


def judge_memory(total_gb: float | None) -> Finding:
    """Main memory as the engine sees it."""
    if total_gb is None:
        return Finding("memory", Status.WARNING, "unknown")
    detail = f"{total_gb:.1f} GB, {MEMORY_NEEDED_GB:.0f} GB recommended"
    if total_gb < MEMORY_MIN_GB:
        remedy = f"two sites do not fit; give the engine {MEMORY_NEEDED_GB:.0f} GB"
        return Finding("memory", Status.MISSING, detail, remedy)
    if total_gb < MEMORY_NEEDED_GB:
        return Finding("memory", Status.WARNING, detail, "close other programs during a drill")
    return Finding("memory", Status.OK, detail)


def judge_cores(cores: int | None) -> Finding:
    """Processor cores as the engine sees them."""
    if cores is None:
        return Finding("cores", Status.WARNING, "unknown")
    if cores < CORES_MIN:
        return Finding(
            "cores", Status.WARNING, str(cores), "with one core recovery times are not meaningful"
        )
    return Finding("cores", Status.OK, str(cores))


def judge_ports(port: int | None) -> Finding:
    """Whether a free port of the loopback interface can be had."""
    if port is None:
        remedy = "bring the loopback interface up: ip link set lo up"
        return Finding("loopback ports", Status.MISSING, "none can be opened", remedy)
    return Finding("loopback ports", Status.OK, "free ones can be had; none is fixed")


def judge_kernel(features: dict[str, bool | None]) -> tuple[Finding, ...]:
    """Kernel features that faults need; None stands for a kernel that cannot be looked at."""
    needs = {
        "overlay": "the engine's layers",
        "iptables": "published ports and partitions",
        "loop": "disks that lose unflushed writes",
        "fuse": "disks that lose unflushed writes",
    }
    findings = []
    for name, use in needs.items():
        present = features.get(name)
        if present:
            findings.append(Finding(f"kernel: {name}", Status.OK, f"there, for {use}"))
            continue
        detail = "cannot be seen from here" if present is None else f"not there; needed for {use}"
        remedy = f"use a Linux host with {name} (as root: modprobe {_module(name)})"
        findings.append(Finding(f"kernel: {name}", Status.WARNING, detail, remedy))
    return tuple(findings)


def _probe_helper(image: ImageRef | None) -> Mapping[Capability, str] | None:
    """What a privileged helper may not do here, tried in one; None before its image is built."""
    if image is None:
        return None
    try:
        with owned_run() as run:
            return helper_refusals(image.reference, {RUN_LABEL: run.id, OWNER_LABEL: owner()})
    except EnvironmentProblem as problem:
        return dict.fromkeys(TRIED_ALONE, problem.cause)


def judge_helper(refusals: Mapping[Capability, str] | None) -> Finding:
    """The privileged helper, which some faults need; drills of the others run without it.

    Args:
        refusals: why each of its capabilities is refused, empty where it is not; None: not tried.
    """
    if refusals is None:
        detail = "not tried: its image is not built yet"
        return Finding("helper", Status.WARNING, detail, "the first drill builds it; look again")
    refused = {name: why for name, why in refusals.items() if why}
    if not refused:
        return Finding("helper", Status.OK, f"a privileged one can do {', '.join(refusals)}")
    told = "; ".join(f"no {name}: {why}" for name, why in refused.items())
    remedy = (
        "drills of the faults that need it are refused (`colordrill list --faults` shows which); "
        "run them on a Linux host whose engine allows privileged containers"
    )
    return Finding("helper", Status.WARNING, told, remedy)


def judge_gpu(names: str | None, *, container_toolkit: bool) -> Finding:
    """The graphics card and whether containers can have it; a drill runs without one."""
    if not names:
        return Finding("gpu", Status.OK, "none; drills run on the CPU")
    card = ", ".join(names.splitlines())
    if container_toolkit:
        return Finding("gpu", Status.OK, f"{card}, with the container toolkit")
    return Finding(
        "gpu",
        Status.WARNING,
        f"{card}, but containers cannot use it",
        "install the NVIDIA container toolkit and run: nvidia-ctk runtime configure",
    )


def judge_base_image(image_id: str | None) -> Finding:
    """The base of every image."""
    if image_id is None:
        return Finding("base image", Status.MISSING, f"{BASE_IMAGE} is not there", PREPARE)
    short = image_id.removeprefix("sha256:")[:12]
    return Finding("base image", Status.OK, f"{BASE_IMAGE} ({short})")


def judge_images(images: dict[str, ImageRef | None]) -> Finding:
    """The stack's images; missing ones are no defect, since the first drill builds them."""
    absent = sorted(name for name, image in images.items() if image is None)
    if absent:
        detail = f"not built yet: {', '.join(absent)}"
        return Finding("images", Status.WARNING, detail, "the first drill builds them, in minutes")
    return Finding("images", Status.OK, f"all there: {', '.join(sorted(images))}")


def version_of(text: str) -> tuple[int, ...]:
    """The leading numbers of a version such as ``v2.26.1-4`` or ``26.1.5+dfsg1``."""
    numbers = []
    for part in text.strip().lstrip("v").split(".")[:2]:
        digits = part[: next((i for i, c in enumerate(part) if not c.isdigit()), len(part))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _module(name: str) -> str:
    return {"iptables": "ip_tables"}.get(name, name)


def _engine_remedy(detail: str) -> str:
    if "permission denied" in detail.lower():
        return 'add your user to the group "docker" and log in again, or use rootless Docker'
    if os.environ.get("DOCKER_HOST"):
        return f"start the engine at DOCKER_HOST={os.environ['DOCKER_HOST']}, or unset it"
    return f"{PREPARE} (as root on Debian or Ubuntu), or install Docker Engine and start it"
