"""Filters on every list: the rows that they describe, in any case, of any length and shape."""

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentflow_tui.filters import Filter
from agentflow_tui.schema import TABLES, Column, Kind, Table
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query, vocabulary
from agentflow_tui.store.views.by_table import LISTINGS
from tests.filter_matching import matches

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG = "x" * 20_000
PEOPLE = [{"email": f"person{n}@far.test", "name": "N" * 400} for n in range(60)]
TEXTS = (
    None,
    "",
    "Needle",
    "NEEDLE",
    f"{LONG} needle",
    f"{LONG} Person59@far.test",
    "50%_\\",
    "a*b",
)
DOCUMENTS = (
    None,
    None,
    "null",
    json.dumps({"a": {"b": "Needle"}, "n": 42}),
    json.dumps({"pad": LONG, "a": {"b": "NEEDLE"}}),
    json.dumps(PEOPLE),
    json.dumps({"a": None, "n": "42"}),
    json.dumps("needle"),
    json.dumps(json.dumps({"a": {"b": "needle"}, "n": 41})),
    json.dumps([[], {}, 7]),
)
JOINED = {
    "email_queue": (
        "LEFT JOIN emails j ON j.id = q.emailid",
        {
            "subject": "j.subject",
            "recipients": "j.recipients::text",
            "email_status": "j.status",
            "body": "j.body",
            "userId": "j.userid::text",
        },
    ),
    "insights": (
        "LEFT JOIN reports j ON j.id = q.reportid",
        {"vendor": "j.vendor", "report_type": "j.reporttype"},
    ),
    "insight_distributions": (
        "LEFT JOIN insights j ON j.id = q.insightid",
        {"insight_type": "j.insighttype"},
    ),
    "schedules": (
        "LEFT JOIN workflows j ON j.id = q.workflowid",
        {"workflow_status": "j.status", "workflow_steps": "j.steps::text"},
    ),
}
"""What the lists show of other tables, as the document's names have it."""


def any_value(column: Column, table: Table, chance: random.Random) -> object:
    """A value such as a database holds, or NULL where the column may be that."""
    if column.name == "status":
        word = chance.choice((*table.statuses, "archived", ""))
        return chance.choice((word, word.upper(), word.capitalize(), None))
    match column.kind:
        case Kind.ID if column.type == "uuid":
            return str(uuid.UUID(int=chance.randrange(1, 8)))
        case Kind.TEXT | Kind.ID:
            return chance.choice(TEXTS)
        case Kind.JSON:
            return chance.choice(DOCUMENTS)
        case Kind.NUMBER:
            return chance.choice((None, 0, 3, -3, 2**31 - 1))
        case Kind.FLAG:
            return chance.choice((None, True, False))
        case Kind.TIME:
            return chance.choice((None, NOON, NOON - timedelta(days=2), NOON + timedelta(hours=1)))


def key_of(column: Column, number: int) -> str:
    if column.type == "uuid":
        return str(uuid.UUID(int=number + 1))
    return f"{'Needle' if number % 2 else 'key'}-{number}"


async def fill(database: Database, chance: random.Random) -> None:
    async with database.session() as session:
        await session.connection.execute("SET session_replication_role = replica")  # no keys
        for table in TABLES.values():
            columns = [column for column in table.columns if not column.unique]
            names = ", ".join(f"{{{table.name}.{column.name}}}" for column in columns)
            casts = ", ".join(
                f"${n}::{'text::jsonb' if column.kind is Kind.JSON else column.type}"
                for n, column in enumerate(columns, 1)
            )
            for number in range(24):
                values = [
                    key_of(column, number)
                    if column.primary_key
                    else any_value(column, table, chance)
                    for column in columns
                ]
                await session.execute(
                    f"INSERT INTO {{{table.name}}} ({names}) VALUES ({casts})", *values
                )
        await session.connection.execute("RESET session_replication_role")


async def stored_rows(database: Database, table: Table) -> dict[str, dict[str, object]]:
    """Every row by its key, whole, by the document's names and those of joined columns."""
    join, joined = JOINED.get(table.name, ("", {}))
    own = {
        column.name: f"q.{column.name.lower()}" + ("" if column.kind is Kind.TIME else "::text")
        for column in table.columns
    }
    columns = {**own, **joined}
    statement: Statement[Any] = Statement(
        as_tuple, f"SELECT {', '.join(columns.values())} FROM {table.name} q {join}"
    )
    rows = [dict(zip(columns, row, strict=True)) for row in await database.fetch(statement)]
    return {str(row[table.primary_key.name]): row for row in rows}


