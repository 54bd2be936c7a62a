"""Faults of whole hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.protocol import About, Evidence
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Capability, Target

PEER_LIMIT_S = 3.0
PEER_PROBE = (
    "bash",
    "-c",
    (
        "exec 3<>/dev/tcp/toxiproxy/18188"
        r" && printf 'GET /system_stats HTTP/1.0\r\nHost: peer\r\n\r\n' >&3"
        ' && IFS= read -r -t 2 status <&3 && echo "$status" && [[ $status == HTTP/1.?" 200"* ]]'
    ),
)
"""Asks the primary's service as the gateway does, from inside the gateway's container."""


@dataclass(slots=True)
class HostPowerLoss:
    """A site's host loses power: all its containers die at once and its networks are cut.

    Attributes:
        target_name: the site.
        memory: the parts that ran, and the networks of each with its aliases.
    """

    name: ClassVar[str] = "host_power_loss"
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.KILL, Capability.NETWORK_CUT, Capability.EXECUTE}
    )
    about: ClassVar[About] = About(
        effect=(
            "The site is gone from one moment to the next: no answer, no refusal, no last words. "
            "Queue, history and whatever was in memory are lost."
        ),
        method=(
            "Every running container of the site is ended by SIGKILL at once and stays down, and "
            "its networks are detached. The site's files survive as they were in the page cache; "
            "`power_loss` is the form in which unflushed writes are lost too."
        ),
        evidence=(
            "The gateway's own request over its link to the site gets no answer, where it got one "
            "before."
        ),
        cure=(
            "Networks are attached again with their aliases, then every part that ran is started; "
            "read back by the state of each part and by the gateway's request."
        ),
        incidents=(
            "A server's power failure nearly ended a photo restoration project of three years: "
            "the backups had never been restored."
        ),
        targets=(Site.PRIMARY.value,),
    )

    target_name: str = Site.PRIMARY.value
    memory: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a site whose loss the stack's peers could not witness."""
        if self.target_name != Site.PRIMARY:
            raise UnknownName("site to lose power", self.target_name, [Site.PRIMARY])

    def healthy(self, target: Target) -> Evidence:
        """The gateway's request to the site is answered; what ran is remembered for the cure."""
        states = {part: target.state(part) for part in parts_of(Site(self.target_name))}
        self.memory = {
            "running": [part.value for part, state in states.items() if state.running],
            "on": {part.value: list(state.networks) for part, state in states.items()},
            "networks": {},
        }
        answered, detail = gateway_reaches_site(target)
        return Evidence(seen=answered, detail=detail)

    def inject(self, target: Target) -> None:
        """Kill every running part of the site, then cut its networks."""
        running = self._running()
        if not running:
            raise EnvironmentProblem(f"nothing runs at {self.target_name}, no power can be lost")
        target.kill(running)
        for part in running:
            networks = target.isolate(part)
            self.memory["networks"].setdefault(
                part.value, {name: list(aliases) for name, aliases in networks.items()}
            )

    def evidence(self, target: Target) -> Evidence:
        """The gateway's request to the site is not answered any more."""
        answered, detail = gateway_reaches_site(target)
        return Evidence(seen=not answered, detail=detail)

    def heal(self, target: Target) -> None:
        """Power is back: networks first, then every part that ran before."""
        for part in self._running():
            target.rejoin(part, self.memory["networks"].get(part.value, {}))
        for part in self._running():
            target.start(part)

    def healed(self, target: Target) -> Evidence:
        """Every part runs on its networks again, and the gateway's request is answered."""
        for part in self._running():
            now, networks = target.state(part), self.memory["on"][part.value]
            if not now.running or list(now.networks) != networks:
                return Evidence(seen=False, detail=f"{part} is {now}, it was on {networks}")
        answered, detail = gateway_reaches_site(target)
        return Evidence(seen=answered, detail=detail)

    def _running(self) -> list[Part]:
        return [Part(name) for name in self.memory.get("running", ())]


def gateway_reaches_site(target: Target) -> tuple[bool, str]:
    """Whether the gateway's own request over its link to the primary is answered, and the words."""
    probe = target.execute(Part.GATEWAY, PEER_PROBE, timeout_s=PEER_LIMIT_S)
    said = (probe.stdout + probe.stderr).strip()[:200]
    outcome = "answered" if probe.exit_code == 0 else f"not answered (exit {probe.exit_code})"
    return probe.exit_code == 0, f"the gateway's request to the site was {outcome} {said}".strip()


FAULTS = (HostPowerLoss,)
