"""Filters in SQL: the same rows as in Python, whatever the types, and never an error."""

import itertools
import json
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agentflow_tui.errors import FilterError, MissingError
from agentflow_tui.filters import Field, Filter, Vocabulary, parse
from agentflow_tui.schema import Kind
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.reading.conditions import compile_filter
from tests.filter_matching import matches

VOCABULARY = Vocabulary(
    (
        Field(name="id", kind=Kind.ID, searched=True),
        Field(name="status", kind=Kind.TEXT, words=("pending", "failed", "held"), searched=True),
        Field(name="error", kind=Kind.TEXT, searched=True),
        Field(name="attempts", kind=Kind.NUMBER),
        Field(name="active", kind=Kind.FLAG),
        Field(name="createdAt", kind=Kind.TIME),
        Field(name="context", kind=Kind.JSON),
    ),
    age="createdAt",
)
NAMES = tuple(field.name for field in VOCABULARY.fields)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shape:
    """A table with the physical type of each field."""

    table: str
    types: tuple[str, ...]

    def type_of(self, name: str) -> str:
        return self.types[NAMES.index(name)]

    def select(self, condition: str) -> str:
        return f"SELECT n FROM {self.table} q WHERE {condition} ORDER BY n"


DOCUMENTED = Shape(
    "documented",
    (
        "uuid",
        "character varying",
        "text",
        "integer",
        "boolean",
        "timestamp without time zone",
        "jsonb",
    ),
)
MIXED = Shape(
    "mixed",
    ("text", "text", "character varying", "numeric", "integer", "timestamp with time zone", "json"),
)
TEXTUAL = Shape("textual", ("character varying", *["text"] * 6))
SHAPES = (DOCUMENTED, MIXED, TEXTUAL)

UUIDS = (
    "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "3fa85f64-5717-4562-b3fc-2c963f66afa7",
    "3fa85f65-0000-0000-0000-000000000000",
    "DEADBEEF-0000-4000-8000-00000000000F",
    "00000000-0000-0000-0000-000000000000",
)
IDS = (*UUIDS, "user123", "user1234", "42", "", "worker:a:7", "3fa85f64", "3fa85f64-1-2-3-4")
ERRORS = (
    None,
    "",
    "Timeout",
    "TIMEOUT",
    "time out",
    "50%_\\",
    "50%x\\",
    "50x_\\",
    "a*b",
    "none",
    "É é",
    "a\nb",
)
FLAGS = {"boolean": ("true", "false"), "integer": ("0", "1", "7"), "text": ("yes", "OFF", "t", "?")}
NUMBERS = {
    "integer": ("0", "3", "-3", "2147483647"),
    "numeric": ("0", "3.0", "2.5", "-3", "99999999999999999999"),
    "text": ("0", "3", "03", "2.5", "1e2", "many", "", "+7"),
}
DOCUMENTS = (
    None,
    "null",
    '{"a": 1, "b": {"c": "X y", "0": "key"}, "list": [1, {"k": "v"}, null]}',
    '{"a": "42", "b": null, "list": ["042", 42, 42.0, 4.2e1]}',
    '{"a": 41.5, "b": {"c": ""}, "list": []}',
    '{"a": true, "b": {"c": "2026-11-01"}}',
    '{"a": "", "b": "x y", "c d": {"e": "50%"}}',
    '[{"a": 1}, 2, "three"]',
    '"a plain string"',
    "42",
    json.dumps('{"a": 42, "b": {"c": "inside"}}'),
    json.dumps("[10, 20]"),
    json.dumps("{broken"),
    json.dumps(json.dumps('{"a": "three times"}')),
    '{"a": "1e999", "b": "1e9999", "list": ["' + "9" * 600 + '"]}',
)
BROKEN = ("", "  ", "{broken", "42 is no JSON", '{"a": 42,}', "[1, 2", "NaN", '{"a": "\\ud800"}')


