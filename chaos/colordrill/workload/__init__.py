"""Clients: open-loop arrivals, users' jobs, canaries and their scoring."""
