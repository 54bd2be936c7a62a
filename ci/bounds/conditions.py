"""Which conditions are measured: what a healthy service may run under, and what is a defect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODELS = "fixtures/models"
NANO = f"{MODELS}/ddcolor_nano.safetensors"
OTHER = f"{MODELS}/ddcolor_nano_other.safetensors"
EARLIER_COMMIT = "cd69b2d"
"""Holds the same checkpoint before its last 500 training steps: yesterday's weights."""

EARLIER_SHA256 = "9524ee5fd4e7a7e520480cb866fbcc5b4a6addae0cca26694fa64fa2c3ea6502"

OTHER_PROCESSOR = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
OLD_PROCESSOR = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}


@dataclass(frozen=True, slots=True)
class Rendered:
    """One way of running the reference pipeline.

    Attributes:
        name: in words.
        conditions: arguments of ``render.Conditions``.
        environment: variables of the process.
        weights: ``NANO``, ``OTHER`` or ``earlier``.
        size: the workflow's size where it differs from the right one.
        canaries: where it is tried; empty for all.
        answered_by: the measures that must catch it; empty for jitter and for what is undecided.
    """

    name: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    weights: str = NANO
    size: int | None = None
    canaries: tuple[str, ...] = ()
    answered_by: tuple[str, ...] = ()


JITTER = (
    Rendered("the same again"),
    Rendered("1 thread", {"threads": 1}),
    Rendered("without oneDNN", {"onednn": False}),
    Rendered("contiguous instead of channels-last", {"layout": "contiguous"}),
    Rendered("processor with AVX2 only", environment=OTHER_PROCESSOR),
    Rendered("processor with SSE4.1 only", environment=OLD_PROCESSOR),
    Rendered("TF32, emulated", {"tf32": True}),
)
OTHER_TORCH = "another torch"
CUDA = {
    "CUDA, TF32 as torch sets it": {"device": "cuda"},
}

DEGRADED = (
    Rendered("building at 680", size=680, canaries=("building",), answered_by=("chroma_ssim",)),
    Rendered(
        "person at 1280",
        size=1280,
        canaries=("person", "crop"),
        answered_by=("chroma_ssim",),
    ),
    Rendered("size one step of 32 less", size=-32, answered_by=("chroma_ssim",)),
    Rendered("checkpoint of another training", weights=OTHER, answered_by=("chroma_ssim",)),
    Rendered("checkpoint 500 steps older", weights="earlier", answered_by=("chroma_ssim",)),
    Rendered("random weights", {"weights": "random"}, answered_by=("chroma_ssim",)),
    Rendered("no denoising", {"denoise": False}, answered_by=("luma_ssim",)),
    Rendered("bilinear instead of nearest", {"stretch": "bilinear"}, answered_by=("chroma_tile",)),
)
UNDECIDED = (
    Rendered("weights rounded to bfloat16", {"weights": "bfloat16"}),
    Rendered("weights rounded to int8", {"weights": "int8"}),
)