def rows_for(shape: Shape, chance: random.Random) -> list[tuple[str | None, ...]]:
    """Values as texts, fit for the types of the shape."""
    id_type, _, _, number, flag, _, json_type = shape.types
    rows: list[tuple[str | None, ...]] = []
    for _ in range(160):
        document = chance.choice(DOCUMENTS + (BROKEN if json_type == "text" else ()))
        offset = timedelta(minutes=chance.choice((0, 1, 59, 60, 61, 1440, 2880, 20160)))
        moment = NOON + offset * chance.choice((1, -1))
        rows.append(
            (
                chance.choice(UUIDS if id_type == "uuid" else (*IDS, None)),
                chance.choice(("pending", "failed", "FAILED", "held", "archived", "", None)),
                chance.choice(ERRORS),
                chance.choice((*NUMBERS[number], None)),
                chance.choice((*FLAGS[flag], None)),
                chance.choice((moment.isoformat(), None)),
                document,
            )
        )
    return rows


async def fill(session: Session, shape: Shape) -> None:
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in zip(NAMES, shape.types, strict=True))
    casts = ", ".join(
        f"${place}::text::timestamptz AT TIME ZONE 'UTC'"
        if type_.startswith("timestamp without")
        else f"${place}::text::{type_}"
        for place, type_ in enumerate(shape.types, 1)
    )
    await session.connection.execute(
        f"CREATE TABLE {shape.table} (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {columns})"
    )
    await session.connection.executemany(
        f"INSERT INTO {shape.table} ({', '.join(quoted(name) for name in NAMES)}) VALUES ({casts})",
        rows_for(shape, random.Random(7)),
    )


def quoted(name: str) -> str:
    return f'"{name}"'


def expressions() -> dict[str, str]:
    return {name: f'q."{name}"' for name in NAMES}


async def stored(session: Session, shape: Shape) -> dict[int, dict[str, object]]:
    """Every row as `Filter.matches` takes it."""
    moment = '"createdAt"::timestamptz' if shape is TEXTUAL else '"createdAt"'
    columns = ", ".join(
        moment if name == "createdAt" else f"{quoted(name)}::text" for name in NAMES
    )
    records = await session.connection.fetch(f"SELECT n, {columns} FROM {shape.table} ORDER BY n")
    return {record[0]: dict(zip(NAMES, record[1:], strict=True)) for record in records}


@dataclass(frozen=True, slots=True, repr=False)
class Tables:
    session: Session
    rows: dict[str, dict[int, dict[str, object]]]

    async def found(self, wanted: Filter, shape: Shape) -> list[int]:
        sql, values = compile_filter(
            wanted, expressions(), 1, type_of=shape.type_of, server_version=18
        )
        records = await self.session.connection.fetch(shape.select(sql), *values)
        return [record["n"] for record in records]

    def expected(self, wanted: Filter, shape: Shape, now: datetime) -> list[int]:
        return [n for n, row in self.rows[shape.table].items() if matches(wanted, row, now)]


@pytest.fixture
async def tables(database: Database) -> AsyncIterator[Tables]:
    """One table of each shape, within one transaction, so that ``now()`` stands still."""
    async with database.session() as session:
        for shape in SHAPES:
            await fill(session, shape)
        rows = {shape.table: await stored(session, shape) for shape in SHAPES}
        yield Tables(session, rows)


