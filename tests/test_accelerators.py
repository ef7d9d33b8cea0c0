"""Optional indexes keep no row out, whatever stands in it, and what they find is found without."""

import json
import random
import re
import string

import pytest

from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.accelerators import ACCELERATORS, Accelerator, build, buildable
from agentflow_tui.store.views import story_journal, story_links
from agentflow_tui.store.views.story_links import mails_with, queued_to
from tests.samples import uid

LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=6_000))
HEXADECIMAL = LONG.encode().hex()[:6_000]
TEXTS = (LONG, f"ann@{LONG}", f"{LONG}@acme.test", "-".join([HEXADECIMAL] * 5))
TYPES = ("text", "character varying", "varchar", "jsonb", "json")


def indexed_texts(database: Database, accelerator: Accelerator) -> list[str]:
    """The columns of an index that hold text or documents, but for keys."""
    table = TABLES[accelerator.table]
    bound = database.binding.tables[accelerator.table].columns
    named = re.findall(r"\{\w+\.(\w+)\}(?! = ')", accelerator.on.partition(" WHERE ")[0])
    keys = {c.name for c in table.columns if c.primary_key or c.references}
    return [name for name in dict.fromkeys(named) if name not in keys and bound[name].type in TYPES]


async def insert(database: Database, accelerator: Accelerator, column: str, value: str) -> None:
    """Add a row that the index covers, with a text in one column."""
    table = accelerator.table
    given = dict(re.findall(r"\{\w+\.(\w+)\} = '([\w.]+)'", accelerator.on))
    if database.binding.tables[table].columns[column].type.startswith("json"):
        members = dict.fromkeys(re.findall(r"->> '(\w+)'", accelerator.on), value)
        value = json.dumps({**members, "list": [value]})
    names = ", ".join(f"{{{table}.{name}}}" for name in ("id", *given, column))
    words = "".join(f", '{word}'" for word in given.values())
    await database.execute(
        f"INSERT INTO {{{table}}} ({names})"
        f" VALUES (gen_random_uuid(){words}, $1::text::{{{table}.{column}:type}})",
        value,
    )


async def test_no_index_refuses_a_row_for_what_stands_in_it(database: Database) -> None:
    await database.execute("ALTER TABLE {email_queue} ADD recipient text")
    await database.rebind()
    for accelerator in buildable(database.binding):
        await build(database, accelerator)
    await database.rebind()
    tried = 0
    for accelerator in ACCELERATORS:
        for column in indexed_texts(database, accelerator):
            for text in TEXTS:
                tried += 1
                await insert(database, accelerator, column, text)
    assert tried >= 8 * len(TEXTS), "recipients, a domain, an address, four kinds of entries"
    for table in ("emails", "email_queue"):
        recipient = next(a for a in ACCELERATORS if a.table == table and "recipient" in a.name)
        column = "recipients" if table == "emails" else "recipient"
        await insert(database, recipient, column, "Ann@Acme.test")
    assert len(await mails_with(database, ["ann@acme.test"])) == 1
    assert len(await queued_to(database, "ann@acme.test")) == 1


async def test_without_an_index_each_row_is_split_once_whatever_the_number_of_ids(
    database: Database,
) -> None:
    ids = [uid(n) for n in range(900)]
    once = {"made": [ids[0]]}
    for output in (once, json.dumps(once), {"made": [uid(901)]}):
        await database.execute(
            "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.output})"
            " VALUES (gen_random_uuid(), 'workflow.step', $1::text::jsonb)",
            json.dumps(output),
        )
    await database.execute(
        "INSERT INTO {emails} ({emails.id}, {emails.recipients})"
        " VALUES (gen_random_uuid(), $1::text::jsonb)",
        json.dumps([{"email": "ann@acme.test", "distributions": [ids[7]]}]),
    )
    assert len(await story_journal.entries_naming(database, ids)) == 2
    assert len(await mails_with(database, ids)) == len(await mails_with(database, [ids[7]])) == 1
    for make in (story_journal._naming, story_links._with_words):
        sql = database.binding.render(make(database.binding).text)
        async with database.session() as session:
            plan = "\n".join(
                row[0] for row in await session.connection.fetch(f"EXPLAIN {sql}", ids)
            )
        assert "hashed SubPlan" in plan


async def test_entries_about_many_rows_are_bounded_and_shared_among_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story_journal, "MOST_ABOUT", 6)
    await database.execute(
        "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.input},"
        " {task_logs.createdAt}) SELECT gen_random_uuid(), 'workflow.step',"
        " jsonb_build_object('workflow', 'w' || n % 3), now() - n * interval '1 minute'"
        " FROM generate_series(1, 30) n"
    )
    steps = story_journal.STEPS
    await build(database, next(a for a in ACCELERATORS if a.index == steps.index))
    await database.rebind()
    around = [(f"w{n}", story_journal.LATEST) for n in range(3)]
    found = await story_journal.entries_about(database, steps, around)
    assert sorted(json.loads(entry.input or "")["workflow"] for entry in found) == [
        *("w0", "w0"), *("w1", "w1"), *("w2", "w2"),
    ]  # fmt: skip
