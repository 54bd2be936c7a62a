"""Check ``configuration``: the restored site is set up as the primary was.

What the probes found is in the history; here it is judged. Without a failover there is no other
site whose configuration could differ, and the check does not apply.
"""

from __future__ import annotations

from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Observations
from colordrill.verify.probed import Readiness

NAME = "configuration"

_GOOD = frozenset({"as_primary", "mended"})
_BAD = "differs"


def judge_configuration(observations: Observations, scenario: Scenario) -> Judged | None:
    """Judge the last outcome of each readiness probe of the restored site."""
    if scenario.recovery is not Recovery.FAILOVER:
        return None
    last: dict[str, Readiness] = {
        each.probe: each for each in observations.readiness if each.site == scenario.expected_site
    }
    good = [each for each in last.values() if each.outcome in _GOOD]
    bad = [each for each in last.values() if each.outcome == _BAD]
    open_ = [each for each in last.values() if each.outcome not in {*_GOOD, _BAD}]
    if bad:
        detail = f"{scenario.expected_site} is not set up as the primary: {listed(_named(bad))}"
        return Judged(Check(NAME, Verdict.FAIL, len(good), len(last), detail))
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, len(last), NO_FAULT))
    if not last:
        return Judged(unknown(NAME, 0, f"no probe looked at {scenario.expected_site}"))
    if open_:
        return Judged(unknown(NAME, len(last), f"it could not be told: {listed(_named(open_))}"))
    mended = [each for each in good if each.outcome == "mended"]
    detail = f"{len(good)} probes found {scenario.expected_site} set up as the primary"
    if mended:
        detail += f"; mended on the way: {listed(_named(mended))}"
    return Judged(Check(NAME, Verdict.PASS, len(good), len(last), detail))


def _named(probes: list[Readiness]) -> list[str]:
    return [f"{each.probe}{f' ({each.detail})' if each.detail else ''}" for each in probes]
