"""The revision of a worker process's row in ``health_checks``: which write of it was sent last.

A network may hold a write back, and deliver it when the process has long made another connection.
One that says all anew would then take what was claimed in between off the row, where nothing lists
it any more. So each write of the row has the next number of its process, and one of those does
nothing when it arrives after a later one.
"""

_REVISION = "coalesce(({details}::jsonb ->> 'revision')::bigint, 0)"


def is_newer(revision: str, details: str) -> str:
    """SQL for whether a write with this ``revision`` is later than all that the row has seen."""
    return f"{_REVISION.format(details=details)} < {revision}"


def latest(revision: str, details: str) -> str:
    """SQL for the revision of the row after a write that counts whenever it arrives."""
    return f"greatest({revision}, {_REVISION.format(details=details)})"
