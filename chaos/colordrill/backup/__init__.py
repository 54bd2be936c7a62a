"""Recovery points: how they are made, listed and restored."""
