"""Scripts that make the data under ``fixtures/``: the photos and the nano checkpoint."""
