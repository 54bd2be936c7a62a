"""The primary in an incident: is it healthy, and is it kept from being written to?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from colordrill.clock import Clock, poll
from colordrill.errors import EnvironmentProblem, ExitCode, RecordProblem, WaitExpired
from colordrill.recover.gateway import active_sites, end_requests, fence
from colordrill.recover.steps import NoPicture, Operator, SiteNotJudged, SiteRefused
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part, Site
from colordrill.stack.target import Target

ANSWER_LIMIT_S = 6.0
REQUEST_LIMIT_S = 2.0
PRIMARY = Part.PRIMARY_COLORIZATION


class Health(Enum):
    """What is known of the primary."""

    HEALTHY = "healthy"
    BROKEN = "broken"
    WRONG = "wrong"
    """It colours, and not as the goldens say."""
    NOT_JUDGED = "not judged"
    """It colours, and nobody could tell how."""
    UNKNOWN = "unknown"


class PrimaryNotJudged(EnvironmentProblem):
    """The primary colours, and whether it does so rightly could not be judged."""

    exit_code = ExitCode.UNKNOWN


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of the primary, and from what."""

    health: Health
    detail: str


@dataclass(frozen=True, slots=True)
class Fence:
    """How the primary is kept from being written to.

    Attributes:
        detail: for the record.
        certain: its service was seen not to run; else only the gateway keeps users from it.
    """

    detail: str
    certain: bool


def answers(target: Target, clock: Clock, port: int) -> Finding:
    """Whether the primary's service answers at its own address; nothing is sent to be coloured.

    One that answers is UNKNOWN: it may colour wrongly.

    Args:
        target: the stack.
        clock: bounds the wait.
        port: where the service listens inside its container.
    """
    try:
        state = target.state(PRIMARY)
    except EnvironmentProblem as error:
        return Finding(Health.UNKNOWN, f"the engine does not say how the primary is: {error.cause}")
    if not state.running:
        return Finding(Health.BROKEN, "the primary's service does not run")
    last = ""

    def answered() -> bool | None:
        nonlocal last
        try:
            with ComfyClient(target.endpoint(PRIMARY, port)) as client:
                client.system_stats(timeout_s=REQUEST_LIMIT_S)
        except EnvironmentProblem as error:
            last = error.cause
            return None
        return True

    try:
        poll(clock, answered, awaited="the primary's answer", timeout_s=ANSWER_LIMIT_S)
    except WaitExpired:
        return Finding(Health.BROKEN, f"the primary does not answer at its own address: {last}")
    return Finding(Health.UNKNOWN, "the primary answers at its own address")


def examine(operator: Operator) -> Finding:
    """Whether the primary answers at its own address and colours a canary of each kind right.

    Raises:
        RecordProblem: something cannot be written down here; that says nothing of the primary.
    """
    finding = answers(operator.target, operator.clock, operator.service_port)
    if finding.health is Health.BROKEN or not operator.canaries:
        return finding
    try:
        detail = operator.judge_site(Site.PRIMARY)
    except SiteNotJudged as error:
        return Finding(Health.NOT_JUDGED, error.cause)
    except SiteRefused as error:
        return Finding(Health.WRONG, error.cause)
    except NoPicture as error:
        return Finding(Health.BROKEN, error.cause)
    except RecordProblem:
        raise
    except EnvironmentProblem as error:
        return Finding(Health.UNKNOWN, error.cause)
    return Finding(Health.HEALTHY, f"the primary answers at its own address, and its {detail}")


def fence_primary(operator: Operator) -> Fence:
    """Let nobody write to the primary: neither users through the gateway nor its own service.

    A primary that is only half dead must not go on writing what no site will ever hold. Its service
    is stopped where the engine reaches it; both are read back.

    Raises:
        EnvironmentProblem: the gateway still sends to it, or its service goes on running.
    """
    target = operator.target
    fence(target, Site.PRIMARY)
    if Site.PRIMARY in active_sites(target):
        raise EnvironmentProblem(
            "the gateway was told to leave the primary alone and still has it as active",
            "see the gateway's log; the DR site is not touched while two could be written to",
        )
    told = "the gateway sends nobody to the primary"
    refused = ""
    try:
        if target.state(PRIMARY).exists:
            try:
                # also one between two restarts, which does not run right now
                target.stop(PRIMARY)
            except EnvironmentProblem as error:
                refused = error.cause
        running = target.state(PRIMARY).running
    except EnvironmentProblem as error:
        # it may go on acknowledging what comes over connections that are open
        cut = end_requests(target, Site.PRIMARY, operator.clock) or "no request to it is under way"
        detail = f"{told}, {cut}; whether its service runs is unknown: {error.cause}"
        return Fence(detail, certain=False)
    if running:
        raise EnvironmentProblem(
            f"the primary's service could not be stopped: {refused}"
            if refused
            else "the primary's service was stopped and runs again",
            "end it by hand, keep whatever starts it from doing so, and start again; see its "
            "container's log",
        )
    return Fence(f"{told}, and its service does not run", certain=True)
