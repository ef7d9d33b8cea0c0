"""Filters as SQL, whatever types a database gave its columns.

What a condition means stands in the module docstring of `agentflow_tui.filters`; here it is SQL, in
documented names (see `store.connection.bindings`), with every value a parameter and every cast
guarded, so that no stored text and no asked-for value can make a statement fail. Equality of ids,
texts, flags, whole numbers and times is written so that an index on the plain column serves it.
"""

from agentflow_tui.store.reading.conditions.compiling import compile_filter

__all__ = ["compile_filter"]
