"""A handful of rows in every table, for tests that look at them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from agentflow_tui.store.connection.database import Database

NOW = datetime.now(UTC).replace(microsecond=0)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def uid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


STEPS = json.dumps(
    [
        {"id": "fetch", "type": "api", "name": "Fetch leads", "config": {}},
        {"id": "shape", "type": "dataProcessing", "name": "Shape", "config": {}},
        {"id": "write", "type": "insightGeneration", "name": "Write insights", "config": {}},
    ]
)

ROWS: dict[str, list[dict[str, Any]]] = {
    "users": [
        {"id": "ann", "email": "ann@acme.test", "firstName": "Ann", "createdAt": ago(days=9)},
        {"id": "bob", "email": "bob@acme.test", "firstName": "Bob", "createdAt": ago(days=8)},
    ],
    "sessions": [
        {"sid": "secret-session", "sess": '{"user": "ann"}', "expire": ago(hours=-3)},
    ],
    "credentials": [
        {
            "id": uid(1),
            "userId": "ann",
            "platform": "vinsolutions",
            "label": "Main store",
            "encryptedData": "cipher-text",
            "iv": "vector",
            "refreshToken": "secret-token",
            "refreshTokenExpiry": ago(days=1),
            "active": True,
            "createdAt": ago(days=90),
            "updatedAt": None,
        },
    ],
    "api_keys": [
        {
            "id": "k1",
            "keyName": "maps",
            "keyValue": "secret-key",
            "active": True,
            "createdAt": ago(days=3),
        },
    ],
    "workflows": [
        {
            "id": uid(11),
            "userId": "ann",
            "steps": STEPS,
            "currentStep": 1,
            "status": "running",
            "locked": True,
            "lockedAt": ago(hours=2),
            "lastUpdated": ago(hours=2),
            "createdAt": ago(hours=3),
            "context": '{"fetch": {"items": [1, 2]}}',
        },
        {
            "id": uid(12),
            "userId": "bob",
            "steps": STEPS,
            "currentStep": 0,
            "status": "failed",
            "lastError": "HTTP 503 from VinSolutions",
            "locked": False,
            "lastUpdated": ago(minutes=9),
            "createdAt": ago(hours=4),
            "context": "{}",
        },
        {
            "id": uid(13),
            "userId": "bob",
            "steps": STEPS,
            "currentStep": 2,
            "status": "pending",
            "locked": False,
            "lastUpdated": ago(minutes=30),
            "createdAt": ago(hours=5),
            "context": "{}",
        },
    ],
    "schedules": [
        {
            "id": uid(21),
            "workflowId": uid(11),
            "cron": "*/15 * * * *",
            "lastRun": ago(hours=2),
            "nextRun": ago(hours=1),
            "active": True,
            "createdAt": ago(days=30),
        },
        {
            "id": uid(22),
            "workflowId": uid(12),
            "cron": "not a cron",
            "active": True,
            "createdAt": ago(days=31),
        },
    ],
    "reports": [
        {
            "id": uid(31),
            "userId": "ann",
            "vendor": "VinSolutions",
            "reportType": "leads",
            "reportDate": ago(days=1),
            "reportData": '{"leads": 41}',
            "metadata": "{}",
            "createdAt": ago(days=1),
        },
    ],
    "insights": [
        {
            "id": uid(41),
            "reportId": uid(31),
            "insightType": "trend",
            "score": 82,
            "content": '{"title": "Leads are up", "summary": "41 leads in a day"}',
            "metadata": "{}",
            "createdAt": ago(hours=20),
        },
    ],
    "insight_distributions": [
        {
            "id": uid(51),
            "insightId": uid(41),
            "recipientType": "executive",
            "recipientId": "ann",
            "distributionMethod": "email",
            "status": "sent",
            "sentAt": ago(hours=19),
            "createdAt": ago(hours=20),
        },
    ],
    "emails": [
        {
            "id": uid(61),
            "userId": "ann",
            "subject": "Weekly leads",
            "body": "Hello Ann",
            "recipients": '["carl@customer.test"]',
            "attachments": "[]",
            "status": "queued",
            "createdAt": ago(minutes=50),
        },
        {
            "id": uid(62),
            "userId": "ann",
            "subject": "Aged inventory",
            "body": "<p>Hi</p>",
            "recipients": '[{"email": "dora@down.test", "name": "Dora"}]',
            "attachments": "[]",
            "status": "failed",
            "createdAt": ago(minutes=40),
        },
    ],
    "email_queue": [
        {
            "id": uid(71),
            "emailId": uid(61),
            "priority": 5,
            "attempts": 0,
            "status": "pending",
            "createdAt": ago(minutes=50),
        },
        {
            "id": uid(72),
            "emailId": uid(62),
            "priority": 1,
            "attempts": 3,
            "status": "failed",
            "lastAttempt": ago(minutes=5),
            "error": "550 5.1.1 <dora@down.test>: User unknown",
            "createdAt": ago(minutes=40),
        },
    ],
    "health_checks": [
        {
            "id": "smtp",
            "name": "Mail relay",
            "status": "error",
            "message": "connection refused",
            "responseTime": 31,
            "lastChecked": ago(seconds=20),
            "details": '{"every": 86400, "port": 25}',  # never stale, however long tests run
            "createdAt": ago(days=30),
            "updatedAt": ago(minutes=12),
        },
        {
            "id": "worker:host:12:ab",
            "name": "worker",
            "status": "ok",
            "message": "idle",
            "details": '{"roles": ["scheduler", "runner", "sender"]}',
            "lastChecked": ago(days=-1),  # never silent, however long tests run
            "createdAt": ago(hours=1),
        },
    ],
    "task_logs": [
        {
            "id": uid(81),
            "userId": "ann",
            "taskType": "email.send",
            "status": "failed",
            "input": json.dumps({"queueId": uid(72)}),
            "output": "{}",
            "error": "550 5.1.1 <dora@down.test>: User unknown",
            "startTime": ago(minutes=5),
            "endTime": ago(minutes=5),
            "createdAt": ago(minutes=5),
        },
        {
            "id": uid(82),
            "userId": "bob",
            "taskType": "operator.retry",
            "status": "completed",
            "input": "{}",
            "output": "{}",
            "startTime": ago(minutes=3),
            "endTime": ago(minutes=3),
            "createdAt": ago(minutes=3),
        },
    ],
}


async def fill(database: Database, rows: dict[str, list[dict[str, Any]]] | None = None) -> None:
    """Put rows into a database, whatever it calls its tables and columns."""
    for table, entries in (ROWS if rows is None else rows).items():
        for entry in entries:
            known = [name for name in entry if database.binding.has(table, name)]
            if not known:
                continue
            columns = ", ".join(f"{{{table}.{name}}}" for name in known)
            places = ", ".join(f"${n}" for n in range(1, len(known) + 1))
            await database.execute(
                f"INSERT INTO {{{table}}} ({columns}) VALUES ({places})",
                *(entry[name] for name in known),
            )
