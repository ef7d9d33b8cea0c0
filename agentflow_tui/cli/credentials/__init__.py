"""``agentflow credential``: the vault on the command line, one module for each kind of use."""
