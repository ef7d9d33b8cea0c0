"""A database's binding as it is, and as it would be in every other state of its tables."""

from collections.abc import Iterator
from dataclasses import replace

from agentflow_tui.store.connection.bindings import Binding, bind
from agentflow_tui.store.schema.accelerators import ACCELERATORS


def states(binding: Binding) -> Iterator[tuple[str, Binding]]:
    """The binding as it is, and as it would be with each part of it otherwise."""
    tables = binding.tables
    ours = {name: frozenset(a.index for a in ACCELERATORS if a.table == name) for name in tables}
    for size, large in (("small", False), ("large", True)):
        for kind, indexes in (("bare", None), ("accelerated", ours)):
            made = {
                name: replace(
                    bound,
                    is_large=large,
                    indexes=frozenset() if indexes is None else indexes[name],
                    columns={
                        column: replace(found, indexed=indexes is not None)
                        for column, found in bound.columns.items()
                    },
                )
                for name, bound in tables.items()
            }
            yield f"{size}, {kind}", replace(binding, tables=made)
            for name, bound in made.items():
                gone = bind(()).tables[name]
                yield f"{size}, {kind}, no {name}", replace(binding, tables={**made, name: gone})
                for column in bound.columns:
                    rest = {c: f for c, f in bound.columns.items() if c != column}
                    lacking = replace(bound, columns=rest)
                    yield (
                        f"{size}, {kind}, no {name}.{column}",
                        replace(binding, tables={**made, name: lacking}),
                    )
