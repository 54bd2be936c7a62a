"""Faults, each with its evidence and its cure; and what red twins sabotage."""
