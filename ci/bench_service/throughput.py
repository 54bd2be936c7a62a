"""Seconds for a picture, memory over many jobs, and the API's answers under load."""

from __future__ import annotations

import json
import statistics
import time

import httpx
import job
from container import Container, run_script

from colordrill.data import fixtures
from colordrill.stack.comfyui import ComfyClient

BOUNDS = {256: 1.25, 1280: 1.05}
COUNTS = {256: 30, 1280: 6}
SMALL_PX = 64
SLOPE_KIB_MAX = 16.0
"""A finished job's entry in the history, which ComfyUI keeps for 10,000 jobs, costs about this."""
API_P99_S_MAX = 0.050


def photo_bytes() -> bytes:
    """The photo that all of these colour."""
    return (fixtures() / "photos" / "china.png").read_bytes()


def per_picture(image: str, client: ComfyClient, size: int) -> dict[str, float]:
    """Seconds of a job against those of the bare pipeline, in the same kind of container.

    Jobs are submitted together and the last one is awaited, so that it is the service which is
    timed and not the polls of a client. The bare pipeline runs before and after, so that a machine
    that slows down meanwhile counts for both.
    """
    arguments = (f"/comfyui/models/ddcolor/{job.CHECKPOINT}", "/photos/china.png", str(size))
    bare = json.loads(run_script(image, "pipeline.py", *arguments, str(COUNTS[size]))[1])
    content = job.resized(photo_bytes(), size)
    job.coloured(client, content, size)
    kept = [
        client.upload(f"{size}-{number}.png", content, timeout_s=job.JOB_S_MAX)
        for number in range(COUNTS[size])
    ]
    began_s = time.monotonic()
    jobs = [job.submit(client, job.prompt(name, size)) for name in kept]
    job.await_picture(client, jobs[-1])
    measured_s = (time.monotonic() - began_s) / len(jobs)
    bare += json.loads(run_script(image, "pipeline.py", *arguments, str(COUNTS[size]))[1])
    floor_s = statistics.fmean(bare)
    ratio = measured_s / floor_s
    return {"floor_s": floor_s, "measured_s": measured_s, "ratio": ratio, "bound": BOUNDS[size]}


def memory(container: Container, client: ComfyClient, jobs: int) -> dict[str, float]:
    """Slope of the resident memory over *jobs* jobs in a row, by least squares; KiB per job."""
    content = job.resized(photo_bytes(), SMALL_PX)
    warm = jobs // 5
    points: list[tuple[int, int]] = []
    for number in range(jobs + warm):
        job.coloured(client, content, SMALL_PX)
        if number >= warm and number % 20 == 0:
            points.append((number, container.resident_kib()))
    slope, _ = statistics.linear_regression(*zip(*points, strict=True))
    return {
        "first_mib": points[0][1] / 1024,
        "last_mib": points[-1][1] / 1024,
        "measured_kib_per_job": slope,
        "ratio": max(slope, 0.0) / SLOPE_KIB_MAX,
        "bound": 1.0,
    }


def api_under_load(client: ComfyClient, pending: int, requests: int) -> dict[str, dict[str, float]]:
    """99th percentile of GET /queue and GET /history while *pending* jobs wait."""
    content = job.resized(photo_bytes(), 512)
    kept = client.upload("load.png", content, timeout_s=job.JOB_S_MAX)
    for _ in range(pending):
        job.submit(client, job.prompt(kept, 512, steps=2))
    results = {}
    for path in ("/queue", "/history"):
        seconds = []
        with httpx.Client(base_url=client.base_url, trust_env=False) as http:
            for _ in range(requests):
                began_s = time.monotonic()
                http.get(path, timeout=job.JOB_S_MAX).raise_for_status()
                seconds.append(time.monotonic() - began_s)
        p99_s = statistics.quantiles(seconds, n=100)[98]
        results[path] = {
            "p50_s": statistics.median(seconds),
            "measured_s": p99_s,
            "ratio": p99_s / API_P99_S_MAX,
            "bound": 1.0,
        }
    return results
