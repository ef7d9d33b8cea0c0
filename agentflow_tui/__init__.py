"""The operations console for AgentFlow."""

__version__ = "0.1.0"
