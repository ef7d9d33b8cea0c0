"""Keeping secrets out of results, errors and the journal."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from agentflow_tui.schema import spelling

BLOT = "•••"

_SECRET_NAME = re.compile(
    "passw(or)?d|passphrase|secret|token|authorization|apikey|accesskey|privatekey|cookie"
    "|credential|signature|bearer"
)
_SECRET_IN_QUERY = re.compile(r"(?i)([?&][^=&#]*(?:passw|secret|token|key|sig|auth)[^=&#]*=)[^&#]+")
_SHORTEST = 4
"""Characters from which a literal in a config counts as a secret worth looking for in texts."""


def is_secret_name(name: str) -> bool:
    """Whether a member or header of this name holds a secret, by what such things are called."""
    return _SECRET_NAME.search(spelling(name).replace("-", "")) is not None


def redacted(value: Any) -> Any:
    """A copy of a config fit for the journal: secrets blotted out, references left readable."""
    if isinstance(value, dict):
        return {
            key: BLOT if _is_literal(inner) and is_secret_name(key) else redacted(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [redacted(inner) for inner in value]
    if isinstance(value, str):
        return redacted_url(value)
    return value


def _is_literal(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def redacted_url(text: str) -> str:
    """A text in which URLs show no password and no query value that is called a secret."""
    if "://" not in text:
        return text
    text = _SECRET_IN_QUERY.sub(rf"\1{BLOT}", text)
    return re.sub(r"(\w://[^/@\s:]*):[^/@\s]*@", rf"\1:{BLOT}@", text)


def literals(value: Any) -> Iterator[str]:
    """The texts that stand in a config under a secret's name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and len(inner) >= _SHORTEST and is_secret_name(key):
                yield inner
            else:
                yield from literals(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from literals(inner)
    elif isinstance(value, str) and "://" in value:
        yield from _password_in(value)


def _password_in(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password


def scrub(value: Any, secrets: Sequence[str]) -> Any:
    """A copy of a JSON value in which no text contains any of the secrets."""
    if not secrets:
        return value
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, BLOT)
        return value
    if isinstance(value, dict):
        return {scrub(key, secrets): scrub(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(inner, secrets) for inner in value]
    return value


def place(url: str) -> str:
    """Where a URL leads, for errors: scheme, host and path; no user, password or query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the URL"
    return urlunsplit((parts.scheme, f"{parts.hostname or ''}{port}", parts.path, "", ""))
