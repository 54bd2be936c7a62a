"""Faults of whole hosts."""

from __future__ import annotations

from dataclasses import dataclass, field

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.protocol import Evidence
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Capability, PartState, Target

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

    Evidence is seen from the gateway's container: its own request over the link to the site gets no
    answer, where it got one before. The cure reattaches the networks with their aliases and starts
    what ran before; it is read back by the same request and by each part's state.

    Attributes:
        target_name: the site.
    """

    target_name: str
    name: str = field(init=False, default="host_power_loss")
    starts_clock: bool = field(init=False, default=True)
    requires: frozenset[Capability] = field(
        init=False,
        default=frozenset({Capability.KILL, Capability.NETWORK_CUT, Capability.EXECUTE}),
    )
    _before: dict[Part, PartState] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a site whose loss the stack's peers could not witness."""
        if self.target_name != Site.PRIMARY:
            raise UnknownName("site to lose power", self.target_name, [Site.PRIMARY])

    def healthy(self, target: Target) -> Evidence:
        """The gateway's request to the site is answered; what ran is remembered for the cure."""
        self._before = {part: target.state(part) for part in parts_of(Site(self.target_name))}
        answered, detail = _gateway_reaches_site(target)
        return Evidence(seen=answered, detail=detail)

    def inject(self, target: Target) -> None:
        """Kill every running part of the site, then cut its networks."""
        running = [part for part, before in self._before.items() if before.running]
        if not running:
            raise EnvironmentProblem(f"nothing runs at {self.target_name}, no power can be lost")
        target.kill(running)
        for part in running:
            target.isolate(part)

    def evidence(self, target: Target) -> Evidence:
        """The gateway's request to the site is not answered any more."""
        answered, detail = _gateway_reaches_site(target)
        return Evidence(seen=not answered, detail=detail)

    def heal(self, target: Target) -> None:
        """Power is back: networks first, then every part that ran before."""
        for part, before in self._before.items():
            if before.running:
                target.rejoin(part)
        for part, before in self._before.items():
            if before.running:
                target.start(part)

    def healed(self, target: Target) -> Evidence:
        """Every part runs on its networks again, and the gateway's request is answered."""
        for part, before in self._before.items():
            now = target.state(part)
            if (now.running, now.networks) != (before.running, before.networks):
                return Evidence(seen=False, detail=f"{part} is {now}, it was {before}")
        answered, detail = _gateway_reaches_site(target)
        return Evidence(seen=answered, detail=detail)


def _gateway_reaches_site(target: Target) -> tuple[bool, str]:
    probe = target.execute(Part.GATEWAY, PEER_PROBE, timeout_s=PEER_LIMIT_S)
    said = (probe.stdout + probe.stderr).strip()[:200]
    outcome = "answered" if probe.exit_code == 0 else f"not answered (exit {probe.exit_code})"
    return probe.exit_code == 0, f"the gateway's request to the site was {outcome} {said}".strip()
