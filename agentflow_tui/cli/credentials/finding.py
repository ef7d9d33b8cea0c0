"""The credential that is meant by an id, whole or short."""

from agentflow_tui.cli.ids import meant_id
from agentflow_tui.operations.credentials import find_secret
from agentflow_tui.schema import CREDENTIALS
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.secrets import StoredSecret


async def meant_secret(database: Database, typed: str) -> StoredSecret:
    """The credential that is meant. Raises `AgentflowError` for none, `UsageError` for several."""
    return await find_secret(database, await meant_id(database, CREDENTIALS, typed) or typed)
