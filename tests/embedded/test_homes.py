"""Where the embedded server can live, as whom, and what it says where it cannot."""

import os
import sys
from pathlib import Path

import pytest

from agentflow_tui.embedded import account
from agentflow_tui.embedded.account import ServerAccount, account_for, command_prefix, entry_of
from agentflow_tui.embedded.postgres import (
    find_binaries,
    keeper_pid,
    postmaster_pid,
    start,
)
from agentflow_tui.errors import EmbeddedServerError
from agentflow_tui.settings import home as home_of
from tests.embedded.processes import (
    IS_ROOT,
    LINGER,
    copy_to,
    end,
    query,
    server_of,
    tidy,
    user,
)
from tests.waiting import until_sync


@pytest.mark.parametrize("name", ["long" * 40, "odd, 'quoted' \"é%20$(x)&?#"])
def test_home_whose_path_no_socket_could_have_gets_a_short_private_one(
    cluster: Path, name: str
) -> None:
    home = cluster.parent / name
    copy_to(home, cluster, account_for(cluster))
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
    assert home_of({"AGENTFLOW_HOME": "/srv/a", "HOME": "/h"}) == Path("/srv/a")
    assert home_of({"XDG_DATA_HOME": "/x", "HOME": "/h"}) == Path("/x/agentflow")
    relative = {"XDG_DATA_HOME": "x", "HOME": "/h"}
    assert home_of(relative) == Path("/h/.local/share/agentflow")
    assert home_of({}) == Path.home() / ".local/share/agentflow"


def test_account_that_cannot_get_there_is_told_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    stranger = ServerAccount("stranger", 4242, 4242)
    monkeypatch.setattr(account, "has_capability", lambda number: number == 1)
    assert "--ambient-caps=-all,+dac_override" in command_prefix(
        stranger, tmp_path, find_binaries()
    )
    monkeypatch.setattr(account, "has_capability", lambda _number: False)
    with pytest.raises(EmbeddedServerError, match=r"stranger.*cannot enter /.*AGENTFLOW_HOME"):
        command_prefix(stranger, tmp_path, find_binaries())


if IS_ROOT:

    def test_root_keeps_a_home_that_no_other_account_can_enter(
        copy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy.parent.chmod(0o700)
        for capability in (1, 2):
            monkeypatch.setattr(account, "has_capability", capability.__eq__)
            with start(copy, linger=0) as server:
                assert query(server.url, "SELECT 1") == "1"
                assert (copy / "postgres").stat().st_uid != 0
            until_sync(lambda: keeper_pid(copy) is None)
        assert copy.parent.stat().st_mode & 0o777 == 0o700

    def test_another_user_has_a_server_of_its_own_which_root_may_share(
        fresh: Path, cluster: Path
    ) -> None:
        nobody = entry_of("nobody")
        assert nobody
        account = ServerAccount("nobody", nobody.pw_uid, nobody.pw_gid)
        copy_to(fresh, cluster, account)
        os.chown(fresh, account.uid, account.gid)
        plain = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        prefix = command_prefix(account, Path(sys.base_prefix), find_binaries()) or plain
        process = user(fresh, *prefix)
        pid = server_of(process)
        assert Path(f"/proc/{pid}").stat().st_uid == account.uid
        with start(fresh):
            assert postmaster_pid(fresh) == pid
        end(process)
        until_sync(lambda: postmaster_pid(fresh) is None)

    def test_another_user_is_refused_where_it_may_not_write(home: Path) -> None:
        prefix = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"]
        prefix = (
            command_prefix(ServerAccount("", 4242, 4242), Path(sys.base_prefix), find_binaries())
            or prefix
        )
        process = user(home.parent / "elsewhere", *prefix)
        _, said = process.communicate()
        assert process.returncode == 1
        assert "Permission denied" in said