def conditions(name: str, kind: Kind, statuses: tuple[str, ...]) -> list[str]:
    """Filters on one field."""
    texts = [f"{name}~needle", f"{name}~PERSON59@", f'{name}~"50%_"', f"{name}:*needle"]
    exact = [f"{name}:needle", f"{name}=Needle", f"{name}:*person59@far.test", f"{name}:archived"]
    asked = {
        Kind.TEXT: [*texts, *exact, *(f"{name}:{word}" for word in statuses)],
        Kind.ID: [f"{name}:00000000-0000-0000-0000-000000000003", f"{name}:0000", f"{name}~0002"],
        Kind.JSON: [
            *texts[:3],
            *(f"{name}.{path}" for path in ("a.b:needle", "a.b~EEDL", "a:none", "a:any")),
            *(f"{name}.{path}" for path in ("n:42", "n:>41", "59.email:person59@far.test")),
        ],
        Kind.NUMBER: [f"{name}:3", f"{name}:>0", f"{name}:<=0"],
        Kind.FLAG: [f"{name}:yes", f"{name}:no"],
        Kind.TIME: [f"{name}:2026-11-23", f"{name}:<2026-11-23T12:00", f"{name}:>2026-11-22"],
    }[kind]
    found = [*asked, f"{name}:none", f"{name}:any"]
    return [*found, *(f"-{text}" for text in found)]


WORDS = ("needle", "!needle", "person59@", "!person59@", "NEEDLE !archived", '"50%_"')


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_a_filter_finds_the_rows_that_it_describes(database: Database, table: Table) -> None:
    await fill(database, random.Random(11))
    listing = LISTINGS[table.name]
    stored = await stored_rows(database, table)
    fields = vocabulary(listing, database.binding).fields
    assert {column.name for column in table.columns} <= {field.name for field in fields}

    async def found(text: str) -> tuple[set[str], Filter]:
        wanted = query(listing, database.binding, text, now=NOON, zone=UTC)
        page = await wanted.page(database, Window(limit=1000))
        return {str(row.key) for row in page.rows}, wanted.wanted

    asked = [
        text
        for field in fields
        if not field.secret and (field.name in next(iter(stored.values())))
        for text in conditions(field.name, field.kind, field.words)
    ]
    for text in (*asked, *WORDS):
        rows, wanted = await found(text)
        expected = {key for key, row in stored.items() if matches(wanted, row, NOON)}
        assert rows == expected, text


async def test_recipients_beyond_what_a_list_shows_are_found_and_left_out(
    database: Database,
) -> None:
    ids = [str(uuid.UUID(int=n)) for n in (1, 2, 3, 4)]
    await database.execute(
        "INSERT INTO {emails} ({emails.id}, {emails.recipients}) VALUES"
        " ($1, $3::text::jsonb), ($2, '[]')",
        *ids[:2],
        json.dumps(PEOPLE),
    )
    await database.execute(
        "INSERT INTO {email_queue} ({email_queue.id}, {email_queue.emailId}, {email_queue.status})"
        " VALUES ($3, $1, 'failed'), ($4, $2, 'FAILED')",
        *ids,
    )

    async def found(text: str) -> list[str]:
        wanted = query(LISTINGS["email_queue"], database.binding, text, now=NOON, zone=UTC)
        page = await wanted.page(database, Window(limit=10))
        return sorted(str(row.key) for row in page.rows)

    assert await found("person59@") == [ids[2]]
    assert await found("!person59@") == [ids[3]]
    assert await found("recipients.59.email:PERSON59@far.test") == [ids[2]]
    assert await found("status:failed") == ids[2:]
    assert await found("-status:failed") == []


async def test_a_word_that_no_status_has_is_remarked_upon(database: Database) -> None:
    wanted = query(LISTINGS["email_queue"], database.binding, "status:faild", now=NOON, zone=UTC)
    assert len(wanted.remarks) == 1
    assert "Did you mean failed?" in wanted.remarks[0]


async def test_on_a_large_table_a_list_says_that_words_are_found_as_written(
    database: Database,
) -> None:
    listing = LISTINGS["email_queue"]
    await database.execute("UPDATE pg_class SET reltuples = 5000000 WHERE relname = 'email_queue'")
    await database.rebind()
    asked = {"now": NOON, "zone": UTC}
    seen = query(listing, database.binding, "status:failed", **asked)  # type: ignore[arg-type]
    assert seen.remarks == ("status words as written only",)
    for text, whole in (("status:failed", True), ("-status:failed", False), ("word", False)):
        other = query(listing, database.binding, text, whole=whole, **asked)  # type: ignore[arg-type]
        assert other.remarks == ()
