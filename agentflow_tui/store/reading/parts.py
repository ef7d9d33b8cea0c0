"""What lists show of a secret: a part that opens nothing, worked out by the database, so that the
rest never leaves it."""

from collections.abc import Mapping

from agentflow_tui.schema import Column, Table

SESSION_USER = "(to_jsonb({q.sessions.sess}) #>> ARRAY['passport', 'user', 'claims', 'sub'])"
SESSION_EMAIL = "(to_jsonb({q.sessions.sess}) #>> ARRAY['passport', 'user', 'claims', 'email'])"
SESSION_NAME = """nullif(concat_ws(' ',
    to_jsonb({q.sessions.sess}) #>> ARRAY['passport', 'user', 'claims', 'first_name'],
    to_jsonb({q.sessions.sess}) #>> ARRAY['passport', 'user', 'claims', 'last_name']), '')"""
SESSION_DEVICE = """left(coalesce(to_jsonb({q.sessions.sess}) ->> 'userAgent',
    to_jsonb({q.sessions.sess}) ->> 'user_agent',
    to_jsonb({q.sessions.sess}) #>> ARRAY['device', 'name'],
    CASE jsonb_typeof(to_jsonb({q.sessions.sess}) -> 'device')
      WHEN 'string' THEN to_jsonb({q.sessions.sess}) ->> 'device' END), 200)"""

_COOKIE = "(to_jsonb({q.sessions.sess}) #>> ARRAY['cookie', 'expires'])"
_COOKIE_ENDS = f"""CASE WHEN {_COOKIE} ~ ('^[12][0-9][0-9][0-9]-(0[1-9]|1[0-2])-[0-3][0-9]'
      || 'T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?Z$')
    THEN make_timestamptz(substr({_COOKIE}, 1, 4)::int, substr({_COOKIE}, 6, 2)::int, 1, 0, 0, 0,
           'UTC') + make_interval(days => substr({_COOKIE}, 9, 2)::int - 1,
           hours => substr({_COOKIE}, 12, 2)::int, mins => substr({_COOKIE}, 15, 2)::int,
           secs => substr({_COOKIE}, 18, 2)::int) END"""

SESSION_ENDS = f"greatest({{q.sessions.expire}}::timestamptz, {_COOKIE_ENDS})"
"""When a sign-in really ends. ``expire`` is written through the time zone of AgentFlow's server,
the cookie's time in UTC, but not again when a session goes on: the later one of both holds."""

_FACTS = f"""(CASE WHEN {{q.sessions.sess}} IS NOT NULL THEN json_strip_nulls(json_build_object(
    'email', {SESSION_EMAIL}, 'name', {SESSION_NAME}, 'user', {SESSION_USER},
    'device', {SESSION_DEVICE}, 'ends', {SESSION_ENDS})) END)::text"""


def part(table: Table, column: Column) -> str:
    """SQL for what is shown of a secret under the alias ``q``."""
    return _PARTS.get(f"{table.name}.{column.name}") or _ends(f"{table.name}.{column.name}")


_PARTS: Mapping[str, str] = {"sessions.sess": _FACTS}


def _ends(column: str) -> str:
    """The first and the last four characters; stars where that would be all of it."""
    value = f"{{q.{column}}}::text"
    return (
        f"(CASE WHEN length({value}) > 8 THEN left({value}, 4) || '…' || right({value}, 4) "
        f"WHEN {value} <> '' THEN '****' END)"
    )
