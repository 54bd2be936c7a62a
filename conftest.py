"""Loads colordrill's pytest plugin from a bare checkout (an installed wheel registers it itself)."""
