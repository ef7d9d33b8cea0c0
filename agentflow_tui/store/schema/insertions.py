"""Column lists for rows that we insert into tables whose exact shape only the binding knows."""

from collections.abc import Mapping, Sequence

from agentflow_tui.store.connection.bindings import Binding


def insertion(binding: Binding, table: str, values: Mapping[str, str]) -> tuple[str, str]:
    """The columns and the expressions of an INSERT, comma-separated, in SQL.

    ``values`` are SQL expressions by documented column; each is cast to the column's own type, and
    columns that this database lacks are left out. Further columns that it insists on get a neutral
    value.
    """
    bound = binding.tables[table]
    pairs = [
        (bound.columns[name].sql, bound.columns[name].value(f"({expression})"))
        for name, expression in values.items()
        if name in bound.columns
    ]
    pairs += binding.neutral_values(table, values)
    return ", ".join(name for name, _ in pairs), ", ".join(value for _, value in pairs)


def assignments(binding: Binding, table: str, values: Mapping[str, str]) -> str:
    """The SET list of an UPDATE for those of the columns that this database has, in SQL."""
    columns = binding.tables[table].columns
    return ", ".join(f"{columns[n].sql} = {e}" for n, e in values.items() if n in columns)


def unnested(types: Sequence[str], *, first: int = 1) -> str:
    """Array parameters ``$first…`` of these types side by side as rows, in SQL.

    The arrays stand in subqueries so that the planner does not see how long they are. Knowing it,
    it takes the few rows that it believes to be locked for the cheap side of a join and compares
    each with each: 18 ms instead of 4 for a hundred rows of a table of four thousand.
    """
    arrays = (f"(SELECT ${first + at}::{type_}[])" for at, type_ in enumerate(types))
    return f"unnest({', '.join(arrays)})"
