"""Conversions between Python and the wire, the same for every connection and type of column.

Ids are ``str`` in Python, be they uuid, text or varchar in the database. Times are timezone-aware:
``timestamp`` columns hold UTC (the database document's rule), ``timestamptz`` says so itself. JSON
arrives as the text it is and is read tolerantly by `agentflow_tui.documents`.
"""

from datetime import UTC, datetime, timedelta

import asyncpg

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_EARLIEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def _encode_time(value: datetime) -> bytes:
    if value.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return ((value - _EPOCH) // _MICROSECOND).to_bytes(8, "big", signed=True)


def _decode_time(data: bytes) -> datetime:
    """The time, where years that Python cannot hold (``infinity``) become the nearest it can."""
    microseconds = int.from_bytes(data, "big", signed=True)
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return _EPOCH + timedelta(microseconds=min(max(microseconds, _EARLIEST), _LATEST))


def _encode_uuid(value: str) -> bytes:
    data = bytes.fromhex(str(value).replace("-", ""))
    if len(data) != 16:
        raise ValueError(f"{value!r} is not a uuid")
    return data


def _decode_uuid(data: bytes) -> str:
    digits = data.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


async def use_our_types(connection: asyncpg.Connection) -> None:
    """Set the conversions above on a connection. Costs no round trip."""
    for name, encode, decode in (
        ("timestamp", _encode_time, _decode_time),
        ("timestamptz", _encode_time, _decode_time),
        ("uuid", _encode_uuid, _decode_uuid),
    ):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=encode, decoder=decode, format="binary"
        )
