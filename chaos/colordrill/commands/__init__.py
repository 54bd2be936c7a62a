"""Groups of commands that `colordrill.cli` puts together."""
