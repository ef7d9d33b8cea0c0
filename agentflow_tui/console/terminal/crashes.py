"""What is said when a bug ends the console."""

import traceback

from agentflow_tui.patterns import pattern
from agentflow_tui.settings import Settings

_PASSWORD = pattern(r"(://[^:/@\s]*):[^@\s]*@")


_SECRETS = ("ENCRYPTION_KEY", "ENCRYPTION_SALT", "EMAIL_PASS", "SMTP_PASSWORD")
"""What the names of variables that hold secrets begin with."""


def crash_report(settings: Settings) -> str:
    """The exception that is being handled, without local variables and without secrets."""
    text = _PASSWORD.sub(r"\1:***@", traceback.format_exc())
    for name, secret in settings.environ.items():
        if secret and name.startswith(_SECRETS):
            text = text.replace(secret, "***")
    return (
        f"{text}\nagentflow: a bug ended the console; nothing in the database was harmed. "
        "Please report the lines above.\n"
    )
