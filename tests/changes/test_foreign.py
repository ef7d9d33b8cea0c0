"""Databases that others made: odd ids, odd types, odd columns. What is undone is as it was."""

import json

import pytest

from agentflow_tui.errors import UsageError
from agentflow_tui.operations.arguments import LABEL, RECIPIENTS, SUBJECT
from agentflow_tui.operations.undo import NothingToUndoError, last_undoable, undo
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import do, operator_context, value, whole

ODD_IDS = ["o'clock", "a b", "50%", "back\\slash", '"quoted"', "ünï→", "{q}", ""]

TABLES = """
CREATE DOMAIN mood AS text CHECK (value <> 'bad');
CREATE TABLE workflows (
  id {id} PRIMARY KEY, "userId" text, steps {json}, "currentStep" bigint, status varchar(40),
  context {json}, "lastError" {error}, locked boolean, "lockedAt" timestamptz,
  "lastUpdated" timestamptz, "createdAt" timestamptz,
  number bigint GENERATED ALWAYS AS IDENTITY, doubled text GENERATED ALWAYS AS (status || '!')
  STORED, tags text[] NOT NULL, matrix int[][] NOT NULL, price numeric(12, 4) NOT NULL,
  mood mood NOT NULL, raw bytea NOT NULL, code char(5) NOT NULL, span interval NOT NULL,
  window_ tstzrange NOT NULL, place point NOT NULL, ratio float8 NOT NULL, nothing jsonb NOT NULL
);
CREATE TABLE task_logs (
  id {journal} PRIMARY KEY, "taskType" text, status text, input {json}, output {json},
  error text, "createdAt" timestamptz, origin text NOT NULL
)
"""

ADD = """
INSERT INTO workflows (id, "userId", steps, "currentStep", status, context, "lastError", locked,
  "lockedAt", "lastUpdated", "createdAt", tags, matrix, price, mood, raw, code, span, window_,
  place, ratio, nothing)
SELECT x.id::{id}, NULL, '[{{"id": "a"}}, {{"id": "b"}}]', 1, 'failed',
  '{{"z": 1,   "a": "50% \\\\ o''clock", "_run": {{"lap": 2}}}}', {error}, false, NULL, 'infinity',
  '-infinity', '{{"a b", NULL, "c\\"d"}}', '{{{{1,2}},{{3,4}}}}', 1.5000, 'fine', '\\x00ff', 'ab',
  '1 mon 3 days 00:00:01.5', '[2020-01-01, infinity)', '(1,2)', 'NaN', 'null'
  FROM unnest($1::text[]) AS x(id)
"""

KINDS = {
    "text ids, jsonb": ("text", "jsonb", "text", "text"),
    "text ids, json": ("text", "json", "json", "uuid"),
    "text ids, text": ("text", "text", "jsonb", "varchar(80)"),
    "bigint ids": ("bigint", "jsonb", "text", "text"),
}
CHANGES = [
    ("retry", None),
    ("cancel", None),
    ("run", None),
    ("reset", "0"),
    ("delete", None),
]


async def make(url: str, kind: str) -> tuple[Database, list[str]]:
    id_, json_, error, journal = KINDS[kind]
    database = await Database.open(url)
    async with database.session() as session:
        await session.connection.execute(
            TABLES.format(id=id_, json=json_, error=error, journal=journal)
        )
        ids = ODD_IDS if id_ == "text" else ["1", "-7", "9223372036854775807"]
        said = "'oh no'" if error == "text" else "'\"oh no\"'"
        await session.connection.execute(ADD.format(id=id_, error=said), ids)
    await database.rebind()
    return database, ids


@pytest.mark.parametrize(("verb", "argument"), CHANGES, ids=[verb for verb, _ in CHANGES])
@pytest.mark.parametrize("kind", KINDS)
async def test_undo_and_redo_are_exact_in_a_foreign_database(
    empty_url: str, kind: str, verb: str, argument: str | None
) -> None:
    database, ids = await make(empty_url, kind)
    ann = operator_context(database)
    before = await whole(database, "workflows")
    outcome = await do(ann, verb, "workflows", ids, argument)
    assert (outcome.applied, outcome.skipped) == (len(ids), ())
    after = await whole(database, "workflows")
    assert after != before
    undone = await undo(ann, outcome.journal or "")
    assert (undone.applied, undone.skipped) == (len(ids), ())
    assert await whole(database, "workflows") == before
    redone = await undo(ann, undone.journal or "")
    assert (redone.applied, redone.skipped) == (len(ids), ())
    assert await whole(database, "workflows") == after
    database.close()


async def test_a_journal_that_numbers_its_rows_itself_is_written_and_cannot_be_gone_back_by(
    database: Database,
) -> None:
    await database.execute("ALTER TABLE task_logs ALTER id DROP DEFAULT")
    await database.execute("ALTER TABLE task_logs DROP COLUMN id")
    await database.execute("ALTER TABLE task_logs ADD id bigserial PRIMARY KEY")
    await database.rebind()
    from tests.changes.operating import add_mail

    mail = await add_mail(database, 1_500)
    ann = operator_context(database)
    outcome = await do(ann, "cancel", "email_queue", mail)
    assert (outcome.applied, outcome.journal) == (1_500, None)
    assert await value(database, "SELECT count(*) FROM {task_logs}") == 2
    with pytest.raises(NothingToUndoError, match="no journal"):
        await last_undoable(ann)
    with pytest.raises(UsageError):
        await undo(ann, "0a9e0f10-0000-8000-8000-000000000000")


@pytest.mark.parametrize("odd", ["\0", "\ud800", "a\x00b", "x\udfff"])
async def test_what_no_database_can_hold_is_refused_before_it_is_asked(
    database: Database, odd: str
) -> None:
    for argument in (SUBJECT, LABEL, RECIPIENTS):
        with pytest.raises(UsageError):
            argument.parse(f"a{odd}@b.test")
    with pytest.raises(UsageError):
        RECIPIENTS.parse(json.dumps([f"a{odd}@b.test"]))
    for table, verb in (("email_queue", "retry"), ("health_checks", "rerun")):
        outcome = await do(operator_context(database), verb, table, [odd])
        assert outcome.skipped == ((odd, "is not there"),)


@pytest.mark.parametrize(("verb", "argument"), [("reset", "0"), ("delete", None)])
async def test_a_context_of_five_megabytes_comes_back_exactly(
    database: Database, verb: str, argument: str | None
) -> None:
    await database.execute(
        "INSERT INTO {workflows} ({workflows.id}, {workflows.status}, {workflows.steps}, "
        "{workflows.currentStep}, {workflows.context}) "
        "SELECT gen_random_uuid(), 'failed', '[{\"id\": \"a\"}]', 1, jsonb_build_object("
        "'_run', '{\"lap\": 1}'::jsonb, 'big', (SELECT string_agg(md5(n::text), '') "
        "FROM generate_series(1, 160000) n)) FROM generate_series(1, 3)"
    )
    ids = list(await whole(database, "workflows"))
    before = await whole(database, "workflows")
    ann = operator_context(database)
    outcome = await do(ann, verb, "workflows", ids, argument)
    assert outcome.applied == 3
    undone = await undo(ann, outcome.journal or "")
    assert (undone.applied, undone.skipped) == (3, ())
    assert await whole(database, "workflows") == before
