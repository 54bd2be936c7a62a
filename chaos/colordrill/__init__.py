"""Disaster drills for a DDColor/ComfyUI photo-colorization service."""
