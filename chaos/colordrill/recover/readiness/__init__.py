"""Would the runbook succeed if it were needed now? Probes that look, and leave things as they are.

Each probe writes down what it saw, as `colordrill.look` has it, and `colordrill.verify.readiness`
judges that. A probe that could not look says why.
"""
