"""From what went wrong to sentences about it: each problem with one thing to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from colordrill.outcome import Check, Verdict
from colordrill.record.chronology import StepTrace
from colordrill.record.wording import figure

ADVICE: dict[str, str] = {
    "rto": (
        "See which part of the RTA breakdown is the longest and shorten that one: faster "
        "detection, a warm DR container, a smaller recovery point, a switch that nothing caches."
    ),
    "steady_after": (
        "Read the service's log at the first canary that failed again: a restart loop, memory that "
        "runs out, or a fault that comes back."
    ),
    "rpo": (
        "Back up more often or faster, and see on the backup server that the newest recovery "
        "points are published, complete and readable from the DR site."
    ),
    "colour": (
        "Compare the pictures in the report, then compare the DR site's image tag, checkpoint "
        "hash, workflow files and MODEL_SIZE with those of the primary."
    ),
    "user_work": (
        "Read the DR service's log at the refused operations: volumes that cannot be written, "
        "missing nodes and wrong ownership are the usual causes."
    ),
    "integrity": (
        "Restore with checksums instead of size and time, and compare the recovery point's "
        "manifest with the restored volume."
    ),
    "lost_after_fault": (
        "Fence the failed site before the switch, so that it cannot acknowledge work that nobody "
        "will find again."
    ),
    "jobs_lost": (
        "The queue lives in memory: let clients submit again what was accepted and never "
        "completed, or keep the queue outside the service."
    ),
    "backup_promise": (
        "Find what slows the backup down (disk, network, the number of files), or declare the "
        "duration that it really takes and the interval that follows from it."
    ),
    "backups_resume": (
        "Read the backup's log from the moment that the service was back: what it reads from, "
        "writes to or locks may still be as the fault left it."
    ),
    "duplicates": (
        "Give every job a prefix of its own, and look for a client or a gateway that sends a "
        "request again which the service had already accepted."
    ),
    "determinism": (
        "Compare image digests, checkpoint hashes, device and precision of both sites, and render "
        "the named canary at both."
    ),
    "configuration": (
        "Bring the DR site to the primary's configuration as the probe names it, and let a "
        "readiness check run before the next disaster instead of after it."
    ),
    "replica": (
        "See that replication is enabled for every bucket and that its queue drains; compare the "
        "items that are missing, or that differ, with the time of the fault."
    ),
    "steady_state": (
        "Make the service healthy before breaking it: read the primary's log and the first wrong "
        "canary, then run the drill again."
    ),
    "fault_evidence": (
        "The fault could not be proven: see that its target exists and that the observing peer "
        "reaches it, then run the drill again."
    ),
    "fault_healed": (
        "Undo the fault by hand with the command in the fault's detail, and see that nothing "
        "labelled colordrill is left."
    ),
}
"""What to do about a check that did not pass, by the check's name."""

_BY_VERDICT = {
    Verdict.FAIL: "Read the detail of check {name} and the logs around that time.",
    Verdict.UNKNOWN: (
        "Give check {name} what it lacked (its detail says what) and run the drill again: "
        "unknown is not a pass."
    ),
}
_STEP_ADVICE: dict[str, str] = {
    "start": "Start the DR container by hand and read its log: image, volumes, memory, ports.",
    "mount": "Read logs/backup.log and logs/dr-agent.log; restore the newest point by hand.",
    "verify": "Submit one canary to the restored site itself and compare its picture.",
    "switch": "Read the gateway's backend state, and see that the switch names a backend in use.",
    "record": "See that the run directory can be written and has space.",
}
_STEP_DEFAULT = "Rehearse the failed step of the runbook alone and read its container's log."


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem and what to do about it."""

    problem: str
    improvement: str


def find_problems(checks: Iterable[Check], steps: Iterable[StepTrace]) -> Iterator[Finding]:
    """A finding for each check that did not pass and each step that did not succeed."""
    for check in checks:
        if check.verdict is not Verdict.PASS:
            yield Finding(_check_sentence(check), _check_advice(check))
    for step in steps:
        if step.outcome != "ok":
            ended = "failed" if step.outcome == "fail" else "has no known end"
            yield Finding(
                _sentence(f"Runbook step {step.name} {ended}", step.detail),
                _STEP_ADVICE.get(step.name, _STEP_DEFAULT),
            )


def _check_sentence(check: Check) -> str:
    ended = "failed" if check.verdict is Verdict.FAIL else "is unknown"
    measured = "nothing measured" if check.value is None else f"measured {figure(check.value)}"
    against = "" if check.bound is None else f", bound {figure(check.bound)}"
    return _sentence(f"Check {check.name} {ended} ({measured}{against})", check.detail)


def _check_advice(check: Check) -> str:
    # unknown wants evidence, whatever the check: advice on a failure would mislead
    if check.verdict is Verdict.FAIL and check.name in ADVICE:
        return ADVICE[check.name]
    if check.verdict is Verdict.UNKNOWN and check.name in {"steady_state", "fault_evidence"}:
        return ADVICE[check.name]
    return _BY_VERDICT[check.verdict].format(name=check.name)


def _sentence(statement: str, detail: str) -> str:
    text = f"{statement}: {detail}" if detail else statement
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
