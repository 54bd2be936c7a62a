"""Tests that need a CUDA device: plain pytest, without containers."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker here: no other folder uses it."""
    config.addinivalue_line("markers", "gpu: needs a CUDA device, and is skipped where none is")
