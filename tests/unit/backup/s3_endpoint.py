"""The programs' module of one bucket, told where a test's endpoint is."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from fakes.points_on_disk import PROGRAMS

SECRET = secrets.token_hex(8)
STORE_MODULES = ("at_once", "exactly", "signed_reads", "s3_store", "recovery_point")


@contextmanager
def store_module(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> Iterator[Any]:
    """``s3_store``, with the account of a bucket at *endpoint* in the environment."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(PROGRAMS))
    for name, value in (
        ("ENDPOINT", endpoint),
        ("BUCKET", "points"),
        ("ACCESS_KEY_ID", "writer"),
        ("SECRET_ACCESS_KEY", SECRET),
    ):
        monkeypatch.setenv(f"POINTS_{name}", value)
    yield import_module("s3_store")
    for name in STORE_MODULES:
        sys.modules.pop(name, None)
