"""The names of tables on the command line."""

from agentflow_tui.errors import UsageError
from agentflow_tui.filters.parsing import did_you_mean
from agentflow_tui.schema import TABLES, Table, find_table

ERRORS = "errors"
"""What stands for the kinds of errors, where the name of a table would."""


def table_called(name: str) -> Table:
    """The table of this name, in either spelling. Raises `UsageError` where there is none."""
    table = find_table(name)
    if table is None:
        hint = did_you_mean(name, (*TABLES, ERRORS)) or f"There are {', '.join(TABLES)}."
        raise UsageError(f"There is no table {name!r}. {hint}")
    return table
