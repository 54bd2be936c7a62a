"""Paces and objectives that many scenarios of the catalogue share."""

from __future__ import annotations

from dataclasses import replace

from colordrill.scenario.model import Objectives, Pace

BRISK = Pace(
    canary_interval_s=2.0,
    job_interval_s=4.0,
    steady_canaries=5,
    points_before_fault=3,
    utilisation_max=0.65,
)
"""The shortest observation before a fault that still proves something: the gate's. Most of the
service's time goes to canaries, because short outages have to be seen."""

ALERT = replace(BRISK, confirm_count=1)
"""One failed canary confirms: nobody acts on it, or one kind of picture is wrong and its canary
comes seldom."""

RIDDEN_OUT = Objectives(rto_s=16.0, rpo_s=10.0)
"""Nobody has to act: the service is back when the fault has passed."""

RIDDEN_OUT_LATE = Objectives(rto_s=20.0, rpo_s=10.0)
"""The same where the fault itself lasts longer, or the service has to start anew."""

KILLED_AGAIN = replace(RIDDEN_OUT_LATE, jobs_lost_max_slack=4)
"""Each further kill takes the jobs with it that were accepted since the one before."""

REPAIRED = Objectives(rto_s=60.0, rpo_s=10.0, jobs_lost_max_slack=2)
"""Somebody repairs the primary; a job or two may come between the confirmation and the fence."""

DAMAGED = Objectives(rto_s=60.0, rpo_s=10.0, lost_after_fault_max=3)
"""Files are damaged in a moment in which the site still acknowledges work."""

FAILED_OVER = Objectives(rto_s=60.0, rpo_s=10.0, lost_after_fault_max=3)
"""The DR site takes over. The clock starts before the injection call: what the dying host still
acknowledges during it (one upload, one job, one edit at these rates) is in no backup."""
