"""Why a row is not moving, in words."""

from datetime import timedelta
from typing import Any

import pytest

from agentflow_tui import clock
from agentflow_tui.operations.reasons import why_mail
from agentflow_tui.settings import WorkerSettings
from agentflow_tui.store.views.emails import QueuedMail

NOW = clock.now()
WORKERS = WorkerSettings(retry_base=60.0, retry_limit=3600.0)


def mail(**columns: Any) -> QueuedMail:
    unset: dict[str, Any] = dict.fromkeys(QueuedMail.__dataclass_fields__)
    return QueuedMail(**unset | {"id": "1", "status": "pending", "created_at": NOW} | columns)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "about to be sent"),
        ({"created_at": NOW - timedelta(minutes=5)}, "due for 5m"),
        ({"email_status": "cancelled"}, "its message is cancelled; it will not leave"),
        (
            {"attempts": 0, "last_attempt": NOW + timedelta(seconds=8)},
            "leaves in 8s; undo takes it back",
        ),
        ({"attempts": 0, "last_attempt": NOW}, "about to be sent"),
        ({"attempts": 0, "last_attempt": NOW - timedelta(minutes=5)}, "due for 5m"),
        (
            {"attempts": 2, "last_attempt": NOW + timedelta(hours=4), "error": "busy"},
            "next try in 4h: busy",
        ),
    ],
)
def test_a_waiting_mail_says_what_for(columns: dict[str, Any], words: str) -> None:
    assert why_mail(mail(**columns), NOW, WORKERS) == words
