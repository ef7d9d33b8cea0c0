"""The translation of the driver's exceptions into our errors, all in this one place.

A lost server surfaces as several unrelated asyncpg classes; they are listed once. What is not
listed is a bug and passes through untouched.
"""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from agentflow_tui.errors import (
    AgentflowError,
    LockedError,
    MissingError,
    NotAcceptedError,
    RefusedError,
    UnreachableError,
)
from agentflow_tui.store.connection.urls import endpoint, place

LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a FATAL that arrives on an idle connection ends like this
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)
"""What a dead, dying, full or unreachable server raises, on connecting and later."""

_CANCELLED = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)


def _refusal(error: asyncpg.PostgresError) -> AgentflowError | None:
    """Our error for an answer that says no, or None when it can only be a bug of ours."""
    words = first_line(error)
    match error:
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
            return MissingError(f"The database changed under us: {words}. Try again.")
        case asyncpg.InsufficientPrivilegeError():
            return RefusedError(
                f"The database role may not do this: {words}. Grant it, or use another role."
            )
        case asyncpg.ReadOnlySQLTransactionError():
            return RefusedError("This database is read-only here: a standby, or --read-only.")
        case asyncpg.QueryCanceledError():
            return RefusedError(
                "The database took too long and the query was stopped. "
                "Narrow the filter, or see 'agentflow db accelerate'."
            )
        case asyncpg.LockNotAvailableError() | asyncpg.DeadlockDetectedError():
            return LockedError(f"Someone else holds these rows: {words}. Try again.")
        case asyncpg.InsufficientResourcesError():
            return RefusedError(f"The database server is short of something: {words}.")
        case (
            asyncpg.DataError()
            | asyncpg.IntegrityConstraintViolationError()
            | asyncpg.WithCheckOptionViolationError()
            | asyncpg.PLPGSQLError()
        ):
            return NotAcceptedError(words)
    return None


@contextmanager
def translated() -> Iterator[None]:
    """Raise `UnreachableError`, `RefusedError` or `MissingError` for what the driver raises."""
    try:
        yield
    except _CANCELLED as error:
        raise _known(error) from None
    except TimeoutError:
        raise UnreachableError("The database does not answer.") from None
    except LOST as error:
        if _is_misuse(error):
            raise
        raise UnreachableError(f"The database connection was lost: {first_line(error)}.") from None
    except asyncpg.PostgresError as error:
        raise _known(error) from None


def _is_misuse(error: BaseException) -> bool:
    """The driver has one class for "the connection is closed" and for wrong calls of ours."""
    return isinstance(error, asyncpg.InterfaceError) and not re.search(
        r"clos|released|in progress", str(error)
    )


def _known(error: asyncpg.PostgresError) -> BaseException:
    return _refusal(error) or error


_CONNECTING = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

_SENTENCES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "The server at {where} does not admit this user: {words}. Check the name and password.",
    ),
    (
        (asyncpg.InvalidCatalogNameError,),
        "The server at {where} answers, but {words}. Check the database name in the URL.",
    ),
    (
        (asyncpg.TooManyConnectionsError,),
        "The server at {where} has no connection left: {words}.",
    ),
    (
        (asyncpg.CannotConnectNowError,),
        "The server at {where} is starting or stopping: {words}. Wait a moment.",
    ),
    (
        (ssl.SSLCertVerificationError,),
        "The certificate of {where} is not trusted: {words}. Name its CA with sslrootcert=... .",
    ),
    ((ssl.SSLError,), "No TLS conversation with {where} is possible: {words}."),
    (
        (TimeoutError,),
        "{where} did not answer in time. Check the host, the port and the firewall.",
    ),
    (
        (ConnectionRefusedError,),
        "Nothing listens at {where}. Check that PostgreSQL runs there.",
    ),
    (
        (FileNotFoundError,),
        "There is no socket at {socket}. Check that PostgreSQL runs there.",
    ),
    (
        (asyncpg.ProtocolViolationError, asyncpg.InternalClientError),
        "What answers at {where} does not speak PostgreSQL's protocol: {words}.",
    ),
    (
        (ConnectionResetError, asyncpg.ConnectionDoesNotExistError),
        "What answers at {where} hung up during the greeting. Check that it is PostgreSQL.",
    ),
    (_CONNECTING, "Cannot connect to {where}: {words}."),
)


@contextmanager
def connecting(url: str) -> Iterator[None]:
    """Raise `UnreachableError`, with a sentence that says why ``url`` cannot be connected to."""
    try:
        yield
    except _CONNECTING as error:
        words = first_line(error)
        template = next(text for classes, text in _SENTENCES if isinstance(error, classes))
        sentence = template.format(where=place(url), socket=endpoint(url), words=words)
        raise UnreachableError(sentence) from None


def first_line(error: BaseException) -> str:
    """The first line of an error's message without its final stop; its class when it has none."""
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
