"""The runbook: five steps that bring the service back at the DR site, each timed and written down.

1. ``start``   start the DR container; its volumes are bound and still empty, no model is loaded
2. ``mount``   mount the newest recovery point into those volumes, every file verified
3. ``verify``  interface and function: one canary of every kind, judged by its picture
4. ``switch``  switch the gateway to the DR site and see the public address answer from it
5. ``record``  write down what was restored and how long it took
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from colordrill.backup.points import list_points, restore_point
from colordrill.clock import Clock, poll, seconds_between
from colordrill.errors import ColordrillError, EnvironmentProblem, ServiceProblem
from colordrill.history import History
from colordrill.recover.gateway import switch_gateway
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import COLORIZATION_PORT, Part, Site
from colordrill.stack.target import Target
from colordrill.workload.canary import Canary, CanaryRunner

START_LIMIT_S = 180.0
CANARY_LIMIT_S = 60.0
JUDGE_LIMIT_S = 30.0
LOG_LINES = 15


class RunbookEnd(Enum):
    """How the runbook ended."""

    DONE = "done"
    REFUSED = "refused"
    """Step 3 found the restored site wrong: it must not be switched to."""
    FAILED = "failed"


class SiteRefused(EnvironmentProblem):
    """The restored site does not colour as it should."""


@dataclass(slots=True)
class Runbook:
    """Recovers the service at the DR site.

    Attributes:
        target: the stack.
        history: gets a ``step`` operation for each step, a ``verifycan`` for each canary of step 3.
        clock: bounds every wait.
        public: the public address.
        runner: sends the canaries of step 3.
        canaries: one of every kind.
        say: tells people how it goes.
        service_port: where the service listens inside its container.
    """

    target: Target
    history: History
    clock: Clock
    public: ComfyClient
    runner: CanaryRunner
    canaries: Sequence[Canary]
    say: Callable[[str], None]
    service_port: int = COLORIZATION_PORT
    _started_ns: int = field(init=False, default=0)
    _point: str | None = field(init=False, default=None)

    def run(self) -> RunbookEnd:
        """Take the steps in order; the first that does not succeed ends the runbook."""
        self._started_ns = self.clock.now_ns()
        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("start", self._start),
            ("mount", self._mount),
            ("verify", self._verify),
            ("switch", self._switch),
            ("record", self._record),
        )
        for name, act in steps:
            operation = self.history.invoke("step", step=name)
            try:
                detail = act()
            except ColordrillError as error:
                operation.fail(step=name, detail=str(error))
                self.say(f"runbook step {name} failed: {error}")
                return RunbookEnd.REFUSED if isinstance(error, SiteRefused) else RunbookEnd.FAILED
            ended = operation.ok(step=name, detail=detail, point=self._point)
            self.say(
                f"runbook {name}: {detail} ({seconds_between(operation.t_ns, ended.t_ns):.1f} s)"
            )
        return RunbookEnd.DONE

    def _start(self) -> str:
        self.target.start(Part.DR_COLORIZATION)
        with self._restored_site() as client:

            def answers() -> bool | None:
                try:
                    client.system_stats(timeout_s=2.0)
                except ServiceProblem:
                    return None
                return True

            poll(
                self.clock,
                answers,
                awaited="the DR service to answer",
                timeout_s=START_LIMIT_S,
                every_s=0.05,
                explain=self._explain,
            )
        return "the DR container answers; no model is loaded yet"

    def _mount(self) -> str:
        points = list_points(self.target)
        if not points:
            raise EnvironmentProblem("the backup server holds no recovery point")
        self._point = points[-1].id
        files = restore_point(self.target, Part.DR_AGENT, self._point)
        return f"recovery point {self._point}, {files} files, every hash verified"

    def _verify(self) -> str:
        with self._restored_site() as client:
            for canary in self.canaries:
                future = self.runner.send(
                    canary, client, kind="verifycan", site=Site.DR, limit_s=CANARY_LIMIT_S
                )
                if future is None:
                    raise EnvironmentProblem(
                        f"canary {canary.name} got no picture from the restored site",
                        self._explain(),
                    )
                judgement = self.runner.judgement(future, JUDGE_LIMIT_S)
                if judgement.correct is not True:
                    raise SiteRefused(
                        f"canary {canary.name} is not right: {'; '.join(judgement.reasons)}",
                        "the gateway is not switched to a site that colours wrongly",
                    )
        names = ", ".join(canary.name for canary in self.canaries)
        return f"canaries {names} are right"

    def _switch(self) -> str:
        return switch_gateway(self.target, self.public, Site.DR, self.clock)

    def _record(self) -> str:
        spent_s = seconds_between(self._started_ns, self.clock.now_ns())
        return f"restored {self._point} and switched in {spent_s:.1f} s of runbook time"

    def _restored_site(self) -> ComfyClient:
        return ComfyClient(self.target.endpoint(Part.DR_COLORIZATION, self.service_port))

    def _explain(self) -> str:
        state = self.target.state(Part.DR_COLORIZATION)
        log = self.target.logs(Part.DR_COLORIZATION, tail=LOG_LINES)
        return f"{Part.DR_COLORIZATION} is {state}; its last lines:\n{log}"
