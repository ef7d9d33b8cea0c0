"""Where settings come from, and what they may not be."""

import json
import re
from dataclasses import fields
from itertools import zip_longest
from pathlib import Path

import pytest

from agentflow_tui import settings_file
from agentflow_tui.errors import SettingsError
from agentflow_tui.settings import WorkerSettings
from agentflow_tui.store.connection.urls import masked, place, short_place

CONFIG = """
context = "dev"
[contexts.prod]
database_url = "postgresql://ops:hunter2@db.acme.test/agentflow"
production = true
read_only = true
[contexts.dev]
database_url = "postgresql://dev@localhost/agentflow"
colour = "success"
"""


def environ(home: Path, config: str = CONFIG, **further: str) -> dict[str, str]:
    (home / "agentflow").mkdir(exist_ok=True)
    (home / "agentflow" / "config.toml").write_text(config)
    return {"XDG_CONFIG_HOME": str(home), **further}


def test_a_context_comes_from_a_flag_the_environment_or_the_file(tmp_path: Path) -> None:
    plain = environ(tmp_path)
    assert settings_file.load(plain).context.name == "dev"
    assert settings_file.load(plain, context="prod").context.production
    assert settings_file.load({**plain, "AGENTFLOW_CONTEXT": "prod"}).context.name == "prod"
    given = settings_file.load({**plain, "DATABASE_URL": "postgresql://elsewhere/db"})
    assert (given.context.name, given.context.database_url) == ("", "postgresql://elsewhere/db")
    assert settings_file.load({**plain, "DATABASE_URL": "x"}, context="prod").context.name == "prod"


def test_read_only_holds_in_every_context_and_says_why(tmp_path: Path) -> None:
    flagged = settings_file.load(environ(tmp_path), read_only=True)
    assert flagged.using("dev").context.read_only
    assert flagged.using("prod").read_only_because == "started with --read-only"
    chosen = settings_file.load(environ(tmp_path), context="prod")
    assert chosen.read_only_because == "the settings of this context say so"
    assert not chosen.using("dev").context.read_only
    assert not chosen.using("dev").read_only_because


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('[contexts.prod]\ncolour = "pink"', "colour 'pink' is none of primary, secondary"),
        ('[contexts."../prod"]\ncolour = "error"', "a context cannot be called '../prod'"),
        ('context = "live"', "There is no context 'live'"),
    ],
)
def test_a_context_that_cannot_be_is_explained(tmp_path: Path, config: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings_file.load(environ(tmp_path, config))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("poll = nan", "poll must be at least 0.01, not nan"),
        ("poll = 0", "poll must be at least 0.01, not 0"),
        ("lease = 0", "lease must be at least 0.1"),
        ("connections = 0", "connections must be at least 1"),
        ("max_attempts = -1", "max_attempts must be at least 0"),
        ("rate = -5", "rate must be at least 0, not -5"),
        ("retry_base = inf", "retry_base must be at most 1,000,000,000, not inf"),
    ],
)
def test_a_number_that_makes_no_sense_is_explained(
    tmp_path: Path, setting: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        settings_file.load(environ(tmp_path, f"[workers]\n{setting}"))


def test_a_context_and_a_database_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="leave one out"):
        settings_file.load(environ(tmp_path), context="prod", database_url="postgresql://host/db")


def test_passwords_stay_out_of_complaints_and_of_what_is_printed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_file.load(
            environ(tmp_path, '[contexts.prod]\ndatabase_url = ["p://u:hunter2@h/d"]')
        )
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(settings_file.load(environ(tmp_path), context="prod"))


@pytest.mark.parametrize(
    ("url", "shown", "named"),
    [
        ("postgresql://host/db", "postgresql://host/db", "host/db"),
        ("postgresql://ann:hunter2@host:5432/db", "postgresql://ann:***@host:5432/db", "host/db"),
        ("postgresql://ann:hun@ter2@host:6/db", "postgresql://ann:***@host:6/db", "host:6/db"),
        ("postgresql://ann:hun/ter2@host/db", "postgresql://ann:***@host/db", "host/db"),
        ("postgresql://ann:hun#ter2@host/db", "postgresql://ann:***@host/db", "host/db"),
        ("postgresql://ann:hun?ter2@host/db", "(unreadable)", "a database"),
        ("postgresql://ann:hunter2/ter2", "(unreadable)", "a database"),
        ("host=h password=hunter2", "(unreadable)", "a database"),
        (
            "postgresql://ann@host/db?sslmode=require&password=hunter2",
            "postgresql://ann@host/db?sslmode=require&password=***",
            "host/db",
        ),
        ("postgresql://:hunter2@a:1,b:2/db", "postgresql://:***@a:1,b:2/db", "a:1,b:2/db"),
        ("postgresql://ann:hunter2@[::1]:7/db", "postgresql://ann:***@[::1]:7/db", "[::1]:7/db"),
        ("postgresql:///db?host=/run/pg", "postgresql:///db?host=/run/pg", "local/db"),
    ],
)
def test_a_url_is_shown_without_any_of_its_password(url: str, shown: str, named: str) -> None:
    assert (masked(url), short_place(url)) == (shown, named)
    for part in ("hunter2", "ter2", "hun"):
        assert part not in masked(url) + place(url) + short_place(url)


def test_every_option_of_the_workers_is_described_with_its_default() -> None:
    document = (Path(__file__).parent.parent / "docs" / "workers.md").read_text()
    rows = re.findall(r"^\| (`[a-z_`, .\[\]]+`) \| (.*?) \|", document, re.MULTILINE)
    told: dict[str, str] = {}
    for names, defaults in rows:
        options = [name.rpartition(".")[2] for name in re.findall(r"`\[?([a-z_.]+)\]?`", names)]
        told |= dict(zip_longest(options, re.findall(r"`(.+?)`", defaults), fillvalue=""))
    for each in fields(WorkerSettings):
        assert each.name in told, f"{each.name} is not described"
        if each.name != "checks":
            assert json.loads(told[each.name]) == getattr(WorkerSettings(), each.name), each.name
