"""Names that are not resolved any more in one part."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem
from colordrill.fault.network_filter import Rule, Verdict, insert, present, remove
from colordrill.fault.parameters import choice, member
from colordrill.fault.protocol import About, Evidence
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, Executed, Target

LOOKUP_LIMIT_S = 2.0
ENGINE_RESOLVER = "127.0.0.11"
_TIMED_OUT = 124
_NOT_FOUND = 2
"""How getent says that there is no such name; the same when its question was refused."""

LOOKED_UP = {
    Part.GATEWAY: Part.TOXIPROXY,
    Part.TOXIPROXY: Part.BACKUP,
    Part.BACKUP: Part.TOXIPROXY,
    Part.PRIMARY_COLORIZATION: Part.TOXIPROXY,
    Part.PRIMARY_STORAGE: Part.TOXIPROXY,
    Part.PRIMARY_MIRROR: Part.TOXIPROXY,
    Part.PRIMARY_AGENT: Part.TOXIPROXY,
    Part.DR_COLORIZATION: Part.DR_AGENT,
    Part.DR_STORAGE: Part.DR_AGENT,
    Part.DR_AGENT: Part.BACKUP,
}
"""The neighbour whose name each part looks up, as it does in daily work where it does."""


class Reply(StrEnum):
    """What becomes of a question."""

    NONE = "none"
    REFUSED = "refused"


@dataclass(slots=True, kw_only=True)
class DnsFailure:
    """A part resolves no names: its questions are not answered, or refused.

    Attributes:
        target_name: the part.
        reply: ``none``: whoever asks waits; ``refused``: they learn at once.
        memory: what the cure needs; set by `healthy`.
    """

    name: ClassVar[str] = "dns_failure"
    about: ClassVar[About] = About(
        effect="The part resolves no name any more. What it is connected to stays connected; what "
        "it connects to anew, or looks up regularly as the gateway does, is lost. By default its "
        "questions are not answered, and whoever asks waits.",
        method="The privileged helper enters the part's network namespace and drops, by iptables, "
        f"what comes from port 53 and from the engine's own resolver ({ENGINE_RESOLVER}); with "
        "`reply=refused` it rejects what goes there.",
        evidence="`getent` in the part's container does not find a neighbour that it found before, "
        f"within {LOOKUP_LIMIT_S:g} s. An image without `getent` gives no evidence.",
        cure="Every rule with this fault's tag is removed; iptables must list none, and the lookup "
        "must find the neighbour again.",
        incidents="AWS us-east-1, 2025-10-20: an empty record for DynamoDB's address, and hours of "
        "outage of what looked it up. Facebook, 2021-10-04: name servers that withdrew their own "
        "routes took away the tools for the repair too. In containers: musl and glibc differ in "
        "how long they wait and whom they ask next.",
        targets=tuple(f"{part}: looks up {name}" for part, name in LOOKED_UP.items()),
    )
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PACKET_FILTER, Capability.EXECUTE}
    )

    target_name: str
    reply: str = Reply.NONE
    memory: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parts that look nothing up."""
        member("part that looks names up", self.target_name, LOOKED_UP)
        choice("reply", self.reply, tuple(Reply))

    @property
    def part(self) -> Part:
        """Whose lookups fail."""
        return Part(self.target_name)

    @property
    def tag(self) -> str:
        """What marks this fault's rules."""
        return f"colordrill-{self.name}-{self.part}"

    def healthy(self, target: Target) -> Evidence:
        """The neighbour's name is resolved."""
        done, detail = self._look_up(target)
        self.memory["began"] = True
        return Evidence(seen=_found(done), detail=detail)

    def inject(self, target: Target) -> None:
        """Filter questions or answers."""
        insert(target, self.part, self.tag, _rules(Reply(self.reply)))

    def evidence(self, target: Target) -> Evidence:
        """The lookup ends without an address, or does not end."""
        done, detail = self._look_up(target)
        unresolved = done is not None and done.exit_code in (_NOT_FOUND, _TIMED_OUT)
        return Evidence(seen=unresolved, detail=detail)

    def heal(self, target: Target) -> None:
        """Remove this fault's rules, and no others."""
        if self.memory:
            remove(target, self.part, self.tag)

    def healed(self, target: Target) -> Evidence:
        """No rule of this fault is listed, and the lookup finds the neighbour."""
        left = present(target, self.part, self.tag)
        if left:
            return Evidence(seen=False, detail=f"{self.part} still has {left}")
        done, detail = self._look_up(target)
        return Evidence(seen=_found(done), detail=f"no rule {self.tag} is left; {detail}")

    def _look_up(self, target: Target) -> tuple[Executed | None, str]:
        command = ["getent", "hosts", LOOKED_UP[self.part]]
        try:
            done = target.execute(self.part, command, timeout_s=LOOKUP_LIMIT_S)
        except EnvironmentProblem as problem:
            return None, f"{self.part} cannot look anything up: {problem.cause}"
        said = (done.stdout + done.stderr).strip()[:120] or "nothing"
        return done, f"{self.part}: {' '.join(command)} said {said} (exit {done.exit_code})"


def _found(done: Executed | None) -> bool:
    return done is not None and done.exit_code == 0 and bool(done.stdout.strip())


def _rules(reply: Reply) -> list[Rule]:
    """The engine translates its resolver's port, so all of that address is filtered."""
    if reply is Reply.NONE:
        # of the answers: a question that is dropped is an error at once, not silence
        chain, verdict, port, address = "INPUT", Verdict.DROP, "--sport", "-s"
    else:
        chain, verdict, port, address = "OUTPUT", Verdict.REJECT, "--dport", "-d"
    return [
        Rule(chain, (address, ENGINE_RESOLVER), verdict),
        Rule(chain, ("-p", "udp", port, "53"), verdict),
        Rule(chain, ("-p", "tcp", port, "53"), verdict),
    ]


FAULTS: tuple[type, ...] = (DnsFailure,)