TEXT_VALUES = """
failed FAILED pend* archived "" none any timeout Time* *out "none" "a*b" a*b 50%_\\ 50*\\ é "É é" *
"""
ID_VALUES = """
3fa85f64 3FA85F645717 3fa85f64-5717- 3fa85f64-57-17 dead DEAD* deadbeef00004000800000000000000f 42
3fa85f64-5717-4562-b3fc-2c963f66afa6 deadbeef-0000-4000-8000-00000000000f user123 user* "" none any
000000000000000000000000000000000
"""
NUMBER_VALUES = """
0 3 -3 2.5 7 2147483647 2147483648 9223372036854775808 99999999999999999999 100
"""
TIME_VALUES = """
today yesterday tomorrow now 12:00 11:59 2026 2026-11 2026-11-23 2026-11-23T12:00Z
2026-11-23T12:00:00.000001Z 1h 59m 2w +1h +1d 0s 100w
"""
PART_VALUES = """
42 42.0 4.2e1 41.5 1 true null none any "none" "" x* inside v "x y" key 2026-11-01 1e999 {*} a
"three times"
"""
PATHS = """
.a .b .b.c .list.0 .list.1 .list.-1 .list.1.k .list.99999999999 .0 .0.a ."c d".e .a.b .b.0 ." 1"
"""
ORDERINGS = ("<", "<=", ">", ">=")


def listed(samples: str) -> list[str]:
    """The samples; spaces between quotes do not part them."""
    return re.findall(r'(?:"[^"]*"|[^\s"])+', samples)


def choice(samples: str) -> st.SearchStrategy[str]:
    return st.sampled_from(listed(samples))


