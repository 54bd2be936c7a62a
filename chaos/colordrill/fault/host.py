"""Faults of whole hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.witness import witness_of
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Capability, Target

SITE_WITNESS = witness_of(Part.PRIMARY_COLORIZATION)
"""The gateway asks the primary's service over its link, from inside its own container."""


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
        return SITE_WITNESS.answered(target)

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
        return SITE_WITNESS.unanswered(target)

    def heal(self, target: Target) -> None:
        """Power is back: networks first, then every part that ran before."""
        for part in self._running():
            target.rejoin(part, self._networks(part))
        for part in self._running():
            target.start(part)

    def healed(self, target: Target) -> Evidence:
        """Every part runs on its networks again, and the gateway's request is answered."""
        for part in self._running():
            now, networks = target.state(part), self.memory["on"][part.value]
            if not now.running or list(now.networks) != networks:
                return Evidence(seen=False, detail=f"{part} is {now}, it was on {networks}")
        return SITE_WITNESS.answered(target)

    def _networks(self, part: Part) -> Mapping[str, Sequence[str]]:
        """What *part* was on; after a half-done cut its own name is the alias."""
        known = self.memory["networks"].get(part.value)
        return known or {network: [part.value] for network in self.memory["on"][part.value]}

    def _running(self) -> list[Part]:
        return [Part(name) for name in self.memory.get("running", ())]


FAULTS = (HostPowerLoss,)
