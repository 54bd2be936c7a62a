"""What a scenario is, the catalogue, and the settings of a run."""
