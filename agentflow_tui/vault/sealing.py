"""Writing secrets: new ones in one of two formats, changed ones in the format that they had."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from agentflow_tui.errors import AgentflowError
from agentflow_tui.settings import SECRET_FORMATS
from agentflow_tui.vault.encodings import EncodedBytes
from agentflow_tui.vault.formats import (
    TAG_BYTES,
    CipherParts,
    Format,
    SealedRow,
    join_salted,
)
from agentflow_tui.vault.keys import Derivation, Keyring
from agentflow_tui.vault.opening import evp_bytes_to_key

NEW_FORMATS: Mapping[str, Format] = MappingProxyType(
    dict(zip(SECRET_FORMATS, (Format.APPENDED, Format.BOUND), strict=True))
)
"""The formats of new secrets by the words for them: one that AgentFlow reads, and one that holds on
to its row and that only we read."""


class UnfitKeyError(AgentflowError):
    """A format wants a key of 32 bytes, and the one that is written with is none."""


def readers(format_: Format) -> str:
    """Who can read a secret in this format, in words."""
    if format_ is Format.BOUND:
        return "only this program can read it, with the same key; AgentFlow's backend cannot"
    return "AgentFlow's backend and this program can read it, with the same key"


def fresh_parts(format_: Format, id_: str) -> CipherParts:
    """The parts of a secret that is yet to be written in one of the `NEW_FORMATS`."""
    bound = format_ is Format.BOUND
    return CipherParts(
        format=format_,
        derivation=Derivation.RAW,
        sealed=EncodedBytes(b""),
        iv=EncodedBytes(bytes(12 if bound else 16)),
        aad=id_.encode() if bound else None,
    )


def seal_new(plaintext: bytes, row: SealedRow, format_: Format, keyring: Keyring) -> SealedRow:
    """A row with this secret in one of the `NEW_FORMATS`, under the present key.

    Raises `UnfitKeyError`.
    """
    blank = replace(row, tag=None, salt=None)
    return seal(plaintext, blank, fresh_parts(format_, row.id), keyring)


def seal(plaintext: bytes, row: SealedRow, like: CipherParts, keyring: Keyring) -> SealedRow:
    """A row with this secret in the format and the encodings of ``like``, under its
    present key, with a new IV.

    Raises `UnfitKeyError`.
    """
    material = _material(keyring, like, row)
    if like.format is Format.CRYPTOJS:
        return _assembled(row, like, {"blob": like.sealed.encode(_cbc(plaintext, material))})
    return _assembled(row, like, _gcm(plaintext, like, material))


def _material(keyring: Keyring, like: CipherParts, row: SealedRow) -> bytes:
    key = keyring.present_key
    if key is None:
        raise UnfitKeyError("There is no key to write with: set ENCRYPTION_KEY.")
    material = next(keyring.derive(key, like.derivation, row.key_version or ""), None)
    if material is None:
        raise UnfitKeyError(f"Nothing can be written in this format: {key.why_not_raw}.")
    return material


def _cbc(plaintext: bytes, passphrase: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import CBC
    from cryptography.hazmat.primitives.padding import PKCS7

    salt = os.urandom(8)
    key, iv = evp_bytes_to_key(passphrase, salt)
    encryptor, padder = Cipher(AES256(key), CBC(iv)).encryptor(), PKCS7(128).padder()
    padded = padder.update(plaintext) + padder.finalize()
    return join_salted(salt, encryptor.update(padded) + encryptor.finalize())


def _gcm(plaintext: bytes, like: CipherParts, key: bytes) -> dict[str, str]:
    """The new parts as text."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    assert like.iv is not None
    iv = os.urandom(len(like.iv.data))
    salt = None if like.salt is None else os.urandom(len(like.salt.data))
    sealed = AESGCM(key).encrypt(iv, plaintext, like.aad if salt is None else salt)
    ciphertext, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
    texts = {"iv": like.iv.encode(iv)}
    if like.salt is not None and salt is not None:
        texts["salt"] = like.salt.encode(salt)
    if like.tag is not None:
        return {**texts, "blob": like.sealed.encode(ciphertext), "tag": like.tag.encode(tag)}
    whole = ciphertext if like.format is Format.LOST else sealed
    return {**texts, "blob": like.sealed.encode(whole)}


def _assembled(row: SealedRow, like: CipherParts, texts: Mapping[str, str]) -> SealedRow:
    """The row with its parts where they stood: in columns, in one text, or in a JSON object."""
    if like.format is Format.COLONS:
        texts = {"blob": f"{texts['iv']}:{texts['tag']}:{texts['blob']}"}
    if like.envelope is not None:
        names = like.envelope.names
        inside = {names[part]: text for part, text in texts.items() if part in names}
        document = json.dumps({**like.envelope.document, **inside}, ensure_ascii=False)
        texts = {**{part: t for part, t in texts.items() if part not in names}, "blob": document}
    return SealedRow(
        id=row.id,
        blob=texts["blob"],
        iv=texts.get("iv", row.iv),
        tag=texts.get("tag", row.tag),
        salt=texts.get("salt", row.salt),
        key_version=row.key_version,
    )
