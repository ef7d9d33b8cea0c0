"""People and their sessions: who, where, how long; signed out one by one, or all of a person's."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui import clock
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.accounts import LoginSession
from tests.cli.running import agentflow
from tests.console.driving import console, sees

NOW = clock.now()
TOKENS = {"access_token": "at-4711-live", "refresh_token": "rt-0815-live", "expires_at": 1}


def session(sub: str | None, **more: Any) -> dict[str, Any]:
    claims = {"sub": sub, "email": f"{sub}@dealer.test", "first_name": "Ann", "exp": 1}
    passport = {"passport": {"user": {"claims": claims, **TOKENS}}} if sub else {}
    ends = NOW + timedelta(days=1)
    cookie = {"path": "/", "expires": f"{ends:%Y-%m-%dT%H:%M:%S.000Z}"}
    return {"cookie": cookie, **passport, "deep": [{"id_token": "eyJ-live"}], **more}


async def add(
    database: Database, sid: str, sess: Any, expires: timedelta = timedelta(days=1)
) -> None:
    await database.execute(
        "INSERT INTO sessions (sid, sess, expire) VALUES ($1, $2::text::jsonb, $3)",
        sid, json.dumps(sess), NOW + expires,
    )  # fmt: skip


async def left(database: Database) -> set[str]:
    async with database.session() as opened:
        return {row["sid"] for row in await opened.connection.fetch("SELECT sid FROM sessions")}


def test_a_session_without_a_name_is_called_by_the_id_of_its_user() -> None:
    assert LoginSession("s1", None, user_id="user7").title == "user7"
    assert LoginSession("s1", None).title == ""


async def test_sessions_say_who_and_never_by_what(database: Database, tmp_path: Path) -> None:
    await add(database, "s1", session("ann", userAgent="Firefox on Linux"))
    await add(database, "s2", session(None))
    await add(database, "s3", "not an object")
    await add(database, "s4", {"cookie": {"expires": "2026-02-31T99:99:99Z"}, "passport": 7})
    done = await agentflow("list", "sessions", "--json", url=database.url, home=tmp_path)
    shown = [json.loads(line)["sess"] for line in done.stdout.splitlines()]
    (ann,) = (each for each in shown if each.get("user"))
    assert (ann["user"], ann["email"]) == ("ann", "ann@dealer.test")
    assert (ann["name"], ann["device"]) == ("Ann", "Firefox on Linux")
    for flags in (("list", "sessions"), ("list", "sessions", "--csv"), ("list", "sessions", "ann")):
        done = await agentflow(*flags, url=database.url, home=tmp_path)
        assert "ann@dealer.test" in done.stdout
        assert "live" not in done.stdout
    async with console(database.url, "sessions", size=(120, 24)) as pilot:
        await sees(pilot, "Ann  ann@dealer.test", "Firefox on Linux", "not signed in")
        await pilot.press("enter")
        await sees(pilot, "sess")
    async with console(database.url, "sessions", size=(120, 24)) as pilot:
        await sees(pilot, "ann@dealer.test")
        await pilot.press("slash", *"live", "enter")
        await sees(pilot, "No")


async def test_all_sessions_of_a_person_are_revoked(database: Database, tmp_path: Path) -> None:
    for sid, sub in (("a1", "ann"), ("a2", "ann"), ("b1", "bo")):
        await add(database, sid, session(sub))
    done = await agentflow(
        "revoke", "sessions", "--where", "userId:ann", "--yes", "--json",
        url=database.url, home=tmp_path,
    )  # fmt: skip
    assert json.loads(done.stdout)["applied"] == 2, done.stderr
    assert await left(database) == {"b1"}


@pytest.mark.parametrize(
    ("expires", "cookie", "stays"),
    [
        (timedelta(hours=-1), timedelta(hours=-1), False),
        (timedelta(hours=-6), timedelta(hours=1), True),  # written by a server five hours west
        (timedelta(hours=1), timedelta(hours=-6), True),  # has gone on since it was begun
        (timedelta(hours=-1), None, False),
    ],
)
async def test_a_session_is_purged_when_it_has_really_ended(
    database: Database,
    tmp_path: Path,
    expires: timedelta,
    cookie: timedelta | None,
    stays: bool,
) -> None:
    sess = session("ann")
    sess["cookie"] = {} if cookie is None else {"expires": f"{NOW + cookie:%Y-%m-%dT%H:%M:%SZ}"}
    await add(database, "s", sess, expires)
    await agentflow("purge", "sessions", "--all", "--yes", url=database.url, home=tmp_path)
    assert await left(database) == ({"s"} if stays else set())


async def test_a_person_shows_what_is_theirs_and_where_they_are_signed_in(
    database: Database,
) -> None:
    await database.execute("INSERT INTO users (id, email) VALUES ('ann', 'ann@dealer.test')")
    for _ in range(3):
        await database.execute(
            "INSERT INTO workflows (id, userid) VALUES (gen_random_uuid(), 'ann')"
        )
    await add(database, "s1", session("ann", userAgent="Firefox on Linux"))
    async with console(database.url, "users", size=(120, 24)) as pilot:
        await sees(pilot, "ann@dealer.test", "Flows", "3")
        await pilot.press("enter", "right_square_bracket")
        await sees(pilot, "Firefox on Linux")
