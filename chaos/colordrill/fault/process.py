"""Faults of one part's processes: killed, ended, stopped, frozen, removed."""

from __future__ import annotations

from typing import ClassVar

from colordrill.fault.process_parts import WITNESSED_PARTS, PartFault
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.witness import a_look
from colordrill.stack.target import Capability, Target

STOP_GRACE_S = 2.0
_OUTAGE = "A neighbour's own request to the part is answered before and not answered during it."
_READ_BACK = (
    "It is read back by the part's state and networks, and by the neighbour's request, "
    "which is answered again."
)


class _Signalled(PartFault):
    """A signal from outside the engine, to every process of the part."""

    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PROCESS_SIGNAL, Capability.EXECUTE}
    )
    signal: ClassVar[str]

    def inject(self, target: Target) -> None:
        """Send the signal while the witness holds a connection, and remember how that ended."""
        self.refuse_down(target)
        with self.witness.holding(target, self.clock) as held:
            target.signal(self.part, self.signal)
            ended = held.ended()
        self.memory["connection"] = [ended.seen, ended.detail]

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The connection that the witness held has ended, or its request is not answered."""
        seen, detail = self.memory.get("connection", [False, "no connection was held"])
        if seen:
            return Evidence(seen=True, detail=str(detail))
        return super().evidence(target)


class ProcessKilled(_Signalled):
    """SIGKILL from outside: the engine takes it for a crash, and its restart policy acts."""

    name: ClassVar[str] = "process_killed"
    signal: ClassVar[str] = "SIGKILL"
    about: ClassVar[About] = About(
        effect=(
            "Every process of the part dies at once: the queue and the history in memory are gone, "
            "clients in mid-request are cut off. The engine's restart policy starts it again."
        ),
        method=(
            "SIGKILL to all processes of the container from the host's process namespace. Not "
            "`docker kill`: after that the engine holds the restart policy off, and what is tested "
            "would not be what happens."
        ),
        evidence=(
            "A connection that a neighbour held to the part ends, or the neighbour's own request "
            "is not answered. A held connection shows even an outage of milliseconds."
        ),
        cure="It is started if the restart policy has not done so. " + _READ_BACK,
        incidents=(
            "Operators of ComfyUI report that a crash loses the whole queue without a trace, "
            "because it is kept in memory only; a worker's segmentation fault or a driver reset "
            "ends the process the same way."
        ),
        targets=(WITNESSED_PARTS,),
    )


class ProcessTerminated(_Signalled):
    """SIGTERM from outside: ComfyUI has no handler, so running jobs are not drained."""

    name: ClassVar[str] = "process_terminated"
    signal: ClassVar[str] = "SIGTERM"
    about: ClassVar[About] = About(
        effect=(
            "The part is asked to end. ComfyUI does not drain: the job that runs and those that "
            "wait are lost, just as by SIGKILL."
        ),
        method="SIGTERM to all processes of the container from the host's process namespace.",
        evidence=(
            "A connection that a neighbour held to the part ends, or the neighbour's own request "
            "is not answered."
        ),
        cure="It is started if the restart policy has not done so. " + _READ_BACK,
        incidents=(
            "Host reboots and rolling updates send SIGTERM; ComfyUI under an init dies at once and "
            "kills renders, and as process 1 it ignores the signal until it is killed."
        ),
        targets=(WITNESSED_PARTS,),
    )


class ContainerStopped(PartFault):
    """An operator's `docker stop`: it stays down whatever its restart policy says."""

    name: ClassVar[str] = "container_stopped"
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.STOP, Capability.EXECUTE})
    about: ClassVar[About] = About(
        effect="The part is down and stays down: no restart policy brings it back.",
        method="SIGTERM by the engine and, after a grace of 2 s, SIGKILL, as `docker stop` does.",
        evidence=_OUTAGE,
        cure="It is started. " + _READ_BACK,
        incidents=(
            "A container stopped by hand for maintenance and forgotten stays down over a reboot of "
            "the host, because `unless-stopped` remembers it."
        ),
        targets=(WITNESSED_PARTS,),
    )

    def inject(self, target: Target) -> None:
        """Stop it."""
        self.refuse_down(target)
        target.stop(self.part, grace_s=STOP_GRACE_S)


class ContainerFrozen(PartFault):
    """Everything in it is held: connections are accepted by the kernel, and nobody answers.

    Not `docker pause`: an engine that begins a health check in a container just then waits for it
    for ever, and so does whoever asks the engine about that container, the cure included.
    """

    name: ClassVar[str] = "container_frozen"
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PROCESS_SIGNAL, Capability.EXECUTE}
    )
    about: ClassVar[About] = About(
        effect=(
            "The part hangs: connections are still accepted, because the kernel does that, but no "
            "request is ever answered. Nothing is lost; whoever has no time-out waits for ever."
        ),
        method=(
            "SIGSTOP to all processes of the container from the host's process namespace. Not "
            "`docker pause`, which can lock up the engine when a health check begins just then."
        ),
        evidence=(
            "A neighbour's own request to the part is answered before, and runs into its time-out "
            "of 2 s during it."
        ),
        cure="SIGCONT to all processes; it is started if it has ended. " + _READ_BACK,
        incidents=(
            "A process in uninterruptible sleep on a dead NFS mount, a host that swaps, a GPU "
            "driver that hangs: the port is open and the service is not there."
        ),
        targets=(WITNESSED_PARTS,),
    )

    def inject(self, target: Target) -> None:
        """Freeze it."""
        self.refuse_down(target)
        target.signal(self.part, "SIGSTOP")

    def heal(self, target: Target) -> None:
        """Let its processes go on; start it if it has ended."""
        if self.memory.get("running") and target.state(self.part).running:
            target.signal(self.part, "SIGCONT")
        super().heal(target)


class ContainerRemoved(PartFault):
    """The container is gone, its volumes are there."""

    name: ClassVar[str] = "container_removed"
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.RECREATE, Capability.EXECUTE})
    about: ClassVar[About] = About(
        effect=(
            "The container does not exist any more, and with it everything that was written "
            "outside its volumes. No restart policy can bring it back."
        ),
        method="The engine removes the container by force; its named volumes stay.",
        evidence=_OUTAGE,
        cure="It is created anew as it was described, on the same volumes. " + _READ_BACK,
        incidents=(
            "`docker system prune`, an over-eager clean-up job or `docker compose down` on the "
            "wrong host removed containers in use; node packs installed inside were gone with them."
        ),
        targets=(WITNESSED_PARTS,),
    )

    def inject(self, target: Target) -> None:
        """Remove it."""
        self.refuse_down(target)
        target.remove(self.part)

    def heal(self, target: Target) -> None:
        """Create it anew where it is absent, start it where it is down."""
        if not self.memory.get("running"):
            return
        if target.state(self.part).exists:
            target.start(self.part)
        else:
            target.recreate(self.part)


FAULTS: tuple[type, ...] = (
    ProcessKilled,
    ProcessTerminated,
    ContainerStopped,
    ContainerFrozen,
    ContainerRemoved,
)
