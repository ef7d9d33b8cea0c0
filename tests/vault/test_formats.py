"""Every format is read, and nothing else is taken for a secret."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.vault.formats import SealedRow
from agentflow_tui.vault.keys import Key, Keyring, read_keyring
from agentflow_tui.vault.opening import SecretStatus, open_row
from tests.vault.cases import CASES, DATA, HEX_KEY, SECRET, case, environ, sealed

KEYS = read_keyring({"ENCRYPTION_KEY": HEX_KEY})


@pytest.mark.parametrize("each", CASES, ids=lambda each: f"case-{each['case']}")
def test_each_sample_has_its_outcome(each: dict[str, Any]) -> None:
    opened = open_row(sealed(each), read_keyring(environ(each)), unauthenticated=True)
    expected = each["expect"]
    assert opened.status == expected["status"], opened.reason
    assert opened.data == expected["data"]
    if "format" in expected:
        assert opened.format == expected["format"]
    assert expected.get("reason", "") in opened.reason


def test_a_row_without_its_tag_stays_shut_unless_one_asks_for_it() -> None:
    opened = open_row(sealed(case(5)), read_keyring(environ(case(5))))
    assert (opened.status, opened.plaintext) == ("unauthenticated", None)
    assert "nothing proves" in opened.reason


def _hex(text: str) -> str:
    return base64.b64decode(text).hex()


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text,
        lambda text: text.replace("+", "-").replace("/", "_").rstrip("="),
        _hex,
        lambda text: _hex(text).upper(),
        lambda text: "\\x" + _hex(text),
        lambda text: "\n".join(text[at : at + 64] for at in range(0, len(text), 64)) + "\r\n",
    ],
    ids=["base64", "base64url", "hex", "HEX", "bytea", "lines"],
)
def test_bytes_are_read_however_they_are_written(written: Any) -> None:
    row = sealed(case(3))
    assert row.blob
    assert row.iv
    row = replace(row, blob=written(row.blob), iv=written(row.iv))
    assert open_row(row, KEYS).data == DATA


def test_a_foreign_row_with_an_iv_of_12_bytes_is_read() -> None:
    iv = bytes(12)
    blob = AESGCM(bytes.fromhex(HEX_KEY)).encrypt(iv, b'{"apiKey":"k"}', None)
    row = SealedRow(id="1", blob=base64.b64encode(blob).decode(), iv=base64.b64encode(iv).decode())
    opened = open_row(row, KEYS)
    assert (opened.status, opened.data) == ("readable", {"apiKey": "k"})


@pytest.mark.parametrize("salt", ["", "pepper-42"])
def test_a_text_of_iv_tag_and_ciphertext_is_read(salt: str) -> None:
    keyring = read_keyring({"ENCRYPTION_KEY": "a phrase", "ENCRYPTION_SALT": salt})
    row = colons("a phrase", salt or "default-fixed-salt", b'{"apiKey":"k"}')
    opened = open_row(row, keyring)
    assert (opened.status, opened.data) == ("readable", {"apiKey": "k"})
    assert row.blob
    iv, tag, text = row.blob.split(":")
    cut = replace(row, blob=f"{iv}:{tag[:-2]}:{text}")
    assert (open_row(cut, keyring).status, open_row(cut, keyring).data) == ("undecryptable", None)


def colons(phrase: str, salt: str, plaintext: bytes) -> SealedRow:
    from cryptography.hazmat.primitives.hashes import SHA512
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    key = PBKDF2HMAC(SHA512(), 32, salt.encode(), 100_000).derive(phrase.encode())
    sealed_ = AESGCM(key).encrypt(bytes(16), plaintext, None)
    return SealedRow(id="1", blob=f"{bytes(16).hex()}:{sealed_[-16:].hex()}:{sealed_[:-16].hex()}")


def test_a_tag_in_a_field_of_the_blob_is_read() -> None:
    row = sealed(case(4))
    blob = {"encryptedData": row.blob, "iv": row.iv, "authTag": row.tag}
    opened = open_row(
        SealedRow(id=row.id, blob=json.dumps(blob), iv=""), read_keyring(environ(case(4)))
    )
    assert (opened.status, opened.data) == ("readable", DATA)


def test_an_older_key_opens_what_it_wrote() -> None:
    keyring = read_keyring({"ENCRYPTION_KEY": "00" * 32, "ENCRYPTION_KEY_V2": HEX_KEY})
    assert open_row(sealed(case(3)), keyring).status == "readable"
    opened = open_row(sealed(case(9)), keyring)
    assert (opened.status, opened.data) == ("readable", DATA)  # and no longer current


@pytest.mark.parametrize("number", [3, 9])
@pytest.mark.parametrize("key", [HEX_KEY[:-2], HEX_KEY + "00", HEX_KEY[:32], "a phrase"])
def test_a_key_of_the_wrong_length_is_said_and_never_told(number: int, key: str) -> None:
    opened = open_row(sealed(case(number)), read_keyring({"ENCRYPTION_KEY": key}))
    assert (opened.status, opened.data) == ("key-trouble", None)
    assert "64 hex digits" in opened.reason
    assert key not in opened.reason


def test_without_a_key_a_row_is_key_trouble_and_not_damaged() -> None:
    opened = open_row(sealed(case(3)), read_keyring({}))
    assert opened.status == "key-trouble"
    assert "ENCRYPTION_KEY" in opened.reason


@pytest.mark.parametrize("blob", [None, "", "  ", "secret", "€", "{}x", ":::", "a:b:c", "{"])
def test_what_is_no_secret_stays_shut_with_a_reason(blob: str | None) -> None:
    opened = open_row(SealedRow(id="1", blob=blob, iv=""), KEYS)
    assert (opened.status, opened.data) == ("undecryptable", None)
    assert opened.reason


def test_a_bare_text_is_read_as_it_was_written() -> None:
    iv = bytes(16)
    for text in ("hunter2", "0042", "12", "héllo"):
        blob = AESGCM(bytes.fromhex(HEX_KEY)).encrypt(iv, text.encode(), None)
        row = SealedRow(id="1", blob=blob.hex(), iv=iv.hex())
        assert open_row(row, KEYS).data == text


QUICK = [each for each in CASES if each["case"] in {1, 2, 3, 4, 9, 16}]
WORTHLESS = Keyring(
    (Key("ENCRYPTION_KEY", "11" * 32), Key("ENCRYPTION_KEY_V1", "a wrong phrase")),
    tries_public=False,
)


@given(st.sampled_from(QUICK), st.integers(0, 400), st.integers(0, 255), st.booleans())
def test_a_damaged_row_never_yields_another_secret(
    each: dict[str, Any], place: int, byte: int, cut: bool
) -> None:
    row = sealed(each)
    data = base64.b64decode(row.blob or "")
    place %= len(data)
    changed = data[:place] + (b"" if cut else bytes([byte]) + data[place + 1 :])
    damaged = replace(row, blob=base64.b64encode(changed).decode())
    opened = open_row(damaged, read_keyring(environ(each)))
    assert opened.data in (None, DATA)
    assert (opened.data is None) == (changed != data)
    assert opened.data is not None or opened.reason


@given(st.binary(max_size=80), st.sampled_from([0, 8, 12, 16]), st.none() | st.binary(max_size=20))
def test_random_bytes_yield_no_secret(blob: bytes, size: int, tag: bytes | None) -> None:
    row = SealedRow(
        id="1",
        blob=base64.b64encode(blob).decode(),
        iv=base64.b64encode(bytes(size)).decode(),
        tag=None if tag is None else tag.hex(),
    )
    opened = open_row(row, WORTHLESS, unauthenticated=True)
    assert (opened.data, bool(opened.reason)) == (None, True)


@given(st.text(max_size=60), st.none() | st.text(max_size=40), st.none() | st.text(max_size=40))
def test_random_texts_never_crash(blob: str, iv: str | None, salt: str | None) -> None:
    opened = open_row(SealedRow(id="1", blob=blob, iv=iv, salt=salt), WORTHLESS)
    assert opened.status in set(SecretStatus)


@given(st.integers(0, 50_000))
def test_wrong_phrases_open_no_row_without_a_tag(number: int) -> None:
    keyring = Keyring((Key("ENCRYPTION_KEY", f"wrong {number}"),))
    assert open_row(sealed(case(1)), keyring).data is None


@given(st.sampled_from(QUICK), st.text(min_size=1, max_size=70))
def test_random_keys_open_nothing(each: dict[str, Any], text: str) -> None:
    opened = open_row(sealed(each), Keyring((Key("ENCRYPTION_KEY", text),), tries_public=False))
    assert opened.data is None
    assert SECRET not in repr(opened)
