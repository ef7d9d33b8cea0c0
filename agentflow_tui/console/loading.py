"""What is imported when it is first needed, so that the first rows need not wait for it.

Such a thing is called by a name, ``module:attribute``, in a table; the tests load each of them.
"""

import importlib
from typing import Any


def load(name: str) -> Any:
    """The thing of this name, its module imported if it was not yet."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
