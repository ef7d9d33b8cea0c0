"""Pauses of the garbage collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused(*, for_good: bool = False) -> Iterator[None]:
    """Collect no garbage inside: for imports, which make a hundred thousand objects and none.

    Looking through them over and over is a tenth of what imports take. ``for_good``, in a process
    that lives long, what is there afterwards is never looked through again: a key, or a mail, would
    have to wait for it.
    """
    gc.disable()
    try:
        yield
    finally:
        if for_good:
            gc.freeze()
        gc.enable()
