from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from colordrill.clock import SystemClock, poll, seconds_between
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.standing import HealthyStack, healthy_stack, images_for, plan_for
from colordrill.fault.protocol import Evidence, Fault
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import GATEWAY_PORT, Part
from colordrill.workload.colorize import Coloured, Deadline, colour
from colordrill.workload.workflows import PERSON

EVIDENCE_LIMIT_S = 10.0
HEALED_LIMIT_S = 60.0
JOB_LIMIT_S = 60.0

CLOCK = SystemClock()
_LOG = logging.getLogger(__name__)


@dataclass
class Lab:
    """A real stack whose service has done a job."""

    stack: HealthyStack
    assets: Assets
    jobs: int = 0

    def colour(self, limit_s: float = JOB_LIMIT_S) -> Coloured:
        """One job of a user, through the gateway."""
        self.jobs += 1
        workflow, photo = self.assets.workflows[PERSON], self.assets.photos["astronaut"]
        name = f"user-{self.jobs}"
        # anew: a gateway that was started again is published on another port
        address = self.stack.target.endpoint(Part.GATEWAY, GATEWAY_PORT)
        with ComfyClient(address) as client:
            return colour(client, CLOCK, workflow, photo, name, Deadline(CLOCK, limit_s))

    def awaited(self, look: Callable[[], Evidence], limit_s: float) -> Evidence:
        """Look until it is seen; the last look where it never is."""
        last = Evidence(seen=False, detail="nobody has looked")

        def once() -> bool | None:
            nonlocal last
            last = look()
            return last.seen or None

        try:
            poll(CLOCK, once, awaited="what must be seen", timeout_s=limit_s)
        except Exception as error:  # noqa: BLE001 (the last look says more than the expiry)
            return Evidence(seen=False, detail=f"{last.detail}; {error}")
        return last

    def course(
        self, fault: Fault, again: Callable[[], Fault], during: Callable[[], Any] | None = None
    ) -> dict[str, float | str]:
        """Before, inject, evidence, cure by another object with the same memory, cure again."""
        target = self.stack.target
        before = fault.healthy(target)
        assert before.seen, before.detail
        early = fault.evidence(target)
        assert not early.seen, f"evidence before the injection: {early.detail}"
        later = again()
        began_ns = CLOCK.now_ns()
        try:
            fault.inject(target)
            injected_s = seconds_between(began_ns, CLOCK.now_ns())
            evidence = self.awaited(lambda: fault.evidence(target), EVIDENCE_LIMIT_S)
            assert evidence.seen, evidence.detail
            if during is not None:
                during()
        finally:
            later.memory = json.loads(json.dumps(fault.memory))
            if hasattr(fault, "_end_loop"):
                fault._end_loop()
            began_ns = CLOCK.now_ns()
            later.heal(target)
            heal_s = seconds_between(began_ns, CLOCK.now_ns())
            healed = self.awaited(lambda: later.healed(target), HEALED_LIMIT_S)
        assert healed.seen, healed.detail
        healed_s = seconds_between(began_ns, CLOCK.now_ns())
        later.heal(target)
        twice = self.awaited(lambda: later.healed(target), HEALED_LIMIT_S)
        assert twice.seen, f"healing twice: {twice.detail}"
        _LOG.info(
            "%s: inject %.2f s, heal %.2f s, healed %.2f s\n  evidence: %s\n  healed: %s",
            fault.name,
            injected_s,
            heal_s,
            healed_s,
            evidence.detail,
            healed.detail,
        )
        return {"injected_s": injected_s, "heal_s": heal_s, "evidence": evidence.detail}


@pytest.fixture(scope="package")
def lab(engine: Any) -> Iterator[Lab]:
    """The whole bundled stack, up once for all these tests."""
    assert engine.ping()
    settings = Settings()
    assets = load_assets(settings.service)
    plan = plan_for(settings, images_for(settings, print))
    with healthy_stack(plan, assets, print, CLOCK) as stack:
        lab = Lab(stack, assets)
        lab.colour()
        yield lab
