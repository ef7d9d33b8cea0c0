"""What a decrypted secret says: JSON, or a bare text."""

import json
from typing import Any, NoReturn


class NotJsonError(ValueError):
    """The text is not JSON as every reader takes it."""


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises `NotJsonError`, also for NaN and infinite numbers."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NotJsonError from None


def _refuse(_word: str) -> NoReturn:
    raise ValueError


def is_json(plaintext: bytes) -> bool:
    """Whether these bytes are UTF-8 and JSON."""
    try:
        parse_json(plaintext.decode())
    except ValueError:
        return False
    return True


def is_filled_object(plaintext: bytes) -> bool:
    """Whether these bytes are UTF-8 and a JSON object that has fields: six bytes or more that
    have to be right, so that no accident looks like one."""
    try:
        value = parse_json(plaintext.decode())
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value)


def is_text(plaintext: bytes) -> bool:
    """Whether these bytes are UTF-8."""
    try:
        plaintext.decode()
    except UnicodeDecodeError:
        return False
    return True


def payload(plaintext: bytes) -> Any:
    """The secret: an object, a list or a text. A number stays the text that it was, for it may be
    a password with zeros in front."""
    text = plaintext.decode()
    try:
        value = parse_json(text)
    except NotJsonError:
        return text
    return value if isinstance(value, dict | list | str) else text
