"""The drill: the one place that sees every stage and resolves the names in a scenario."""
