"""A stack in memory whose users are at the DR site, for every start of `colordrill failback`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.drill import failback as failing_back
from colordrill.drill import failback_plan
from colordrill.drill.failback import fail_back
from colordrill.drill.failback_record import Failback
from colordrill.recover.incidents import JOURNAL
from colordrill.scenario.settings import Settings
from fakes.incident import Killed
from fakes.service import Reply, Request, as_json
from fakes.two_sites import Files, TwoSites
from unit.recover.broken import DR, PRIMARY, Incident, broken_stack
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

BASE = POINTS[-1]
BACKED_UP: Files = {"output/old.png": b"1", "workflows/w.json": b"1", "output/gone.png": b"1"}
LATE: Files = {"output/late.png": b"of the primary", "workflows/w.json": b"of the primary"}
MEANWHILE: Files = {"output/new.png": b"of the dr site", "workflows/w.json": b"of the dr site"}
MARK = "20261122T201540.123Z"
BESIDE = f"workflows/w.primary-{MARK}.json"
RETURNED: Files = {
    "output/old.png": b"1",
    "output/late.png": b"of the primary",
    "output/new.png": b"of the dr site",
    "workflows/w.json": b"of the dr site",
    BESIDE: b"of the primary",
}


@dataclass
class Away:
    """A stack whose users are at the DR site, and have written there."""

    incident: Incident
    sites: TwoSites
    queue: list[int] = field(default_factory=list)

    def start(self) -> Failback:
        settings = Settings(out=self.incident.out)
        return fail_back(settings, None, self.incident.said.append, self.incident.disaster.clock)

    def killed_at(self, moment: int) -> bool:
        self.incident.killer.at, self.incident.killer.passed = moment, 0
        try:
            self.start()
        except Killed:
            return True
        finally:
            self.incident.killer.at = None
        return False

    def again(self) -> None:
        """Users are at the DR site as in the beginning, whatever was done since."""
        (self.incident.directory / JOURNAL).write_bytes(self.journal)
        self.incident.gateway.off = {"primary"}
        self.incident.disaster.target.stop(PRIMARY)
        self.incident.disaster.target.start(DR)
        self.sites.primary, self.sites.dr = dict(self.at_primary), dict(self.at_dr)
        self.sites.points = {BASE: dict(BACKED_UP)}

    def keep(self) -> None:
        """Take down what `again` puts back."""
        self.journal = (self.incident.directory / JOURNAL).read_bytes()
        self.at_primary, self.at_dr = dict(self.sites.primary), dict(self.sites.dr)

    def expect_returned(self) -> None:
        assert self.incident.gateway.off == {"dr"}
        assert self.incident.gateway.answering() == "primary"
        assert self.incident.running() == (True, False)
        assert (self.sites.primary, self.sites.dr) == (RETURNED, {})

    def expect_still_away(self) -> None:
        assert self.incident.gateway.off == {"primary"}
        assert self.incident.gateway.answering() == "dr"
        assert self.incident.running() == (False, True)
        assert self.sites.dr == self.at_dr


def stack_away(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    """The stack of *disaster* after its recovery, and users' work at the DR site."""
    incident = broken_stack(disaster, tmp_path, monkeypatch)
    sites = TwoSites(incident.killer, BACKED_UP | LATE, {BASE: dict(BACKED_UP)})
    disaster.target.programs |= sites.programs()
    assert incident.start().exit_code == 0
    del sites.dr["output/gone.png"]
    sites.dr |= MEANWHILE
    found = Away(incident, sites)
    usual = disaster.dr.answer

    def with_queue(request: Request) -> Reply:
        if request.path != "/queue":
            return usual(request)
        left = found.queue.pop(0) if found.queue else 0
        return as_json({"queue_running": [], "queue_pending": [[0]] * left})

    disaster.dr.answer = with_queue
    for module in (failing_back, failback_plan):
        for name in ("attached_stack", "public_client"):
            monkeypatch.setattr(module, name, _as_recover_has(name))
    monkeypatch.setattr(failing_back, "load_assets", _as_recover_has("load_assets"))
    monkeypatch.setattr(failing_back, "keep_logs", lambda *_: None)
    found.keep()
    disaster.clock.advance(60.0)
    return found


def _as_recover_has(name: str) -> Callable[..., Any]:
    from colordrill.drill import incident  # noqa: PLC0415 (as it was patched for the test)

    act: Callable[..., Any] = getattr(incident, name)
    # the lock is the same, and has another holder
    return lambda *arguments: act(*arguments[:2])
