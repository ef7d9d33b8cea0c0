"""What this process itself is short of: no fault of the work that it had in hand."""

import errno
from collections.abc import Iterator

_SHORTAGES = {
    errno.EMFILE: "file descriptors: raise its limit (ulimit -n), or lower runner_slots",
    errno.ENFILE: "file descriptors: the whole machine has none left",
    errno.ENOMEM: "memory",
    errno.ENOBUFS: "memory for the network",
}


def shortage(error: BaseException) -> str | None:
    """What a failure shows this process to be short of, in a sentence; None for other failures."""
    for each in _causes(error):
        if isinstance(each, OSError) and each.errno in _SHORTAGES:
            name = errno.errorcode[each.errno]
            return f"This worker is short of {_SHORTAGES[each.errno]} ({name})."
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, also of errors that several things led to."""
    left, seen = [error], set[int]()
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += [cause for cause in (each.__cause__, each.__context__) if cause is not None]
        if isinstance(each, BaseExceptionGroup):
            left += each.exceptions