def condition(
    heads: st.SearchStrategy[str], operators: str, values: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    any_of = st.lists(values, min_size=1, max_size=3).map(",".join)
    return st.tuples(heads, st.sampled_from(operators.split()), any_of).map("".join)


def ordering(
    heads: st.SearchStrategy[str], values: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return st.tuples(heads, st.sampled_from(ORDERINGS), values).map("".join)


_texts, _parts = choice(TEXT_VALUES), choice(PART_VALUES)
_paths = choice(PATHS).map("context".__add__)
_numbers, _times = choice(NUMBER_VALUES), choice(TIME_VALUES)
_absence = st.sampled_from(("none", "any"))
TERMS = st.tuples(
    st.sampled_from(("", "", "-")),
    st.one_of(
        st.one_of(_texts, choice(ID_VALUES), st.text(max_size=3)),
        condition(st.sampled_from(("status", "error")), ": = ~ !=", _texts),
        condition(st.just("id"), ": = ~ !=", choice(ID_VALUES)),
        condition(st.just("attempts"), ":", _numbers | _absence),
        ordering(st.just("attempts"), _numbers),
        condition(st.just("active"), ": !=", st.sampled_from(("yes", "no")) | _absence),
        condition(st.just("createdAt"), ":", _times | _absence),
        ordering(st.just("createdAt"), _times),
        ordering(st.just("age"), st.sampled_from(("0s", "59m", "1h", "1d", "2w"))),
        condition(st.just("context"), ":", _absence),
        condition(st.just("context"), "~", _parts | _texts),
        condition(_paths, ": = ~ !=", _parts),
        ordering(_paths, _parts | _numbers),
    ),
).map("".join)


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(TERMS, min_size=1, max_size=2))
@example(texts=["!failed"])
@example(texts=["-status:failed,archived"])
async def test_the_database_finds_the_rows_that_match(tables: Tables, texts: list[str]) -> None:
    async with tables.session.transaction():
        now = await tables.session.connection.fetchval("SELECT now()")
        try:
            wanted = parse(" ".join(texts), VOCABULARY, now=NOON)
        except FilterError:
            return
        for shape in SHAPES:
            found = await tables.found(wanted, shape)
            assert found == tables.expected(wanted, shape, now), shape.table


SINGLE = (
    (("status", "error"), (":", "=", "~"), TEXT_VALUES),
    (("id",), (":", "=", "~"), ID_VALUES),
    (("attempts",), (":", *ORDERINGS), NUMBER_VALUES),
    (("createdAt",), (":", *ORDERINGS), TIME_VALUES),
    (("active", "context"), (":",), "none any"),
    (("",), ("",), TEXT_VALUES + ID_VALUES),
)


async def test_each_comparison_with_each_sample_finds_the_rows_that_match(tables: Tables) -> None:
    async with tables.session.transaction():
        now = await tables.session.connection.fetchval("SELECT now()")
        for heads, operators, samples in SINGLE:
            for written in itertools.product(heads, operators, listed(samples)):
                if written[1:] == ("~", '""') or written == ("", "", '""'):
                    continue
                wanted = parse("".join(written), VOCABULARY, now=NOON)
                for shape in SHAPES:
                    found = await tables.found(wanted, shape)
                    assert found == tables.expected(wanted, shape, now), (written, shape.table)


TELLING = """
failed id:3fa85f64 status:failed error~time attempts:>2 active:yes age:>1h createdAt:2026-11-23
context.a:42 context.b.c:inside context~42 error:none context.list.1.k:v context.a:>41
context.b.c:>2026-10 3fa85f64-57 error:*out
"""


async def test_every_kind_of_condition_tells_rows_apart(tables: Tables) -> None:
    """And its negation finds all the others, rows without a value among them."""
    for text in TELLING.split():
        sign = "-" if ":" in text or "~" in text else "!"
        for shape in SHAPES:
            everything = list(tables.rows[shape.table])
            found = await tables.found(parse(text, VOCABULARY, now=NOON), shape)
            others = await tables.found(parse(sign + text, VOCABULARY, now=NOON), shape)
            assert 0 < len(found) < len(everything), (text, shape.table)
            assert sorted(found + others) == everything, (text, shape.table)


HOSTILE = (
    *BROKEN,
    "[" * 25_000,
    '{"a":' * 20_000 + "1" + "}" * 20_000,
    json.dumps('{"a":' * 20_000 + "1" + "}" * 20_000),
    json.dumps("[" * 25_000),
    '{"a": "\\u0000"}',
    '{"a": 1e999999999}',
    '{"a": "infinity"}',
    '{"a": ' + "9" * 200_000 + "}",
    '"' * 1_000,
    "now",
    "infinity",
    "x" * 200_000,
)


async def test_no_stored_text_makes_a_filter_fail(tables: Tables) -> None:
    connection = tables.session.connection
    await connection.execute("TRUNCATE textual")
    await connection.executemany(
        'INSERT INTO textual (id, status, error, attempts, active, "createdAt", context) '
        "VALUES ($1::text, $1::text, $1::text, $1::text, $1::text, $1::text, $1::text)",
        [(text,) for text in HOSTILE],
    )
    await connection.execute("UPDATE documented SET \"createdAt\" = 'infinity' WHERE n % 2 = 0")
    await connection.execute("UPDATE documented SET \"createdAt\" = '-infinity' WHERE n % 3 = 0")
    await connection.execute(
        "UPDATE documented SET context = to_jsonb($1::text) WHERE n = 1", "[" * 25_000
    )
    await connection.execute(
        "UPDATE mixed SET context = $1::json WHERE n < 9", '{"a": "\\u0000", "b": 1e99999}'
    )
    for text in (
        "x attempts:>3 attempts:3.5 active:yes createdAt:today age:>1h",
        "context.a:1 context.a:>1 context.a:any context~a id:3fa8 context.b:>=1",
        "-attempts:>3 -active:yes -createdAt:today -age:>1h -context.a:1 -context.a:>x -id:3f",
    ):
        for term in text.split():
            wanted = parse(term, VOCABULARY, now=NOON)
            for shape in SHAPES:
                await tables.found(wanted, shape)


async def test_a_long_flat_document_is_read_and_a_deep_one_is_not(tables: Tables) -> None:
    connection = tables.session.connection
    flat = json.dumps({"a": "found", "rows": [{"cells": ["[", i]} for i in range(20_000)]})
    deep = '{"a": "found", "rows": ' + "[" * 8_000 + "]" * 8_000 + "}"
    await connection.execute("TRUNCATE textual RESTART IDENTITY")
    for document in (flat, json.dumps(flat), deep):
        await connection.execute("INSERT INTO textual (context) VALUES ($1)", document)
    wanted = parse("context.a:found", VOCABULARY, now=NOON)
    assert await tables.found(wanted, TEXTUAL) == [1, 2]


async def plan(tables: Tables, text: str) -> str:
    wanted = parse(text, VOCABULARY, now=NOON)
    sql, values = compile_filter(
        wanted,
        expressions(),
        1,
        type_of=DOCUMENTED.type_of,
        server_version=18,
        words_as_written=True,
    )
    records = await tables.session.connection.fetch(
        f"EXPLAIN (COSTS OFF) {DOCUMENTED.select(sql)}", *values
    )
    return "\n".join(record[0] for record in records)


INDEXES = """
CREATE INDEX by_id ON documented (id);
CREATE INDEX only_failed ON documented (n) WHERE status = 'failed';
CREATE INDEX by_error ON documented (error);
CREATE INDEX by_attempts ON documented (attempts);
CREATE INDEX only_active ON documented (n) WHERE active;
CREATE INDEX by_created ON documented ("createdAt");
ALTER TABLE documented DROP CONSTRAINT documented_pkey;
SET LOCAL enable_seqscan = off;
"""
SERVED = {
    f"id:{UUIDS[0]}": "by_id",
    f"id:{UUIDS[0]},{UUIDS[1]}": "by_id",
    "id:3fa85f64": "by_id",
    "status:failed": "only_failed",
    "status:failed,held error=x": "by_error",
    "attempts:>3": "by_attempts",
    "active:yes": "only_active",
    "createdAt:2026-11-01": "by_created",
    "age:>1h": "by_created",
}


async def test_conditions_are_served_by_plain_indexes(tables: Tables) -> None:
    async with tables.session.transaction():
        await tables.session.connection.execute(INDEXES)
        for text, index in SERVED.items():
            assert index in await plan(tables, text), text


async def test_parameters_follow_those_of_the_statement_around(tables: Tables) -> None:
    wanted = parse("failed attempts:>0 age:>1h", VOCABULARY, now=NOON)
    sql, values = compile_filter(
        wanted, expressions(), 3, type_of=DOCUMENTED.type_of, server_version=18
    )
    records = await tables.session.connection.fetch(
        f"{DOCUMENTED.select(sql)} LIMIT $1::int OFFSET $2::int", 1000, 0, *values
    )
    assert [record["n"] for record in records] == await tables.found(wanted, DOCUMENTED)


def compiled(text: str, *, server_version: int = 18, json_type: str = "jsonb") -> str:
    return compile_filter(
        parse(text, VOCABULARY, now=NOON),
        expressions(),
        1,
        type_of={**dict.fromkeys(NAMES, "text"), "context": json_type}.__getitem__,
        server_version=server_version,
    )[0]


def test_nothing_asked_is_true_and_a_missing_column_is_said() -> None:
    nothing = parse("", VOCABULARY, now=NOON)
    assert compile_filter(nothing, {}, 1, type_of=str, server_version=18) == ("true", [])
    with pytest.raises(MissingError, match="no column status"):
        compile_filter(
            parse("status:x", VOCABULARY, now=NOON), {}, 1, type_of=str, server_version=18
        )
    word, values = compile_filter(
        parse("x", VOCABULARY, now=NOON), {}, 1, type_of=str, server_version=18
    )
    assert (word, values) == ("(false)", [])


def test_an_older_server_is_not_asked_what_it_cannot_answer() -> None:
    assert "pg_input_is_valid" not in compiled("context.a:1 context~x error:x", server_version=15)
    with pytest.raises(FilterError, match=r"context~text"):
        compiled("context.a:1", server_version=15, json_type="text")
    with pytest.raises(FilterError, match="PostgreSQL 16"):
        compiled("createdAt:today", server_version=15)


def test_values_never_become_sql() -> None:
    hostile = "'; DROP TABLE users; -- {users} $9"
    for text in (f'"{hostile}"', f'error:"{hostile}"', f'context."{hostile}":"{hostile}"'):
        sql = compiled(text)
        assert "DROP" not in sql
        assert "{users}" not in sql
        assert "$9" not in sql
