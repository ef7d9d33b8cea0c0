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
    NoConnectionLeftError,
    NotAcceptedError,
    RefusedError,
    SettingsError,
    TooSlowError,
    UnreachableError,
)
from agentflow_tui.store.connection.targets import UrlError, did_you_mean
from agentflow_tui.store.connection.urls import endpoint, masked, place

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
            return TooSlowError(
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

_TLS = (
    (
        "hostname mismatch|ip address mismatch|not valid for",
        "The certificate of {where} is for another host: {words}. Use its name, or verify-ca.",
    ),
    (
        "certificate has expired|not yet valid",
        "The certificate of {where} is not valid now: {words}. Have it renewed.",
    ),
    ("revoked", "The certificate of {where} was revoked: {words}."),
    (
        "certificate verify failed",
        "The certificate of {where} is not trusted: {words}. Name its CA with sslrootcert=... .",
    ),
    ("key values mismatch", "The key in sslkey does not belong to the certificate in sslcert."),
    (
        "alert.*(unknown ca|bad certificate|certificate (unknown|expired|revoked)|decrypt error)",
        "{where} does not accept our certificate: {words}. Check sslcert and sslkey.",
    ),
    (
        "certificate required|handshake failure",
        "{where} wants a certificate of the client, or no cipher in common: {words}. See sslcert.",
    ),
    ("version|protocol", "There is no version of TLS that {where} and we both speak: {words}."),
    (
        "no start line|pem lib|bad decrypt|bad password",
        "A TLS file of the URL cannot be read: {words}. Check sslcert, sslkey and sslpassword.",
    ),
    ("", "No TLS conversation with {where} is possible: {words}."),
)
"""How TLS fails, by the words of the library, the telling ones first."""

_REFUSED_TLS = "{where} has no TLS, which the URL asks for. Turn it on, or say sslmode=prefer."

_SENTENCES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (asyncpg.TargetServerAttributeNotMatched,),
        "No server at {where} is what target_session_attrs asks for. Name further hosts.",
    ),
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
    except asyncpg.UndefinedObjectError as error:
        named = re.search(r'"([^"]+)"', str(error))
        words = first_line(error)
        meant = did_you_mean(named[1]) if named else ""
        raise SettingsError(
            f"The URL of {place(url)} has a parameter that is neither a connection's nor a setting "
            f"of the server: {words}.{meant}"
        ) from None
    except _CONNECTING as error:
        sentence = _sentence(error).format(
            where=place(url), socket=endpoint(url), words=first_line(error)
        )
        is_full = isinstance(error, asyncpg.TooManyConnectionsError)
        raise (NoConnectionLeftError if is_full else UnreachableError)(sentence) from None


def _sentence(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLError):  # said by the server after the handshake
        return _sentence(cause)
    words = str(error).lower().replace("_", " ")
    if isinstance(error, ssl.SSLError):
        return next(text for pattern, text in _TLS if re.search(pattern, words))
    if isinstance(error, ConnectionError) and "rejected ssl" in words:
        return _REFUSED_TLS
    return next(text for classes, text in _SENTENCES if isinstance(error, classes))


def why_unusable(url: str, error: Exception) -> str:
    """Why a URL cannot be used. What Python says about a number that is none may quote a part of
    the password, so only what is known to be harmless is repeated."""
    known = isinstance(error, asyncpg.ClientConfigurationError | UrlError)
    words = first_line(error) if known else "its parts cannot be told apart"
    return (
        f"The database URL {masked(url)} cannot be used: {words}. "
        "It looks like postgresql://user:password@host:5432/name, with / @ : ? # "
        "in a password written as %2F %40 %3A %3F %23."
    )


def first_line(error: BaseException) -> str:
    """The first line of an error's message without its final stop; its class when it has none."""
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
