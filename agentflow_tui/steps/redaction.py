"""Keeping secrets out of results, errors and the journal."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit

from agentflow_tui.documents import read
from agentflow_tui.schema import spelling

BLOT = "•••"

_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_NAME = re.compile(
    "pass ?wor[dt]|passwd|pwd|passphrase|passcode|secret(?!ar)|authorization|cookie|credential"
    "|signature|bearer"
    r"|token(?!s\b|iz)|(access|api|auth|bearer|refresh|session) ?tokens"
    "|(api|access|private) ?key"
    "|(account|admin|app|auth|client|consumer|encryption|functions?|license|master|serv(er|ice)"
    "|shared|signing|subscription|webhook) ?key$"
    r"|\b(o?auth|pass|jwt)$"
)
"""In a name's words. Short words must be the last one: ``X-Auth`` and ``user_pass`` hold secrets,
``author``, ``bypass`` and ``passRate`` do not. Tokens, in the plural, are mostly counted."""

_ABOUT = re.compile(" (name|names|type|count|limit)$")
"""Ends of names that tell something about a secret, and never the secret."""

_NO_LOCK = re.compile(
    "(cache|foreign|group|idempotency|object|order|partition|primary|public|routing|row|sort|start"
    "|websocket) ?key$|(don|hoc|joc|mon|tur|whis)key$"
)
"""Keys that open nothing."""

_SCHEMES = frozenset({"basic", "bearer", "digest", "login", "none", "oauth", "oauth2", "plain"})
"""What stands under ``auth`` when it says how to sign in, and not with what."""

_QUERIES = frozenset({"query", "params"})
_WIRE = _QUERIES | {"headers"}
_PAIR = re.compile(r"(^|[?&#\n])([^=&#?\s]{1,200})=([^&\n]+)")
_FORM = re.compile(r"\s*[\w.\[\]%+-]{1,200}=")
_BARE = re.compile(r"""(?<=[:,\[])\s*(\{\{[^{}"\\]*\}\})(?=\s*[,\]}])""")
"""A reference for a whole value in a text of JSON, which is no JSON until it is filled in."""

_SIGNED_IN = re.compile(r"(\w://)([^/?#\s:]*)(?::([^/?#\s]*|(?!\d*[?#])[^/@\s]*))?@")
"""A URL's user and password: up to the last ``@`` before the path, query or fragment, as HTTP
clients read them. Where there is none, ``?`` or ``#`` after what is no port stands in a password
that is not encoded; no client can send it, but it is shown nowhere, too."""

_AFTER_URL = re.compile("""@[^@"'<>]*["'<>].*""")
"""From the ``@`` on in what looks like a password, where a quote after it ends the whole URL."""

_CREDENTIALS = re.compile(
    r"\s*(?:api-?key|basic|bearer|bot|oauth|token)\s+(?!\{\{)(\S+)\s*", re.IGNORECASE
)
"""A scheme, and the credentials that a service may quote alone. A reference is none: errors name
it."""

_SHORTEST = 4
"""Characters from which a literal in a config counts as a secret worth looking for in texts."""

_FEWEST_DIGITS = 6
"""The same of a number: shorter ones are years, ports and amounts."""

_LARGEST = 1e100
"""Numbers up to which one may be a secret."""


class Public(str):
    """A text that is no secret, whatever its member is called: an expression, a key's name."""

    __slots__ = ()


@lru_cache(maxsize=4096)
def is_secret_name(name: str, *, wire: bool = False) -> bool:
    """Whether a member or header of this name holds a secret, by what such things are called.

    ``wire``: the name stands in a list of headers or in a query.
    """
    words = " ".join(_WORD.findall(name)).lower()
    if _ABOUT.search(words):
        return False
    return _SECRET_NAME.search(words) is not None or (wire and _is_secret_on_the_wire(words))


def _is_secret_on_the_wire(words: str) -> bool:
    """Elsewhere ``key`` is most often what something is called: ``{"key": "color", …}``."""
    if words.endswith("key"):
        return _NO_LOCK.search(words) is None
    return words == "sig" or words.endswith(" sig")


_HINTS = (
    *("pass", "pwd", "secret", "auth", "cookie", "credential", "signature", "bearer", "token"),
    *("key", "jwt", "://"),
)


def may_hold_secrets(packed: str) -> bool:
    """Whether a JSON text is worth looking through: a name in it may be a secret's."""
    lowered = packed.lower()
    return any(hint in lowered for hint in _HINTS)


def redacted(value: Any, within: str = "") -> Any:
    """A copy of a config fit for the journal: secrets blotted out, references left readable.

    ``within`` is the name of the member that the value is, as `spelling` has it.
    """
    return _redacted(value, within, redacted_text)


def _redacted(value: Any, within: str, of_text: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _blotted(inner)
            if _is_secret(key, inner, within)
            else _redacted(inner, spelling(key), of_text)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_redacted(inner, "", of_text) for inner in value]
    if isinstance(value, str) and not isinstance(value, Public):
        return of_text(value)
    return value


def _is_secret(name: str, value: Any, within: str) -> bool:
    """Whether a member is a secret, or a list of them."""
    texts = value if isinstance(value, list) else [value]
    return all(map(_is_literal, texts)) and is_secret_name(name, wire=within in _WIRE)


def _is_literal(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in _SCHEMES:
        return False
    return isinstance(value, str | int | float) and not isinstance(value, bool | Public)


def _blotted(value: Any) -> Any:
    return [BLOT] * len(value) if isinstance(value, list) else BLOT


def redacted_text(text: str) -> str:
    """A text that shows no password of a URL, and no value that is called a secret in a query, in
    a form's encoding or in JSON."""
    found = _parsed(text)
    if found is None:
        return _redacted_line(text)
    shown = _redacted(found, "", _redacted_line)  # not further into JSON in JSON: it has no end
    return text if shown == found else json.dumps(shown, ensure_ascii=False)


def _parsed(text: str) -> Any:
    """The object or list that a text is as JSON, None for any other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    found = read(text).value
    if found is None and "{{" in text:
        found = read(_BARE.sub(r'"\1"', text)).value
    return found


def _redacted_line(text: str) -> str:
    text = without_passwords(text)  # first, for a password may hold what looks like a pair
    return _PAIR.sub(_without_value, text) if _has_pairs(text) else text


def without_passwords(text: str) -> str:
    """A text that shows no password of a URL."""
    return _SIGNED_IN.sub(_without_password, text) if "://" in text else text


def _has_pairs(text: str) -> bool:
    return "=" in text and ("://" in text or _FORM.match(text) is not None)


def _without_value(pair: re.Match[str]) -> str:
    is_secret = is_secret_name(unquote_plus(pair[2]), wire=True)
    return f"{pair[1]}{pair[2]}={BLOT}" if is_secret else pair[0]


def _without_password(found: re.Match[str]) -> str:
    return found[0] if found[3] is None else f"{found[1]}{found[2]}:{BLOT}@"


def literals(value: Any) -> Iterator[str]:
    """The texts that stand in a config under a secret's name, in every form they are sent in."""
    found = _literals(value, "", _literals_in)
    return (literal for literal in found if len(literal) >= _SHORTEST)


def _literals(value: Any, within: str, in_text: Callable[[str], Iterator[str]]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if _is_secret(key, inner, within):
                for secret in inner if isinstance(inner, list) else [inner]:
                    yield from _forms(_written(secret), within)
            else:
                yield from _literals(inner, spelling(key), in_text)
    elif isinstance(value, list):
        for inner in value:
            yield from _literals(inner, "", in_text)
    elif isinstance(value, str) and not isinstance(value, Public):
        yield from in_text(value)


def _written(secret: str | float) -> str:
    """A secret as texts hold it; nothing for a number that is in too many texts to be one."""
    if isinstance(secret, str):
        return secret
    digits = str(secret) if abs(secret) < _LARGEST else ""
    return digits if len(digits) >= _FEWEST_DIGITS else ""


def _forms(secret: str, within: str) -> Iterator[str]:
    credentials = _CREDENTIALS.fullmatch(secret)
    for text in (secret, credentials[1]) if credentials else (secret,):
        yield text
        if within in _QUERIES:  # a service that repeats the URL repeats it encoded
            yield from (quote(text, safe=""), quote_plus(text))


def _literals_in(text: str) -> Iterator[str]:
    found = _parsed(text)
    yield from _literals_of(text) if found is None else _literals(found, "", _literals_of)


def _literals_of(text: str) -> Iterator[str]:
    if _has_pairs(text):
        for _, name, written in _PAIR.findall(text):
            if is_secret_name(unquote_plus(name), wire=True):
                for secret in (written.strip(), written.partition("#")[0].strip()):
                    yield from (secret, unquote_plus(secret), unquote(secret))
    if "://" in text:
        for _, user, written in _SIGNED_IN.findall(text):
            for password in (written, _AFTER_URL.sub("", written)):
                yield from (password, unquote(password))
                basic = f"{unquote(user)}:{unquote(password)}"  # as HTTP's basic scheme sends it
                yield b64encode(basic.encode("utf-8", "replace")).decode()


def scrub(value: Any, secrets: Sequence[str]) -> Any:
    """A copy of a JSON value in which no text contains any of the secrets, and no number is one."""
    if not secrets:
        return value
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, BLOT)
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        # What has more digits than Python writes out is for the check of the result to refuse.
        return BLOT if abs(value) < _LARGEST and str(value) in secrets else value
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
