"""What both runbooks share: five steps in order, each written down; how a site is checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from colordrill.clock import Clock, poll, seconds_between
from colordrill.errors import (
    ColordrillError,
    EnvironmentProblem,
    ServiceProblem,
    WaitExpired,
)
from colordrill.history import History
from colordrill.picture import Judgement
from colordrill.recover.notices import ABORTED, SILENT, NoticeEvent, Notifier
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import COLORIZATION_PORT, Part, Site
from colordrill.stack.target import Target
from colordrill.workload.canary import Canary, CanaryRunner
from colordrill.workload.scoring import ScoringFailed

START_LIMIT_S = 180.0
CANARY_LIMIT_S = 60.0
JUDGE_LIMIT_S = 30.0
LOG_LINES = 15
SERVICES = {Site.PRIMARY: Part.PRIMARY_COLORIZATION, Site.DR: Part.DR_COLORIZATION}


class RunbookEnd(Enum):
    """How a runbook ended."""

    DONE = "done"
    REFUSED = "refused"
    """Step 3 found the restored site wrong: it must not be switched to."""
    FAILED = "failed"


class SiteRefused(EnvironmentProblem):
    """The restored site does not colour as it should."""


class SiteNotJudged(SiteRefused):
    """A picture of the restored site could not be judged; nobody knows whether it is right."""


class NoPicture(EnvironmentProblem):
    """A canary that was sent to a site itself got no picture."""


@dataclass(frozen=True, slots=True)
class StepDone:
    """What a step did; *point* is the recovery point that the site stands on from now on."""

    detail: str
    point: str | None = None


Step = tuple[str, Callable[[], StepDone]]


def await_answer(
    clock: Clock, connect: Callable[[], ComfyClient], whose: str, explain: Callable[[], str]
) -> None:
    """Wait until a service that is being started answers; it need not have loaded a model.

    Args:
        clock: bounds the wait.
        connect: makes a client, anew each time: a container that has just been started gets its
            port with a delay.
        whose: what is awaited, for people.
        explain: what to add where it does not answer.

    Raises:
        WaitExpired: it did not.
    """

    def answers() -> bool | None:
        try:
            with connect() as client:
                client.system_stats(timeout_s=2.0)
        except EnvironmentProblem:
            return None
        return True

    poll(
        clock,
        answers,
        awaited=f"{whose} to answer",
        timeout_s=START_LIMIT_S,
        every_s=0.05,
        explain=explain,
    )


@dataclass(frozen=True, slots=True)
class Operator:
    """Who carries out a runbook, and with what.

    Attributes:
        target: the stack.
        history: gets a ``step`` operation for each step, a ``verifycan`` for each canary of step 3
            and a ``readiness`` note for each probe.
        clock: bounds every wait.
        public: the public address.
        runner: sends the canaries of step 3.
        canaries: one of every kind.
        say: tells people how it goes.
        service_port: where the service listens inside its container.
        notifier: tells administrators of the start, of each step's end and of the end.
    """

    target: Target
    history: History
    clock: Clock
    public: ComfyClient
    runner: CanaryRunner
    canaries: Sequence[Canary]
    say: Callable[[str], None]
    service_port: int = COLORIZATION_PORT
    notifier: Notifier = SILENT

    def carry_out(self, steps: Sequence[Step]) -> RunbookEnd:
        """Take *steps* in order; the first that does not succeed ends the runbook."""
        named = ", ".join(name for name, _ in steps)
        self.notifier.notify(NoticeEvent.STARTED, detail=f"steps: {named}")
        outcome, detail = ABORTED, "interrupted or crashed in the middle of a step"
        try:
            end, detail = self._take(steps)
            outcome = end.value
        finally:
            self.notifier.notify(NoticeEvent.ENDED, outcome=outcome, detail=detail)
        return end

    def _take(self, steps: Sequence[Step]) -> tuple[RunbookEnd, str]:
        """How it ended, and the last step's detail."""
        point, detail = None, "there was nothing to do"
        for name, act in steps:
            operation = self.history.invoke("step", step=name)
            try:
                done = act()
            except ColordrillError as error:
                operation.fail(step=name, detail=str(error))
                self._step_ended(name, "fail", str(error))
                self.say(f"runbook step {name} failed: {error}")
                refused = isinstance(error, SiteRefused)
                return RunbookEnd.REFUSED if refused else RunbookEnd.FAILED, str(error)
            point, detail = done.point or point, done.detail
            ended = operation.ok(step=name, detail=detail, point=point)
            self._step_ended(name, "ok", detail)
            took_s = seconds_between(operation.t_ns, ended.t_ns)
            self.say(f"runbook {name}: {detail} ({took_s:.1f} s)")
        return RunbookEnd.DONE, detail

    def _step_ended(self, name: str, outcome: str, detail: str) -> None:
        self.notifier.notify(NoticeEvent.STEP, step=name, outcome=outcome, detail=detail)

    def probed(self, site: Site, probe: str, outcome: str, detail: str) -> None:
        """Write down what a readiness probe found: as_primary, mended, differs or unknown."""
        self.history.note("readiness", site=site, probe=probe, outcome=outcome, detail=detail)

    def client(self, site: Site) -> ComfyClient:
        """The service of *site* itself, past the gateway."""
        return ComfyClient(self.target.endpoint(SERVICES[site], self.service_port))

    def await_answer(self, site: Site) -> None:
        """Wait until the service of *site* answers; it need not have loaded a model.

        Raises:
            WaitExpired: it did not; its state and last log lines are in the message.
        """
        await_answer(
            self.clock,
            lambda: self.client(site),
            f"the service of {site}",
            lambda: self.explain(site),
        )

    def judge_site(self, site: Site) -> str:
        """Send one canary of every kind to *site* itself and have its picture judged.

        Returns:
            What was found, for the record.

        Raises:
            SiteRefused: a picture is not right; SiteNotJudged: nobody can tell.
            NoPicture: none came.
            RecordProblem: something cannot be written down.
            EnvironmentProblem: the site cannot be reached.
        """
        with self.client(site) as client:
            for canary in self.canaries:
                judgement = self._judged(canary, client, site)
                if judgement.correct is not True:
                    kind = SiteNotJudged if judgement.correct is None else SiteRefused
                    raise kind(
                        f"canary {canary.name} is not right: {'; '.join(judgement.reasons)}",
                        "the gateway is not switched to a site that colours wrongly",
                    )
        return f"canaries {', '.join(canary.name for canary in self.canaries)} are right"

    def _judged(self, canary: Canary, client: ComfyClient, site: Site) -> Judgement:
        reasons: list[str] = []
        try:
            future = self.runner.send(
                canary,
                client,
                kind="verifycan",
                site=site,
                limit_s=CANARY_LIMIT_S,
                unanswered=reasons.append,
            )
            if future is not None:
                return self.runner.judgement(future, JUDGE_LIMIT_S)
        except (ScoringFailed, WaitExpired) as error:
            # the picture is there: that says something about the scoring and nothing of the site
            raise SiteNotJudged(
                f"the picture of canary {canary.name} could not be judged: {error.cause}",
                "see whether this machine has memory and time to judge pictures, then start again",
            ) from error
        raise NoPicture(
            f"canary {canary.name} got no picture from the site {site}: {'; '.join(reasons)}",
            self.explain(site),
        )

    def forget_models(self, site: Site) -> None:
        """Have the service of *site* drop models and results that it holds in memory.

        A network that was built while its checkpoint was missing stays, with random weights, until
        it is told to go.
        """
        with self.client(site) as client:
            try:
                client.free_memory()
            except ServiceProblem as error:
                raise EnvironmentProblem(
                    f"the service of {site} does not free its memory: {error}", self.explain(site)
                ) from error

    def explain(self, site: Site) -> str:
        """The state and the last log lines of *site*'s service."""
        part = SERVICES[site]
        log = self.target.logs(part, tail=LOG_LINES)
        return f"{part} is {self.target.state(part)}; its last lines:\n{log}"
