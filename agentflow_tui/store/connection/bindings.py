"""The names under which a database has the documented tables and columns.

Databases in the field differ (``user_id``, ``"userId"``, ``userid``), so one catalogue query on
connecting binds every documented name to a physical one, and SQL is written with documented names
only. Templates know five forms:

====================================  =============================================================
``{email_queue}``                     the table; `MissingError` where the database has none
``{email_queue?}``                    the table, or an empty stand-in where the database has none
``{email_queue.lastAttempt}``         the bare column, for ``SET`` and ``WHERE``; alias in front
``{q.email_queue.lastAttempt}``       its value under the alias ``q``; NULL where the column lacks
``{email_queue.lastAttempt:type}``    its physical type, for casts
====================================  =============================================================
"""

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import field, fields
from typing import Any, TypeVar

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import MissingError
from agentflow_tui.patterns import pattern
from agentflow_tui.schema import TABLES, Column, Table, snake, spelling

T = TypeVar("T")

CATALOGUE = """
SELECT pg_is_in_recovery() AS standby,
       current_setting('server_version_num')::int / 10000 AS version,
       current_setting('transaction_read_only')::bool AS closed, x.*
  FROM (SELECT) one LEFT JOIN (
SELECT array_position(current_schemas(false), n.nspname) AS place,
       n.nspname, c.relname, c.oid::int8 AS oid, greatest(c.reltuples, 0)::float8 AS reltuples,
       has_table_privilege(c.oid, 'SELECT') AS readable,
       c.relrowsecurity AND row_security_active(c.oid) AND NOT EXISTS (
           SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*')
              AND (p.polroles = '{0}' OR EXISTS (SELECT FROM unnest(p.polroles) r
                                                  WHERE pg_has_role(r, 'USAGE')))) AS hidden,
       has_any_column_privilege(c.oid, CASE lower(replace(c.relname, '_', ''))
                                       WHEN 'tasklogs' THEN 'INSERT' ELSE 'UPDATE' END) AS writable,
       a.attnum, a.attname, format_type(a.atttypid, NULL) AS type,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '' AS required,
       EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                 JOIN pg_am m ON m.oid = x.relam
                WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND m.amname = 'btree'
                  AND i.indpred IS NULL AND i.indisvalid) AS indexed,
       ARRAY(SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
              WHERE i.indrelid = c.oid AND i.indisvalid) AS indexes
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE n.nspname = ANY(current_schemas(false))
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND lower(replace(c.relname, '_', '')) = ANY($1::text[])) x ON true
 ORDER BY x.place, x.relname, x.attnum
"""
"""At least one row, for whether the server takes writes. ``writable`` is whether rows can be
changed, and in the journal whether any can be added: what is done to rows is written there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow:
    """One physical column, as `CATALOGUE` reports it."""

    nspname: str
    relname: str
    oid: int
    reltuples: float
    readable: bool
    hidden: bool
    writable: bool
    attname: str
    type: str
    required: bool
    indexed: bool
    indexes: tuple[str, ...]

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "CatalogueRow | None":
        """A record of `CATALOGUE`; None for the one of a database without any of the tables."""
        if record["relname"] is None:
            return None
        values = {column.name: record[column.name] for column in fields(cls)}
        return cls(**{**values, "indexes": tuple(record["indexes"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundColumn:
    """A documented column where it is. ``sql`` is its quoted name; ``indexed``: rows are found by
    its value, and read in its order, without a scan; ``required``: an INSERT must give it one."""

    column: Column
    sql: str
    type: str
    indexed: bool = False
    required: bool = False

    def value(self, expression: str) -> str:
        """An SQL expression as a value of this column, neutral where it is NULL and may not be."""
        cast = f"{expression}::{self.type}"
        if not self.required or self.column.primary_key:  # whoever gives a key means it
            return cast
        return f"coalesce({cast}, {neutral(self.type)}::{self.type})"


LARGE = 50_000
"""Rows from which on a table is only read in ways that an index serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundTable:
    """A documented table where it is, or an empty stand-in for one that is not (``oid`` None).

    ``rows`` is the planner's estimate, ``is_large`` whether it is more than `LARGE`. ``hidden``:
    row level security has no policy by which this role sees a row. ``fillers`` are further columns
    that an INSERT must give a value: quoted name and a neutral literal of the column's type.
    """

    table: Table
    sql: str
    oid: int | None
    columns: dict[str, BoundColumn]
    rows: float = field(default=0.0, compare=False)
    readable: bool = True
    hidden: bool = False
    writable: bool = True
    indexes: frozenset[str] = frozenset()
    fillers: tuple[tuple[str, str], ...] = ()
    is_large: bool = False
    further: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def missing_columns(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.table.columns if c.name not in self.columns)


