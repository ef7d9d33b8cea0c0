"""The options of a process's connections, and the server settings that follow from them."""

from collections.abc import Mapping

from agentflow_tui.dataclass import dataclass

CONNECT_TIMEOUT = 10.0
"""Seconds to make a connection in."""

MARGIN = 1.0
"""Seconds, at most, by which the server's time limit is shorter than ours: it says so when it gives
up, and then it is known that nothing has happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """The options of a process's connections. ``statement_timeout`` and ``connect_timeout`` are in
    seconds."""

    application: str = "agentflow"
    connections: int = 3
    """In the pool."""
    dedicated: bool = True
    """Whether streams of statements have connections of their own beside the pool."""
    statement_timeout: float = 5.0
    connect_timeout: float = CONNECT_TIMEOUT
    read_only: bool = False
    because: str = "started with --read-only"
    """Why it is ``read_only``, for people."""
    pooler: str = "auto"
    """How the pooler before the database lends sessions, as far as the settings say so: ``none``,
    ``session`` or ``transaction``; ``auto`` finds out by looking."""

    @property
    def answer_timeout(self) -> float:
        """Seconds after which no answer to a statement is waited for any more."""
        return self.statement_timeout + min(MARGIN, self.statement_timeout)

    def client_settings(self) -> dict[str, str]:
        """The settings that every pooler knows, because they belong to a client."""
        return {"application_name": self.application, "timezone": "UTC"}

    def session_settings(self) -> dict[str, str]:
        """The settings that this process relies on, besides those of the client."""
        settings = {
            "statement_timeout": f"{round(self.statement_timeout * 1000)}",
            "idle_in_transaction_session_timeout": "60000",
            "max_parallel_workers_per_gather": "0",
            "plan_cache_mode": "force_custom_plan",
            "jit": "off",
        }
        if self.read_only:
            settings["default_transaction_read_only"] = "on"
        return settings


def set_session(settings: Mapping[str, str]) -> str:
    """SQL that sets these for a session."""
    return "; ".join(f"SET {name} = {_value(value)}" for name, value in settings.items())


def set_transaction(settings: Mapping[str, str]) -> str:
    """SQL that sets these for the transaction that it stands at the beginning of."""
    inside = {n: v for n, v in settings.items() if n != "default_transaction_read_only"}
    statements = [f"SET LOCAL {name} = {_value(value)}" for name, value in inside.items()]
    if settings.get("default_transaction_read_only") == "on":
        statements.append("SET TRANSACTION READ ONLY")
    return "; ".join(statements)


def _value(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
