"""What the vendors report: files as each writes them, and what AgentFlow's own functions make of
those."""
