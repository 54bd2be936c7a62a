"""Loads colordrill's pytest plugin from a bare checkout; an installed wheel registers it itself."""

from __future__ import annotations

from importlib.metadata import entry_points

if not any(each.value == "colordrill.plugin" for each in entry_points(group="pytest11")):
    pytest_plugins = ["colordrill.plugin"]
