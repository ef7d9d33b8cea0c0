"""What can be wrong with a mail before any relay has seen it."""

from agentflow_tui.errors import AgentflowError


class MessageError(AgentflowError):
    """This mail cannot be built from what its row holds; the sentence goes into that row."""
