"""The embedded server on the real thing: real processes, real signals, real clusters."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from agentflow_tui.errors import EmbeddedServerError
from agentflow_tui.store import embedded, server_account
from agentflow_tui.store.embedded import (
    default_home,
    find_binaries,
    keeper_pid,
    postmaster_pid,
    start,
    stop_now,
)
from agentflow_tui.store.postmaster import postgres_processes, works_in
from agentflow_tui.store.server_account import Account, account_for, command_prefix, entry_of

IS_ROOT = os.geteuid() == 0
LINGER = 0.1
USER = """
import sys
from pathlib import Path
from agentflow_tui.store.embedded import postmaster_pid, start
from agentflow_tui.errors import EmbeddedServerError
try:
    server = start(Path(sys.argv[1]), linger=float(sys.argv[2]))
except EmbeddedServerError as error:
    sys.exit(str(error))
print(postmaster_pid(server.home), flush=True)
sys.stdin.read()
"""
Process = subprocess.Popen[str]


def until(is_so: Callable[[], object]) -> None:
    """Wait for something to become true."""
    give_up = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)


def user(home: Path, *prefix: str) -> Process:
    """A process that uses the server until its standard input ends."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", USER, str(home), str(LINGER)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip


def server_of(process: Process) -> int:
    """Which postmaster that process uses; waits until it has one."""
    assert process.stdout
    return int(process.stdout.readline())


def end(*processes: Process) -> None:
    for process in processes:
        process.communicate()


def query(url: str, statement: str) -> str:
    psql = [str(find_binaries() / "psql"), "-XAtwq", "-v", "ON_ERROR_STOP=1", url, "-c", statement]
    return subprocess.run(psql, capture_output=True, text=True, check=True).stdout.strip()


def kill(pid: int | None) -> None:
    assert pid
    os.kill(pid, signal.SIGKILL)


