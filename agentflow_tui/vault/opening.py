"""One row's secret, decrypted: its status, and what can be said where it stays shut."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import field
from enum import StrEnum
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.vault.formats import (
    TAG_BYTES,
    CipherParts,
    Format,
    Recognition,
    SealedRow,
    recognise,
    split_salted,
)
from agentflow_tui.vault.keys import Derivation, Key, Keyring
from agentflow_tui.vault.payloads import is_filled_object, is_json, is_text, payload

_NONE_GIVEN = "no ENCRYPTION_KEY and no AGENTFLOW_KEY_FILE is set"
_UNPROVEN = "its tag was thrown away, so that nothing proves that it is what was written"
_OTHER_KEY = "none of the keys opens it: it was written with another one, or was changed"
_OTHER_ROW = "it does not belong to this row, or was changed: the key is right, the tag says no"


class SecretStatus(StrEnum):
    """How a row's secret stands, in the words that are printed."""

    CURRENT = "current"
    READABLE = "readable"
    LEGACY = "legacy"
    PUBLIC = "insecure-default-key"
    CLEAR = "plaintext"
    UNAUTHENTICATED = "unauthenticated"
    UNDECRYPTABLE = "undecryptable"
    KEY_TROUBLE = "key-trouble"

    @property
    def about(self) -> str:
        """What it means, in a few words."""
        return _ABOUT[self]

    @property
    def is_open_to_all(self) -> bool:
        """Whether anybody who can read the table can read the secret."""
        return self in {SecretStatus.PUBLIC, SecretStatus.CLEAR}

    @property
    def decrypts(self) -> bool:
        """Whether the secret can be read, and is what was written as far as the format tells."""
        return self not in {
            SecretStatus.UNAUTHENTICATED,
            SecretStatus.UNDECRYPTABLE,
            SecretStatus.KEY_TROUBLE,
        }


