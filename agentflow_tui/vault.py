"""The key that AgentFlow encrypts credentials with."""

import re
from collections.abc import Mapping
from pathlib import Path

from agentflow_tui.errors import SettingsError

_KEY = re.compile(r"[0-9A-Fa-f]{64}")


def find_key(environ: Mapping[str, str]) -> bytes | None:
    """The AES-256 key: ``ENCRYPTION_KEY`` (64 hex digits), or the file ``AGENTFLOW_KEY_FILE``
    holds its path of; None when neither is set.

    Raises `SettingsError` when what is set is no key; the message never holds it.
    """
    text, where = environ.get("ENCRYPTION_KEY"), "ENCRYPTION_KEY"
    if not text and (path := environ.get("AGENTFLOW_KEY_FILE")):
        where = f"AGENTFLOW_KEY_FILE ({path})"
        try:
            text = Path(path).expanduser().read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{where} cannot be read: {type(error).__name__}.") from None
    if not text:
        return None
    if not _KEY.fullmatch(text.strip()):
        raise SettingsError(f"{where} is not a key: it takes 64 hex digits (32 bytes).")
    return bytes.fromhex(text.strip())