def tidy(home: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        stop_now(home, "immediate")
    shutil.rmtree(home, ignore_errors=True)


@contextmanager
def new_home() -> Iterator[Path]:
    """A home that does not exist yet, below a directory that every account can enter."""
    with tempfile.TemporaryDirectory(prefix="agentflow-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory) / "home"
        tidy(Path(directory) / "home")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A home whose cluster was made once for all tests here."""
    with new_home() as home:
        start(home, linger=0).release()
        until(lambda: keeper_pid(home) is None)
        yield home


@pytest.fixture
def home(cluster: Path) -> Iterator[Path]:
    """That home, with nothing running."""
    yield cluster
    stop_now(cluster, "immediate")


@pytest.fixture
def fresh() -> Iterator[Path]:
    with new_home() as home:
        yield home


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
    until(lambda: postmaster_pid(fresh) is None)


def test_server_ends_with_its_last_user_however_that_ends(home: Path) -> None:
    leaving, killed = user(home), user(home)
    pid = server_of(leaving)
    assert server_of(killed) == pid
    end(leaving)
    assert postmaster_pid(home) == pid
    killed.kill()
    end(killed)
    until(lambda: pid not in postgres_processes())
    until(lambda: keeper_pid(home) is None)


def test_child_of_a_user_does_not_hold_the_server(home: Path) -> None:
    server = start(home, linger=LINGER)
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    server.release()
    server.release()
    until(lambda: postmaster_pid(home) is None)
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
    until(lambda: postmaster_pid(home) is None)


def test_killed_keeper_is_replaced_by_a_living_user_and_the_server_runs_on(home: Path) -> None:
    with start(home, linger=LINGER):
        server, keeper = postmaster_pid(home), keeper_pid(home)
        kill(keeper)
        until(lambda: keeper_pid(home) != keeper)
        with start(home):
            assert postmaster_pid(home) == server
    until(lambda: postmaster_pid(home) is None)


def test_server_whose_keeper_and_users_were_killed_is_adopted_by_the_next(home: Path) -> None:
    process = user(home)
    pid = server_of(process)
    process.kill()
    kill(keeper_pid(home))
    end(process)
    with start(home, linger=LINGER):
        assert postmaster_pid(home) == pid
    until(lambda: pid not in postgres_processes())


def test_killed_server_is_restarted_under_its_users_despite_a_busy_orphan(home: Path) -> None:
    busy = "SELECT count(*) FROM generate_series(1, 1000000000) AS busy"
    with start(home, linger=LINGER) as server:
        query(server.url, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
        psql = [str(find_binaries() / "psql"), "-Xwq", server.url, "-c", busy]
        client = subprocess.Popen(psql, stderr=subprocess.DEVNULL)
        seen = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%busy' AND pid <> "
        until(lambda: query(server.url, seen + "pg_backend_pid()") == "1")
        before = postmaster_pid(home)
        kill(before)
        until(lambda: postmaster_pid(home) not in (None, before))
        with start(home):
            assert query(server.url, "SELECT answer FROM kept") == "42"
        client.wait()


def test_server_and_keeper_killed_together_come_back_under_their_users(home: Path) -> None:
    with start(home, linger=LINGER):
        before = postmaster_pid(home)
        kill(keeper_pid(home))
        kill(before)
        until(lambda: postmaster_pid(home) not in (None, before))
    until(lambda: postmaster_pid(home) is None)


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
    until(lambda: list(fresh.glob("postgres.new-*/PG_VERSION")))
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
    until(lambda: postmaster_pid(fresh) is None)


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


def test_removed_home_takes_its_server_along(fresh: Path) -> None:
    with start(fresh, linger=0):
        pid = postmaster_pid(fresh)
        shutil.rmtree(fresh)
    assert pid
    until(lambda: pid not in postgres_processes())


def test_log_is_bounded(home: Path) -> None:
    with start(home, linger=0), (home / "postgres.log").open("a") as log:
        log.write("x" * 5_000_000)
    until(lambda: keeper_pid(home) is None)
    assert (home / "postgres.log").stat().st_size < 100_000


@pytest.mark.parametrize("name", ["long" * 40, "odd, 'quoted' \"é%20$(x)&?#"])
def test_home_whose_path_no_socket_could_have_gets_a_short_private_one(
    cluster: Path, name: str
) -> None:
    home = cluster.parent / name
    shutil.copytree(cluster, home, ignore=shutil.ignore_patterns("users.fifo", "run"))
    for path in (home / "postgres", *(home / "postgres").rglob("*")):
        os.chown(path, (cluster / "postgres").stat().st_uid, -1)
    with start(home, linger=LINGER) as server:
        sockets = Path(query(server.url, "SHOW unix_socket_directories").strip('"'))
        assert query(server.url, "SELECT current_database()") == "agentflow"
        assert sockets.stat().st_mode & 0o077 == 0
        assert str(home) not in str(sockets)
    tidy(home)
    sockets.rmdir()


def test_socket_directory_that_others_can_enter_is_refused(home: Path) -> None:
    (home / "run").chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="nobody else can enter"):
        start(home)
    (home / "run").chmod(0o700)


def test_cluster_of_another_major_version_is_left_untouched(home: Path) -> None:
    version = home / "postgres" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("15\n")
    before = sorted((home / "postgres").rglob("*"))
    with pytest.raises(EmbeddedServerError, match=r"made by PostgreSQL 15 .* left untouched"):
        start(home)
    assert sorted((home / "postgres").rglob("*")) == before
    version.write_text(ours)


def test_directory_that_is_no_cluster_is_left_untouched(fresh: Path) -> None:
    (fresh / "postgres").mkdir(parents=True)
    (fresh / "postgres" / "letter").write_text("dear")
    with pytest.raises(EmbeddedServerError, match="no PostgreSQL cluster"):
        start(fresh)
    assert (fresh / "postgres" / "letter").read_text() == "dear"


def test_damaged_cluster_is_explained_in_its_own_words_and_recovers_when_mended(
    home: Path,
) -> None:
    control = home / "postgres" / "global" / "pg_control"
    control.rename(home / "pg_control")
    try:
        with pytest.raises(EmbeddedServerError, match=r"could not find .* system.*postgres\.log"):
            start(home)
    finally:
        (home / "pg_control").rename(control)
    with start(home, linger=LINGER) as server:
        assert query(server.url, "SELECT 1") == "1"


def test_home_that_cannot_be_made_is_explained(fresh: Path) -> None:
    fresh.write_text("a file")
    with pytest.raises(EmbeddedServerError, match=r"Not a directory.*AGENTFLOW_HOME"):
        start(fresh / "home")
    with pytest.raises(EmbeddedServerError, match="unprintable"):
        start(fresh.parent / "new\nline")


def test_default_home_is_the_setting_else_the_xdg_data_directory() -> None:
    assert default_home({"AGENTFLOW_HOME": "/srv/a", "HOME": "/h"}) == Path("/srv/a")
    assert default_home({"XDG_DATA_HOME": "/x", "HOME": "/h"}) == Path("/x/agentflow")
    relative = {"XDG_DATA_HOME": "x", "HOME": "/h"}
    assert default_home(relative) == Path("/h/.local/share/agentflow")
    assert default_home({}) == Path.home() / ".local/share/agentflow"


def test_nothing_of_a_stopped_server_remains(home: Path) -> None:
    with start(home, linger=LINGER):
        assert [pid for pid in postgres_processes() if works_in(pid, f"{home}/postgres")]
    until(lambda: postmaster_pid(home) is None)
    assert not [pid for pid in postgres_processes() if works_in(pid, f"{home}/postgres")]


def test_account_that_cannot_get_there_is_told_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    stranger = Account("stranger", 4242, 4242)
    monkeypatch.setattr(server_account, "has_capability", lambda number: number == 1)
    assert "--ambient-caps=-all,+dac_override" in command_prefix(
        stranger, tmp_path, find_binaries()
    )
    monkeypatch.setattr(server_account, "has_capability", lambda _number: False)
    with pytest.raises(EmbeddedServerError, match=r"stranger.*cannot enter /.*AGENTFLOW_HOME"):
        command_prefix(stranger, tmp_path, find_binaries())


if IS_ROOT:

    def test_root_keeps_a_home_that_no_other_account_can_enter(
        fresh: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fresh.parent.chmod(0o700)
        for capability in (1, 2):
            monkeypatch.setattr(server_account, "has_capability", capability.__eq__)
            with start(fresh, linger=0) as server:
                assert query(server.url, "SELECT 1") == "1"
                assert (fresh / "postgres").stat().st_uid != 0
            until(lambda: keeper_pid(fresh) is None)
        assert fresh.parent.stat().st_mode & 0o777 == 0o700

    def test_another_user_has_a_server_of_its_own_which_root_may_share(fresh: Path) -> None:
        nobody = entry_of("nobody")
        assert nobody
        account = Account("nobody", nobody.pw_uid, nobody.pw_gid)
        fresh.mkdir()
        os.chown(fresh, account.uid, account.gid)
        plain = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        prefix = command_prefix(account, Path(sys.base_prefix), find_binaries()) or plain
        process = user(fresh, *prefix)
        pid = server_of(process)
        assert Path(f"/proc/{pid}").stat().st_uid == account.uid
        with start(fresh):
            assert postmaster_pid(fresh) == pid
        end(process)
        until(lambda: postmaster_pid(fresh) is None)

    def test_another_user_is_refused_where_it_may_not_write(home: Path) -> None:
        prefix = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"]
        prefix = (
            command_prefix(Account("", 4242, 4242), Path(sys.base_prefix), find_binaries())
            or prefix
        )
        process = user(home.parent / "elsewhere", *prefix)
        _, said = process.communicate()
        assert process.returncode == 1
        assert "Permission denied" in said


def test_keeper_ending_in_its_start_is_reported(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "RUN_KEEPER", "pass")
    with pytest.raises(EmbeddedServerError, match=r"keeper .* ends while it starts"):
        start(home)
