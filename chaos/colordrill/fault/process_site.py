"""Faults of a whole site: everything down and cut off, or cut off only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem
from colordrill.fault.parameters import member, whole
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.witness import Witness, a_look, witness_of
from colordrill.stack.parts import COLORIZATION_PORT, Part, Site, parts_of
from colordrill.stack.target import Capability, Target

STOP_GRACE_S = 1.0
SITES = "primary, dr"


@dataclass
class _SiteFault:
    """A fault of every part at a site.

    Attributes:
        target_name: the site.
        service_port: where the colorization service listens inside its container.
        memory: ``parts``: of each part that ran, its networks; ``aliases`` of those cut off.
    """

    target_name: str = str(Site.PRIMARY)
    service_port: int = COLORIZATION_PORT
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    name: ClassVar[str]
    about: ClassVar[About]
    requires: ClassVar[frozenset[Capability]]

    def __post_init__(self) -> None:
        """Refuse what is no site."""
        self.service_port = whole("service_port", self.service_port, 1, 65535)
        self.target_name = str(member("site", self.target_name, Site))

    @property
    def witness(self) -> Witness:
        """Who sees the site from outside: the gateway."""
        if self.target_name == Site.PRIMARY:
            return witness_of(Part.PRIMARY_COLORIZATION, self.service_port)
        return Witness(Part.GATEWAY, "dr-storage", 9000, "/minio/health/live")

    def healthy(self, target: Target) -> Evidence:
        """The gateway is answered; what runs, and on which networks, is remembered."""
        states = {part: target.state(part) for part in parts_of(Site(self.target_name))}
        running = {str(part): list(each.networks) for part, each in states.items() if each.running}
        self.memory.update(parts=running)
        return self.witness.answered(target)

    def _running_parts(self, target: Target) -> list[Part]:
        parts = [Part(name) for name in self.memory.get("parts", {})]
        if not parts or not any(target.state(part).running for part in parts):
            raise EnvironmentProblem(
                f"nothing runs at {self.target_name}, {self.name} could break nothing",
                "heal the other fault first",
            )
        return parts

    def _cut(self, target: Target, parts: list[Part]) -> None:
        aliases = self.memory.setdefault("aliases", {})
        for part in parts:
            networks = target.isolate(part)
            # a second cut finds no networks, and must not forget the first one's
            aliases.setdefault(str(part), {name: list(each) for name, each in networks.items()})

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The gateway is not answered any more."""
        return self.witness.unanswered(target)

    def heal(self, target: Target) -> None:
        """Networks first, then every part that ran before."""
        for part, networks in self._networks().items():
            if target.state(part).exists:
                target.rejoin(part, networks)
        for part in self.memory.get("parts", {}):
            target.start(Part(part))

    @a_look
    def healed(self, target: Target) -> Evidence:
        """Every part runs on its networks again, and the gateway is answered."""
        for part, networks in self.memory.get("parts", {}).items():
            state = target.state(Part(part))
            if not state.running or list(state.networks) != networks:
                return Evidence(seen=False, detail=f"{part} is {state}, it was on {networks}")
        return self.witness.answered(target)

    def _networks(self) -> Mapping[Part, Mapping[str, list[str]]]:
        """What each part was on; after a half-done cut the parts' own names are the aliases."""
        known = self.memory.get("aliases", {})
        return {
            Part(name): known.get(name) or {network: [name] for network in networks}
            for name, networks in self.memory.get("parts", {}).items()
        }


class SiteDown(_SiteFault):
    """Everything at the site is stopped, and its networks are cut."""

    name: ClassVar[str] = "site_down"
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.STOP, Capability.NETWORK_CUT, Capability.EXECUTE}
    )
    about: ClassVar[About] = About(
        effect="The whole site is gone: service, storage, mirror and agent, and the way to them.",
        method=(
            "Every running container of the site is detached from its networks, then stopped with "
            "a grace of 1 s. Unlike `host_power_loss` the programs may end in order."
        ),
        evidence="The gateway's own request over its link to the site is not answered any more.",
        cure=(
            "The networks are attached again with their aliases, then what ran before is started. "
            "It is read back by every part's state and networks, and by the gateway's request."
        ),
        incidents=(
            "Fires, floods and cut power feeds take whole data centres, announced or not: in 2021 "
            "one in Strasbourg burnt down, and the backups in the same building with it."
        ),
        targets=(SITES,),
    )

    def inject(self, target: Target) -> None:
        """Cut the site off, then stop everything there."""
        parts = self._running_parts(target)
        self._cut(target, parts)
        for part in parts:
            target.stop(part, grace_s=STOP_GRACE_S)


class SiteUnreachable(_SiteFault):
    """The site's networks are cut; everything there goes on running."""

    name: ClassVar[str] = "site_unreachable"
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.NETWORK_CUT, Capability.EXECUTE}
    )
    about: ClassVar[About] = About(
        effect=(
            "Nobody reaches the site, and it does not know: jobs that it has accepted go on, and "
            "their pictures are written where no backup and no client gets at them."
        ),
        method="Every running container of the site is detached from all its networks.",
        evidence=(
            "The gateway's own request over its link to the site is not answered any more, while "
            "every part of the site still runs a command."
        ),
        cure=(
            "The networks are attached again with their aliases. It is read back by every part's "
            "state and networks, and by the gateway's request."
        ),
        incidents=(
            "A cut fibre, a firewall rule or a wrong route isolates a data centre that is in good "
            "health; after a failover both sites work, and what the first one wrote is missing."
        ),
        targets=(SITES,),
    )

    def inject(self, target: Target) -> None:
        """Cut the site off."""
        self._cut(target, self._running_parts(target))

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The gateway is not answered, and the site's parts run all the same."""
        looked = super().evidence(target)
        if not looked.seen:
            return looked
        for name in self.memory.get("parts", {}):
            try:
                alive = target.execute(Part(name), ("true",), timeout_s=2.0).exit_code == 0
            except EnvironmentProblem:
                alive = False
            if not alive:
                return Evidence(seen=False, detail=f"{looked.detail}; {name} runs no command")
        return Evidence(seen=True, detail=f"{looked.detail}; every part there still works")


FAULTS: tuple[type, ...] = (SiteDown, SiteUnreachable)
