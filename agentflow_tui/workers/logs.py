"""The workers' log on stderr: one line an event, as text or as JSON, and never a secret."""

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO
from urllib.parse import parse_qsl, unquote, urlsplit

from agentflow_tui.text import safe

MASK = "***"
_NAME = "agentflow.workers"
_SECRET_VARIABLES = ("ENCRYPTION_KEY", "EMAIL_PASS", "PGPASSWORD")
_SECRET_URLS = ("AGENTFLOW_DATABASE_URL", "DATABASE_URL", "IMAP_URL", "SMTP_URL")


class Log:
    """A logger whose events carry named values: ``log.info("fired", count=3)``."""

    def __init__(self, role: str = "worker", logger: logging.Logger | None = None) -> None:
        self._role = role
        self._logger = logger or logging.getLogger(_NAME)

    def of(self, role: str) -> "Log":
        """The same log, spoken by another role."""
        return Log(role, self._logger)

    def info(self, event: str, **values: object) -> None:
        self._say(logging.INFO, event, values)

    def warning(self, event: str, **values: object) -> None:
        self._say(logging.WARNING, event, values)

    def error(self, event: str, **values: object) -> None:
        self._say(logging.ERROR, event, values)

    def bug(self, event: str, error: BaseException) -> None:
        """An error that was not foreseen, with its traceback."""
        self._logger.critical(event, exc_info=error, extra={"role": self._role, "values": {}})

    def _say(self, level: int, event: str, values: Mapping[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", event, extra={"role": self._role, "values": values})


def secrets_of(url: str, environ: Mapping[str, str]) -> frozenset[str]:
    """Every spelling of every secret that this process was given."""
    found = {environ.get(name, "") for name in _SECRET_VARIABLES}
    for address in (url, *(environ.get(name, "") for name in _SECRET_URLS)):
        try:
            parts = urlsplit(address)
            password = parts.password or ""
        except ValueError:
            continue
        found |= {password, unquote(password)}
        found |= {value for name, value in parse_qsl(parts.query) if name.endswith("password")}
    return frozenset(secret for secret in found if len(secret) >= 3)


class _Lines(logging.Formatter):
    """One line for each record, with the secrets masked."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = sorted(secrets, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        values = getattr(record, "values", {})
        return self.line(
            self._masked(record.getMessage()),
            datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            record.levelname.lower(),
            getattr(record, "role", record.name),
            {name: self._value(value) for name, value in values.items()},
            self._masked(self.formatException(record.exc_info)) if record.exc_info else "",
        )

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def _value(self, value: object) -> object:
        return value if isinstance(value, int | float | None) else self._masked(str(value))

    def line(
        self,
        event: str,
        moment: str,
        level: str,
        role: str,
        values: Mapping[str, object],
        trace: str,
    ) -> str:
        said = "".join(f" {name}={safe(str(value))}" for name, value in values.items())
        lines = [f"{moment} {level} {role}: {safe(event)}{said}"]
        return "\n".join(lines + [safe(line) for line in trace.splitlines()])


class _JsonLines(_Lines):
    def line(
        self,
        event: str,
        moment: str,
        level: str,
        role: str,
        values: Mapping[str, object],
        trace: str,
    ) -> str:
        said: dict[str, Any] = {"time": moment, "level": level, "role": role, "event": event}
        said.update(values)
        if trace:
            said["trace"] = trace
        return json.dumps(said)


def configure(*, as_json: bool, secrets: Iterable[str], stream: TextIO | None = None) -> None:
    """Send the log of this process to stderr. Libraries speak from warnings on; asyncpg from
    errors on: what it warns of, with a traceback, are lost connections, of which the roles tell."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonLines(secrets) if as_json else _Lines(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("asyncpg").setLevel(logging.ERROR)
    logging.getLogger(_NAME).setLevel(logging.INFO)
