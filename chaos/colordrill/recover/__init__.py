"""Detection, the runbook, the gateway switch."""
