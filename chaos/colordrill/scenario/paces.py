"""Paces and objectives that many scenarios of the catalogue share."""

from __future__ import annotations

from colordrill.scenario.model import Objectives, Pace

BRISK = Pace(steady_canaries=4, points_before_fault=3)
"""The shortest observation before a fault that still proves something: the gate's."""

RIDDEN_OUT = Objectives(rto_s=30.0, rpo_s=10.0)
"""Nobody has to act: the service is back when the fault has passed."""

REPAIRED = Objectives(rto_s=60.0, rpo_s=10.0)
"""Somebody repairs the primary."""

DAMAGED = Objectives(rto_s=60.0, rpo_s=10.0, lost_after_fault_max=3)
"""Files are damaged in a moment in which the site still acknowledges work."""

FAILED_OVER = Objectives(rto_s=60.0, rpo_s=10.0, lost_after_fault_max=3)
"""The DR site takes over. The clock starts before the injection call: what the dying host still
acknowledges during it (one upload, one job, one edit at these rates) is in no backup."""