_ABOUT = {
    SecretStatus.CURRENT: "ours, bound to its row",
    SecretStatus.READABLE: "proven by its tag",
    SecretStatus.LEGACY: "readable, but its format proves nothing",
    SecretStatus.PUBLIC: "readable by anybody: written with a public default phrase",
    SecretStatus.CLEAR: "in the clear: never encrypted",
    SecretStatus.UNAUTHENTICATED: "its tag was thrown away; read only with --unauthenticated",
    SecretStatus.UNDECRYPTABLE: "cannot be decrypted",
    SecretStatus.KEY_TROUBLE: "its key is missing or is none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSecret:
    """What came of a row. ``plaintext`` is None where it stays shut, and then ``reason`` says why;
    ``key`` opened it, and ``parts`` are what it was read from."""

    status: SecretStatus
    format: Format | None = None
    reason: str = ""
    plaintext: bytes | None = field(default=None, repr=False)
    key: Key | None = None
    parts: CipherParts | None = field(default=None, repr=False)

    @property
    def data(self) -> Any:
        """The secret as an object, a list or a text; None where it stays shut."""
        return None if self.plaintext is None else payload(self.plaintext)


def open_row(row: SealedRow, keyring: Keyring, *, unauthenticated: bool = False) -> OpenedSecret:
    """Decrypt one row. Never raises for what the row or the keys hold.

    Without ``unauthenticated`` a row whose tag was thrown away keeps its secret.
    """
    found = recognise(row)
    if found.clear:
        clear = (row.blob or "").strip().encode("utf-8", "replace")
        return OpenedSecret(status=SecretStatus.CLEAR, plaintext=clear)
    for key in keyring.in_order(row.key_version or ""):
        for parts in found.parts:
            for material in keyring.derive(key, parts.derivation, row.key_version or ""):
                plaintext = decrypt(parts, material)
                if plaintext is not None:
                    return _opened(keyring, key, parts, plaintext, unproven_too=unauthenticated)
    return _shut(found, keyring)


def _opened(
    keyring: Keyring, key: Key, parts: CipherParts, plaintext: bytes, *, unproven_too: bool
) -> OpenedSecret:
    if not is_text(plaintext):
        return OpenedSecret(
            status=SecretStatus.UNDECRYPTABLE, reason="it decrypts, but what comes out is no text"
        )
    status = _status(keyring, key, parts)
    shut = status is SecretStatus.UNAUTHENTICATED and not unproven_too
    return OpenedSecret(
        status=status,
        format=parts.format,
        reason=_UNPROVEN if status is SecretStatus.UNAUTHENTICATED else "",
        plaintext=None if shut else plaintext,
        key=key,
        parts=parts,
    )


def _status(keyring: Keyring, key: Key, parts: CipherParts) -> SecretStatus:
    if parts.format is Format.LOST:
        return SecretStatus.UNAUTHENTICATED
    if key.public or any(key.text == public.text for public in _public(keyring)):
        return SecretStatus.PUBLIC
    if parts.format is Format.CRYPTOJS:
        return SecretStatus.LEGACY
    newest = bool(keyring.keys) and key == keyring.keys[0]
    return (
        SecretStatus.CURRENT if parts.format is Format.BOUND and newest else SecretStatus.READABLE
    )


def _public(keyring: Keyring) -> Iterator[Key]:
    return (key for key in keyring.in_order() if key.public)


def _shut(found: Recognition, keyring: Keyring) -> OpenedSecret:
    """Why nothing opened a row."""
    if not found.parts:
        return OpenedSecret(status=SecretStatus.UNDECRYPTABLE, reason=found.reason)
    if keyring.troubles or not keyring.keys:
        reason = keyring.troubles[0].rstrip(".") if keyring.troubles else _NONE_GIVEN
        return OpenedSecret(status=SecretStatus.KEY_TROUBLE, reason=reason)
    if unfit := _unfit_key(found, keyring):
        return OpenedSecret(status=SecretStatus.KEY_TROUBLE, reason=unfit.why_not_raw)
    misplaced = any(
        is_filled_object(_unproven(parts, key.raw))
        for parts in found.parts
        if parts.format is Format.BOUND
        for key in keyring.keys
        if key.raw is not None
    )
    return OpenedSecret(
        status=SecretStatus.UNDECRYPTABLE, reason=_OTHER_ROW if misplaced else _OTHER_KEY
    )


def _unfit_key(found: Recognition, keyring: Keyring) -> Key | None:
    """A key that is to blame where a format wants 32 bytes: none of the keys has them, and the
    format takes no passphrase, or the text is no passphrase but a damaged key."""
    if any(key.raw is not None for key in keyring.keys):
        return None
    derivations = {parts.derivation for parts in found.parts if parts.format is not Format.LOST}
    if derivations <= {Derivation.RAW}:
        return keyring.keys[0]
    if derivations <= {Derivation.RAW, Derivation.RAW_OR_SCRYPT}:
        return next((key for key in keyring.keys if key.is_damaged), None)
    return None


def decrypt(parts: CipherParts, material: bytes) -> bytes | None:
    """The plaintext of these parts; None where this key is not theirs or they were changed."""
    return _DECRYPT.get(parts.format, _decrypt_gcm)(parts, material)


def _decrypt_gcm(parts: CipherParts, key: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    assert parts.iv is not None
    tag = b"" if parts.tag is None else parts.tag.data
    try:
        return AESGCM(key).decrypt(parts.iv.data, parts.sealed.data + tag, parts.aad)
    except InvalidTag:
        return None


def _decrypt_lost(parts: CipherParts, key: bytes) -> bytes | None:
    """The ciphertext without its tag: only a JSON object is taken for what was written."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import GCM

    assert parts.iv is not None
    plaintext = Cipher(AES256(key), GCM(parts.iv.data)).decryptor().update(parts.sealed.data)
    return plaintext if is_filled_object(plaintext) else None


def _unproven(parts: CipherParts, key: bytes) -> bytes:
    """What a bound row reads without its tag, to tell a copied row from a wrong key; only whether
    it is JSON is ever used."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import GCM

    assert parts.iv is not None
    ciphertext = parts.sealed.data[:-TAG_BYTES]
    return Cipher(AES256(key), GCM(parts.iv.data)).decryptor().update(ciphertext)


def _decrypt_cryptojs(parts: CipherParts, passphrase: bytes) -> bytes | None:
    """CBC has no tag: one wrong key in 256 yields right padding, so UTF-8 and JSON must hold."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import CBC
    from cryptography.hazmat.primitives.padding import PKCS7

    salt, ciphertext = split_salted(parts.sealed.data)
    key, iv = evp_bytes_to_key(passphrase, salt)
    decryptor, unpadder = Cipher(AES256(key), CBC(iv)).decryptor(), PKCS7(128).unpadder()
    try:
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        plaintext = unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None
    return plaintext if is_json(plaintext) else None


_DECRYPT: dict[Format, Callable[[CipherParts, bytes], bytes | None]] = {
    Format.CRYPTOJS: _decrypt_cryptojs,
    Format.LOST: _decrypt_lost,
}


def evp_bytes_to_key(passphrase: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Key and IV as OpenSSL's EVP_BytesToKey makes them with MD5 in one round."""
    made, last = b"", b""
    while len(made) < 48:
        last = hashlib.md5(last + passphrase + salt, usedforsecurity=False).digest()
        made += last
    return made[:32], made[32:48]