_KEYS = ("uuid", "text", "char")
"""How the types of keys begin that are texts in Python."""

_PLACE = pattern(r"\{(?:(\w+)\.)?(\w+)(?:\.(\w+))?(\?)?(:type)?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Every documented table, bound to one database."""

    tables: dict[str, BoundTable]
    server_version: int = 18
    """PostgreSQL's major version."""
    _rendered: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _cache: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def has(self, table: str, *columns: str) -> bool:
        """Whether the database has this table with all these columns."""
        bound = self.tables[table]
        return bound.oid is not None and all(name in bound.columns for name in columns)

    def problems(self) -> list[str]:
        """A sentence for each table or column that is missing or unreadable, to be said once."""
        sentences = []
        for bound in self.tables.values():
            if bound.oid is None:
                sentences.append(f"this database has no table {bound.table.name}")
            elif bound.missing_columns:
                names = ", ".join(bound.missing_columns)
                sentences.append(f"{bound.table.name} has no {names}")
            if bound.hidden:
                sentences.append(
                    f"row level security hides every row of {bound.table.name} from this role: "
                    "no policy lets it read one"
                )
            if not bound.readable:
                sentences.append(
                    f"this role may not read {bound.table.name}: "
                    f"GRANT SELECT ON {bound.sql} TO it, or use another role"
                )
        return sentences

    def unworkable(self) -> list[str]:
        """What of this database workers cannot work with, a few words each: keys of a type that
        they do not write. Lists show such rows all the same."""
        found = []
        for name in ("workflows", "schedules", "email_queue", "emails", "health_checks"):
            bound = self.tables[name]
            key = bound.columns.get(bound.table.primary_key.name)
            if bound.oid is not None and key is not None and not key.type.startswith(_KEYS):
                found.append(f"{name}.{key.column.name} is {key.type}")
        return found

    def cached(self, make: Callable[..., T], **options: Hashable) -> T:
        """The result of ``make``, called once with the binding and these ``options``."""
        key = (make, *options.items())
        if key not in self._cache:
            self._cache[key] = make(self, **options)
        found: T = self._cache[key]
        return found

    def render(self, template: str) -> str:
        """SQL for this database.

        Raises `MissingError` when the template needs a table or column that is not there.
        """
        known = self._rendered.get(template)
        if known is None:
            if len(self._rendered) > 2000:
                self._rendered.clear()
            known = self._rendered[template] = _PLACE.sub(self._place, template)
        return known

    def _place(self, match: re.Match[str]) -> str:
        first, second, third, optional, as_type = match.groups()
        if third is not None:
            return self._value(first, second, third)
        if first is not None:
            bound = self._column(first, second)
            return bound.type if as_type else bound.sql
        if second not in self.tables:
            raise KeyError(f"no documented table is called {second!r}")
        table = self.tables[second]
        if table.oid is None and not optional:
            raise MissingError(
                f"This database has no table {second}. "
                "Check the search_path, or make it with 'agentflow db init'."
            )
        return table.sql

    def _column(self, table: str, name: str) -> BoundColumn:
        bound = self.tables[table]
        if name in bound.columns:
            return bound.columns[name]
        if name not in bound.table.by_name:
            raise KeyError(f"{table} documents no column {name!r}")
        raise MissingError(f"{table} has no column {name} in this database.")

    def neutral_values(self, table: str, given: Collection[str]) -> list[tuple[str, str]]:
        """Quoted name and neutral literal of the columns that an INSERT must give a value, besides
        the documented ones that it has ``given``."""
        bound = self.tables[table]
        documented = [
            (column.sql, neutral(column.type))
            for name, column in bound.columns.items()
            if column.required and name not in given
        ]
        return [*documented, *bound.fillers]

    def _value(self, alias: str, table: str, name: str) -> str:
        bound = self.tables[table]
        if name not in bound.columns:
            return f"NULL::{bound.table.by_name[name].type}"
        if (table, name) == ("schedules", "active"):
            return self._active(alias, bound)
        if (table, name) == ("insights", "score"):
            return self._score(alias, bound)
        return f"{alias}.{bound.columns[name].sql}"

    @staticmethod
    def _active(alias: str, schedules: BoundTable) -> str:
        """Whether a schedule is on: where it has a status beside, ``paused`` counts, too."""
        active = f"{alias}.{schedules.columns['active'].sql}"
        if "status" not in schedules.columns:
            return active
        status = f"{alias}.{schedules.columns['status'].sql}"
        return f"({active} AND {status}::text IS DISTINCT FROM 'paused')"

    @staticmethod
    def _score(alias: str, insights: BoundTable) -> str:
        """A score of 0 to 100. Where the column takes fractions, AgentFlow writes scores of 0 to 1
        and of 0 to 10 as well, and -1 where it could not score."""
        score = insights.columns["score"]
        value = f"{alias}.{score.sql}"
        if score.type in ("integer", "bigint", "smallint"):
            return value
        return (
            f"(CASE WHEN {value} < 0 THEN NULL WHEN {value} <= 1 THEN {value} * 100 "
            f"WHEN {value} <= 10 THEN {value} * 10 ELSE {value} END)::int"
        )


def quoted(identifier: str) -> str:
    """An SQL identifier, quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def bind(rows: Iterable[CatalogueRow], server_version: int = 18) -> Binding:
    """Find each documented table and column among the physical ones.

    Of several candidates the first schema on the search path wins, then snake_case, then the
    document's own spelling, then any other.
    """
    physical: dict[str, dict[tuple[str, str], list[CatalogueRow]]] = {}
    for row in rows:
        candidates = physical.setdefault(spelling(row.relname), {})
        candidates.setdefault((row.nspname, row.relname), []).append(row)
    return Binding(
        tables={
            table.name: _bind_table(table, physical.get(spelling(table.name), {}))
            for table in TABLES.values()
        },
        server_version=server_version,
    )


def _bind_table(table: Table, candidates: dict[tuple[str, str], list[CatalogueRow]]) -> BoundTable:
    if not candidates:
        return _stand_in(table)
    schemas = list(dict.fromkeys(schema for schema, _ in candidates))

    def rank(candidate: tuple[str, str]) -> tuple[int, int]:
        schema, name = candidate
        return schemas.index(schema), _rank(name, (table.name, table.document_name))

    chosen = candidates[min(candidates, key=rank)]
    names = {row.attname: row for row in chosen}
    columns = {}
    for column in (*table.columns, *table.met):
        found = _find_column(column, names)
        if found is not None:
            del names[found.attname]  # one that stands in for another is not there for itself
            columns[column.name] = BoundColumn(
                column=column,
                sql=quoted(found.attname),
                type=found.type,
                indexed=found.indexed,
                required=found.required,
            )
    taken = {bound.sql for bound in columns.values()}
    head = chosen[0]
    return BoundTable(
        table=table,
        sql=f"{quoted(head.nspname)}.{quoted(head.relname)}",
        oid=head.oid,
        columns=columns,
        rows=head.reltuples,
        is_large=head.reltuples > LARGE,
        readable=head.readable,
        hidden=head.hidden,
        writable=head.writable,
        indexes=frozenset(head.indexes),
        fillers=tuple(
            (quoted(row.attname), neutral(row.type))
            for row in chosen
            if row.required and quoted(row.attname) not in taken
        ),
        further={
            spelling(row.attname): (quoted(row.attname), row.type)
            for row in chosen
            if quoted(row.attname) not in taken
        },
    )


def _find_column(column: Column, names: dict[str, CatalogueRow]) -> CatalogueRow | None:
    for wanted in (column.name, *column.also):
        matching = [name for name in names if spelling(name) == spelling(wanted)]
        if matching:
            best = min(matching, key=lambda name: _rank(name, (snake(wanted), wanted)))
            return names[best]
    return None


def _rank(name: str, preferred: tuple[str, ...]) -> int:
    return preferred.index(name) if name in preferred else len(preferred)


def _stand_in(table: Table) -> BoundTable:
    columns = {
        column.name: BoundColumn(column=column, sql=quoted(column.name), type=column.type)
        for column in table.columns
    }
    nothing = ", ".join(f"NULL::{c.type} AS {c.sql}" for c in columns.values())
    return BoundTable(table=table, sql=f"(SELECT {nothing} WHERE false)", oid=None, columns=columns)


_NEUTRAL = (
    (("timestamp", "date"), "now()"),
    (("int", "numeric", "double", "real", "bigint", "smallint"), "0"),
    (("bool",), "false"),
    (("json",), "'{}'"),
    (("uuid",), "gen_random_uuid()"),
    (("interval",), "'0'"),
)


def neutral(type_: str) -> str:
    """A neutral SQL literal of a type, for a column that nothing is known about."""
    if type_.endswith("[]"):
        return "'{}'"
    return next(
        (value for starts, value in _NEUTRAL if type_.startswith(starts)),
        "''",
    )
