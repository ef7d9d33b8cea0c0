"""Errors meant for people. Everything else that is raised is a bug and crashes.

Each message says what is so and what to do next. ``exit_code`` is what the command line returns
for it (the contract: 1 a problem was found, 2 wrong usage, 3 the database cannot be reached).
"""


class AgentflowError(Exception):
    """Something went wrong that a person can understand and act on."""

    exit_code = 1


class UsageError(AgentflowError):
    """What was asked for is not a thing that can be asked for."""

    exit_code = 2


class SettingsError(UsageError):
    """The settings file or the environment holds a value that cannot be used."""


class FilterError(UsageError):
    """A filter cannot be understood. ``start`` and ``end`` span the mistake in ``text``."""

    def __init__(self, message: str, text: str = "", start: int = 0, end: int | None = None):
        super().__init__(message)
        self.text = text
        self.start = start
        self.end = len(text) if end is None else end


class UnreachableError(AgentflowError):
    """No conversation with the database is possible now; it may be later."""

    exit_code = 3


class NoConnectionLeftError(UnreachableError):
    """The server gives no further connection; those that there are go on working."""


class RefusedError(AgentflowError):
    """The database answered, and the answer was no: privileges, a time limit, a full disk. The very
    same may be accepted later, unless it is a `NotAcceptedError`."""


class TooSlowError(RefusedError):
    """The database stopped a statement at its time limit."""


class LockedError(RefusedError):
    """Another transaction holds the rows for longer than one waits."""


class NotAcceptedError(RefusedError):
    """The database does not accept the values: a type, a constraint or a trigger says no.
    ``words`` are its own."""

    def __init__(self, words: str):
        super().__init__(f"The database does not accept this: {words}.")
        self.words = words


class MissingError(AgentflowError):
    """A table or column that this needs does not exist in this database."""


class EmbeddedServerError(UnreachableError):
    """The embedded PostgreSQL could not be created, started or kept."""
