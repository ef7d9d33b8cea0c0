"""The memory of a process that holds secrets, kept from what reads it afterwards."""

import resource
import sys

_PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """Switch core dumps off, and on Linux keep other processes of the user from attaching.

    What Python itself leaves in memory until it ends is not wiped: it copies texts as it likes.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        # A core pattern that is a pipe takes no notice of the limit.
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
