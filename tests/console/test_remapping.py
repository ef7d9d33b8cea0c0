"""What the settings promise of the console is checked when they are read."""

from pathlib import Path

import pytest

from agentflow_tui.console.bindings import checked, remapped
from agentflow_tui.console.keys import KEYS
from agentflow_tui.errors import SettingsError
from agentflow_tui.settings import ConsoleSettings, Settings
from agentflow_tui.settings_file import load


@pytest.mark.parametrize(
    ("id_", "key", "words"),
    [
        ("app.freez", "z", "perhaps 'app.freeze'"),
        ("app.freeze", "hyperspace", "there is no key 'hyperspace'"),
        ("app.freeze", "D", "D is the key of 'row.delete'"),
        ("app.freeze", "3", "3 is the key of 'screen.mail'"),
        ("app.freeze", "j", "j is the key of 'list.down'"),
        ("list.down", "f", "f is the key of 'app.freeze'"),
        ("app.freeze", "ctrl+", "there is no key"),
    ],
)
def test_what_could_not_be_kept_is_refused_with_the_reason(id_: str, key: str, words: str) -> None:
    with pytest.raises(SettingsError, match=r"\[console.keys\]") as refused:
        remapped({id_: key})
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("F5", "f5"),
        ("Ctrl+X", "ctrl+x"),
        ("z", "z"),
        ("Z", "Z"),
        ("&", "ampersand"),
        ("ampersand, F9", "ampersand,f9"),
    ],
)
def test_a_key_may_be_written_as_people_write_it(written: str, named: str) -> None:
    assert remapped({"app.freeze": written}) == {"app.freeze": named}


def test_two_entries_may_change_their_keys() -> None:
    assert remapped({"app.freeze": "D", "row.delete": "f"}) == {
        "app.freeze": "D",
        "row.delete": "f",
    }


def test_no_two_entries_have_one_key_of_themselves() -> None:
    remapped({entry.id: entry.keys for entry in KEYS if entry.keys})


def test_an_unknown_theme_is_named() -> None:
    with pytest.raises(SettingsError, match="theme 'agentflow-drak' is none of agentflow-dark"):
        checked(Settings(console=ConsoleSettings(theme="agentflow-drak")))


def _config(folder: Path, text: bytes) -> dict[str, str]:
    path = folder / "agentflow" / "config.toml"
    path.parent.mkdir()
    path.write_bytes(text)
    return {"XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}


@pytest.mark.parametrize("name", ["refresh", "refresh_idle"])
def test_looking_without_a_pause_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be at least 0.2"):
        load(_config(tmp_path, f"[console]\n{name} = 0\n".encode()))


def test_a_mark_in_front_of_the_settings_is_no_mistake(tmp_path: Path) -> None:
    settings = load(_config(tmp_path, b'\xef\xbb\xbf[console]\nstart = "mail"\n'))
    assert settings.console.start == "mail"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(SettingsError, match="set HOME"):
        load({})
    elsewhere = {"XDG_CONFIG_HOME": "/nowhere", "AGENTFLOW_HOME": "/nowhere"}
    assert load(elsewhere).home == Path("/nowhere")
