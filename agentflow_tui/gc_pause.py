"""Pauses of the garbage collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused(*, for_good: bool = False) -> Iterator[None]:
    """Collect no garbage inside: for imports, which make a hundred thousand objects and none.

    Looking through them over and over is a third of what imports take. ``for_good``, in a process
    that lives long, what is there afterwards is never looked through again: a key, or a mail, would
    have to wait for it.
    """
    pause_gc()
    try:
        yield
    finally:
        resume_gc(for_good=for_good)


def pause_gc() -> None:
    """Collect no garbage until `resume_gc`; a pause that does not end where it began."""
    gc.disable()


def resume_gc(*, for_good: bool) -> None:
    """Collect garbage again; see `gc_paused`."""
    if for_good:
        gc.freeze()
    gc.enable()
