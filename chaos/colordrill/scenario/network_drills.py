"""Drills of the network: links slow, cut, reset or flapping; partitions; names not resolved."""

from __future__ import annotations

from typing import Any

from colordrill.scenario.fault_spec import Detection, FaultSpec, Recovery
from colordrill.scenario.model import Objectives, Scenario
from colordrill.scenario.paces import ALERT, BRISK, FAILED_OVER, RIDDEN_OUT, RIDDEN_OUT_LATE

PUBLIC = "gateway-primary"
"""The link that users' requests take."""

OUTAGE_S = 6.0
"""Long enough for two canaries to fail, short enough for a gate."""


def _passing(
    name: str,
    title: str,
    description: str,
    *faults: FaultSpec,
    outage: bool,
    objectives: Objectives = RIDDEN_OUT,
    replica: bool = False,
) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        description=description,
        faults=faults,
        objectives=objectives,
        pace=ALERT,
        recovery=Recovery.UNAIDED,
        detection=Detection.CANARY if outage else Detection.NONE,
        outage_expected=outage,
        replica=replica,
    )


def _on_link(name: str, link: str = PUBLIC, **parameters: Any) -> FaultSpec:
    return FaultSpec(name, link, parameters, duration_s=OUTAGE_S)


NETWORK_DRILLS: tuple[Scenario, ...] = (
    _passing(
        "network_latency",
        "the link to the primary is slow; the service stays",
        "Every packet between gateway and primary takes 150 ms more, with jitter, both ways.",
        _on_link("network_latency", latency_ms=150, jitter_ms=50),
        outage=False,
    ),
    _passing(
        "network_bandwidth",
        "the link to the primary is narrow; the service stays",
        "The link between gateway and primary carries 200 KB/s in each direction.",
        _on_link("network_bandwidth", rate_kb_s=200),
        outage=False,
    ),
    _passing(
        "network_slow_close",
        "connections to the primary close late; the service stays",
        "Every connection between gateway and primary is closed 1 s later than it should be.",
        _on_link("network_slow_close", delay_ms=1000),
        outage=False,
    ),
    _passing(
        "network_black_hole",
        "the link to the primary swallows everything for a while",
        "Connections to the primary stay open and carry nothing for 6 s: the worst kind of outage "
        "for clients without time-outs.",
        _on_link("network_black_hole"),
        outage=True,
    ),
    _passing(
        "network_reset",
        "connections to the primary are reset for a while",
        "Every connection between gateway and primary is reset for 6 s.",
        _on_link("network_reset"),
        outage=True,
    ),
    _passing(
        "network_cut_after",
        "answers of the primary end in the middle for a while",
        "Connections to the primary are cut after 4,000 bytes for 6 s: a picture arrives in part, "
        "and a client that does not look takes it for whole.",
        _on_link("network_cut_after", bytes=4000),
        outage=True,
    ),
    _passing(
        "network_down",
        "the link to the primary is down for a while",
        "The link between gateway and primary refuses every connection for 6 s.",
        _on_link("network_down"),
        outage=True,
    ),
    _passing(
        "network_flapping",
        "the link to the primary flaps",
        "The link between gateway and primary goes down for 2 s, four times, with 1 s between.",
        FaultSpec("network_down", PUBLIC, duration_s=2.0, times=4, pause_s=1.0),
        outage=True,
        objectives=RIDDEN_OUT_LATE,
    ),
    _passing(
        "network_slow_then_down",
        "the link to the primary degrades, then goes down",
        "Latency first; 3 s later the link goes down on top of it, and both pass in turn.",
        FaultSpec("network_latency", PUBLIC, {"latency_ms": 200}, duration_s=10.0),
        FaultSpec("network_down", PUBLIC, at_s=3.0, duration_s=5.0),
        outage=True,
        objectives=RIDDEN_OUT_LATE,
    ),
    _passing(
        "partition_one_way",
        "answers of the primary do not arrive for a while",
        "Packets from the primary's service to the gateway's side are dropped for 6 s; the other "
        "way is open.",
        FaultSpec(
            "partition",
            "toxiproxy|primary-colorization",
            {"direction": "from"},
            duration_s=OUTAGE_S,
        ),
        outage=True,
    ),
    _passing(
        "partition_both_ways",
        "gateway and primary do not see each other for a while",
        "Packets between the gateway and the link to the primary are dropped for 6 s, both ways.",
        FaultSpec("partition", "gateway|toxiproxy", duration_s=OUTAGE_S),
        outage=True,
    ),
    _passing(
        "network_detached",
        "the primary's service is taken off its network for a while",
        "The link to the primary loses the network that it shares with the service for 6 s.",
        FaultSpec("network_detached", "toxiproxy|primary-colorization", duration_s=OUTAGE_S),
        outage=True,
    ),
    _passing(
        "dns_failure",
        "the primary's name does not resolve for a while; the service stays",
        "The gateway's side cannot look up names for 6 s: open connections live, new ones fail. A "
        "gateway that keeps connections open rides it out.",
        FaultSpec("dns_failure", "toxiproxy", duration_s=OUTAGE_S),
        outage=False,
    ),
    _passing(
        "backup_link_down",
        "the backup server cannot be reached for a while; backups resume",
        "The link to the backup server is down for 6 s. Users notice nothing; the backups that "
        "were due fail, and must come again by themselves.",
        _on_link("network_down", "primary-backup"),
        outage=False,
    ),
    _passing(
        "backup_link_slow",
        "the link to the backup server is slow; backups go on",
        "Every packet to the backup server takes 100 ms more for 6 s.",
        _on_link("network_latency", "primary-backup", latency_ms=100),
        outage=False,
    ),
    _passing(
        "storage_link_down",
        "the object storage cannot be reached for a while; the mirror catches up",
        "The link to the primary's storage is down for 6 s. Afterwards every acknowledged output "
        "must lie in the bucket.",
        _on_link("network_down", "primary-storage"),
        outage=False,
        replica=True,
    ),
    Scenario(
        name="partition_failover",
        title="the primary is cut off and lives on; the DR site takes over",
        description=(
            "The primary's service keeps running, and nobody outside reaches it. The DR site takes "
            "over; what the cut-off primary may still acknowledge must not be lost."
        ),
        faults=(FaultSpec("partition", "gateway|toxiproxy"),),
        objectives=FAILED_OVER,
        pace=BRISK,
    ),
)
