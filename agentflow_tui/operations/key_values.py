"""Values of API keys, shown to whoever asks for one."""

from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.credentials import journal_reveal
from agentflow_tui.store.views.secrets import KEY_VALUE
from agentflow_tui.text import storable

TABLE = "api_keys"


async def reveal_key(context: OperationContext, id_: str, *, why: str = "") -> str:
    """The value of an API key, journalled with who and why before it is returned.

    Raises `AgentflowError` where there is none, or where it cannot be journalled.
    """
    found = await context.database.fetch(KEY_VALUE, storable(id_))
    if not found or not found[0]:
        raise AgentflowError(f"{TABLE} has no row {id_} with a value.")
    await journal_reveal(context, TABLE, id_, {"why": why})
    return found[0]
