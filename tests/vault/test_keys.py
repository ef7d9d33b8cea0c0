"""Where keys are found, and which files are refused."""

import os
from pathlib import Path

import pytest

from agentflow_tui.errors import SettingsError
from agentflow_tui.vault.keys import Key, find_key, read_keyring
from tests.vault.cases import HEX_KEY


def key_file(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "key"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_variable_comes_before_the_file_and_older_keys_behind(tmp_path: Path) -> None:
    file = key_file(tmp_path, "from a file\n")
    keyring = read_keyring(
        {
            "ENCRYPTION_KEY_V9": "nine",
            "ENCRYPTION_KEY_V10": "ten",
            "AGENTFLOW_KEY_FILE": file,
            "ENCRYPTION_KEY": HEX_KEY,
            "ENCRYPTION_KEY_VERSION": "3",
        }
    )
    assert [key.text for key in keyring.keys] == [HEX_KEY, "from a file", "ten", "nine"]
    assert next(keyring.in_order("9")).text == "nine"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    keyring = read_keyring({"AGENTFLOW_KEY_FILE": key_file(tmp_path, HEX_KEY, mode)})
    assert not keyring.keys
    assert "chmod 600" in keyring.troubles[0]


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    assert "is empty" in read_keyring({"AGENTFLOW_KEY_FILE": key_file(tmp_path, text)}).troubles[0]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    pipe = read_keyring({"AGENTFLOW_KEY_FILE": str(tmp_path / "pipe")})
    assert "is not a file" in pipe.troubles[0]
    missing = read_keyring({"AGENTFLOW_KEY_FILE": str(tmp_path / "missing")})
    assert "cannot be read" in missing.troubles[0]


@pytest.mark.parametrize("text", [HEX_KEY, "4mZDkPAcJ5rVjc/7XqgBYtjYNmR3nKfxHwWsWXdFaco="])
def test_a_key_is_32_bytes_in_hex_or_base64(text: str) -> None:
    found = find_key({"ENCRYPTION_KEY": text})
    assert found is not None
    assert len(found) == 32


@pytest.mark.parametrize("text", [HEX_KEY[:-1], "a phrase", "4mZDkPAcJ5rVjc/7XqgBYg=="])
def test_what_is_no_key_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        find_key({"ENCRYPTION_KEY": text})
    assert text not in str(refused.value)


def test_a_fingerprint_tells_keys_apart_and_is_no_part_of_them() -> None:
    first, second = Key("a", HEX_KEY).fingerprint, Key("a", "another").fingerprint
    assert first != second
    assert len(first) == 16
    assert first not in HEX_KEY
    assert HEX_KEY not in repr(Key("a", HEX_KEY))
