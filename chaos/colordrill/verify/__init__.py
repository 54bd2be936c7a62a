"""Verdicts from recorded history: pure functions, never a live system."""
