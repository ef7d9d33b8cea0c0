"""The embedded server lives as long as its users, whatever is killed."""

import os
import shutil
import subprocess
from pathlib import Path

import asyncpg
import pytest

from agentflow_tui.embedded import postgres
from agentflow_tui.embedded.account import account_for
from agentflow_tui.embedded.postgres import (
    find_binaries,
    keeper_pid,
    postmaster_pid,
    start,
)
from agentflow_tui.embedded.postmaster import postgres_processes, works_in
from agentflow_tui.errors import EmbeddedServerError
from tests.embedded.processes import (
    LINGER,
    end,
    kill,
    query,
    server_of,
    user,
)
from tests.stopping import stop_now
from tests.waiting import until_sync


async def test_url_serves_asyncpg_and_psql_whatever_the_environment_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPORT", "PGHOST", "PGDATABASE", "PGUSER", "PGOPTIONS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.delenv("PGOPTIONS")
    with start(home, linger=LINGER) as server:
        connection = await asyncpg.connect(server.url)
        assert await connection.fetchval("SELECT current_database()") == "agentflow"
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW listen_addresses") == ""
        await connection.close()
        assert query(server.url, "SELECT current_user") == "agentflow"


def test_running_server_is_joined_without_starting_any_process(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start(home, linger=LINGER) as first:
        pid = postmaster_pid(home)
        monkeypatch.setattr(subprocess, "Popen", None)
        with start(home) as second:
            assert second.url == first.url
            assert postmaster_pid(home) == pid


def test_processes_that_arrive_at_once_in_an_empty_home_share_one_server(fresh: Path) -> None:
    processes = [user(fresh) for _ in range(4)]
    assert len({server_of(process) for process in processes}) == 1
    end(*processes)
    until_sync(lambda: postmaster_pid(fresh) is None)


def test_server_ends_with_its_last_user_however_that_ends(home: Path) -> None:
    leaving, killed = user(home), user(home)
    pid = server_of(leaving)
    assert server_of(killed) == pid
    end(leaving)
    assert postmaster_pid(home) == pid
    killed.kill()
    end(killed)
    until_sync(lambda: pid not in postgres_processes())
    until_sync(lambda: keeper_pid(home) is None)


def test_child_of_a_user_does_not_hold_the_server(home: Path) -> None:
    server = start(home, linger=LINGER)
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    server.release()
    server.release()
    until_sync(lambda: postmaster_pid(home) is None)
    child.communicate()


def test_coming_and_going_within_the_linger_keeps_one_server(home: Path) -> None:
    pids = set()
    for _ in range(20):
        with start(home, linger=5):
            pids.add(postmaster_pid(home))
    assert len(pids) == 1


def test_arriving_while_the_server_stops_gives_a_server_that_answers(home: Path) -> None:
    for _ in range(6):
        with start(home, linger=0) as server:
            assert query(server.url, "SELECT 1") == "1"


async def test_foreign_client_holds_the_server_until_it_leaves(home: Path) -> None:
    asked = "SELECT sessions FROM pg_stat_database WHERE datname = 'postgres'"
    with start(home, linger=0) as server:
        client = await asyncpg.connect(server.url)
        before = await client.fetchval(asked)
    while await client.fetchval(asked) < before + 2:  # two looks of the keeper survived
        assert postmaster_pid(home)
    await client.close()
    until_sync(lambda: postmaster_pid(home) is None)


def test_killed_keeper_is_replaced_by_a_living_user_and_the_server_runs_on(home: Path) -> None:
    with start(home, linger=LINGER):
        server, keeper = postmaster_pid(home), keeper_pid(home)
        kill(keeper)
        until_sync(lambda: keeper_pid(home) != keeper)
        with start(home):
            assert postmaster_pid(home) == server
    until_sync(lambda: postmaster_pid(home) is None)


def test_server_whose_keeper_and_users_were_killed_is_adopted_by_the_next(home: Path) -> None:
    process = user(home)
    pid = server_of(process)
    process.kill()
    kill(keeper_pid(home))
    end(process)
    with start(home, linger=LINGER):
        assert postmaster_pid(home) == pid
    until_sync(lambda: pid not in postgres_processes())


def test_killed_server_is_restarted_under_its_users_despite_a_busy_orphan(home: Path) -> None:
    busy = "SELECT count(*) FROM generate_series(1, 1000000000) AS busy"
    with start(home, linger=LINGER) as server:
        query(server.url, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
        psql = [str(find_binaries() / "psql"), "-Xwq", server.url, "-c", busy]
        client = subprocess.Popen(psql, stderr=subprocess.DEVNULL)
        seen = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%busy' AND pid <> "
        until_sync(lambda: query(server.url, seen + "pg_backend_pid()") == "1")
        before = postmaster_pid(home)
        kill(before)
        until_sync(lambda: postmaster_pid(home) not in (None, before))
        with start(home):
            assert query(server.url, "SELECT answer FROM kept") == "42"
        client.wait()


def test_server_and_keeper_killed_together_come_back_under_their_users(home: Path) -> None:
    with start(home, linger=LINGER):
        before = postmaster_pid(home)
        kill(keeper_pid(home))
        kill(before)
        until_sync(lambda: postmaster_pid(home) not in (None, before))
    until_sync(lambda: postmaster_pid(home) is None)


def test_stale_lock_file_whose_process_id_lives_on_as_something_else_is_seen_through(
    home: Path,
) -> None:
    with start(home, linger=LINGER):
        lock = home / "postgres" / "postmaster.pid"
        account = account_for(home)
        stranger = subprocess.Popen(["cat"], stdin=subprocess.PIPE, user=account.uid)
        content = lock.read_text().replace(str(postmaster_pid(home)), str(stranger.pid), 1)
        stop_now(home, "immediate")
        lock.write_text(content)
        os.chown(lock, account.uid, account.gid)
        with start(home) as server:
            assert query(server.url, "SELECT 1") == "1"
        assert stranger.poll() is None
        stranger.communicate()


@pytest.mark.parametrize("victims", ["starter", "keeper", "both"])
def test_creation_killed_half_way_is_done_again(fresh: Path, victims: str) -> None:
    process = user(fresh)
    until_sync(lambda: list(fresh.glob("postgres.new-*/PG_VERSION")))
    if victims != "keeper":
        process.kill()
    if victims != "starter":
        kill(keeper_pid(fresh))
    with start(fresh, linger=LINGER) as server:
        assert query(server.url, "SELECT 1") == "1"
        if victims == "keeper":
            assert server_of(process) == postmaster_pid(fresh)
        assert not list(fresh.glob("postgres.new-*"))
    end(process)
    until_sync(lambda: postmaster_pid(fresh) is None)


def test_stop_now_is_not_undone_by_users_and_the_next_start_recovers(home: Path) -> None:
    with start(home, linger=LINGER):
        query_ready = start(home)
        stop_now(home, "immediate")
        assert postmaster_pid(home) is None
        assert keeper_pid(home) is None
        query_ready.release()
        with start(home) as again:
            assert query(again.url, "SELECT 1") == "1"
            stop_now(home)
            assert postmaster_pid(home) is None


def is_removed(home: Path) -> bool:
    """Remove a home; its server may be removing the same files."""
    shutil.rmtree(home, ignore_errors=True)
    return not home.exists()


def test_removed_home_takes_its_server_along(copy: Path) -> None:
    with start(copy, linger=0):
        pid = postmaster_pid(copy)
        until_sync(lambda: is_removed(copy))
    assert pid
    until_sync(lambda: pid not in postgres_processes())


def test_nothing_of_a_stopped_server_remains(home: Path) -> None:
    def processes() -> list[int]:
        return [pid for pid in postgres_processes() if works_in(pid, f"{home}/postgres")]

    with start(home, linger=LINGER):
        assert processes()
    until_sync(lambda: not processes() and keeper_pid(home) is None)
    assert not list((home / "run").iterdir())


def test_log_is_bounded(home: Path) -> None:
    with start(home, linger=0), (home / "postgres.log").open("a") as log:
        log.write("x" * 5_000_000)
    until_sync(lambda: keeper_pid(home) is None)
    assert (home / "postgres.log").stat().st_size < 100_000


def test_keeper_ending_in_its_start_is_reported(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "RUN_KEEPER", "pass")
    with pytest.raises(EmbeddedServerError, match=r"keeper .* ends while it starts"):
        start(home)
