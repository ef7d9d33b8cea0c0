"""The formats in which AgentFlow's generations have kept secrets, told apart by shape and columns.

Nothing is decrypted here: a row yields the formats that it may have, and the tag, or for CBC the
padding and the text, decides between them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import Any, Protocol

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import spelling
from agentflow_tui.vault.encodings import EncodedBytes, decode, decode_sized
from agentflow_tui.vault.keys import Derivation
from agentflow_tui.vault.payloads import NotJsonError, parse_json

TAG_BYTES = 16
IV_SIZES = (12, 16)
BLOCK_BYTES = 16

_SALTED = b"Salted__"
_SALT_BYTES = 8


class Format(StrEnum):
    """A format, in the words that are printed."""

    CRYPTOJS = "cryptojs-evp-md5-cbc"
    APPENDED = "gcm16-tag-appended"
    APPENDED_12 = "gcm12-tag-appended"
    SEPARATE = "gcm16-tag-separate"
    SEPARATE_12 = "gcm12-tag-separate"
    LOST = "gcm16-tag-lost"
    SALTED = "gcm16-aad-salt"
    COLONS = "gcm16-iv-tag-ciphertext"
    BOUND = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """A secret as a row keeps it: its columns as text, None where the table has no such column."""

    id: str
    blob: str | None = field(repr=False)
    iv: str | None = field(default=None, repr=False)
    tag: str | None = field(default=None, repr=False)
    salt: str | None = field(default=None, repr=False)
    key_version: str | None = None


class StoredParts(Protocol):
    """Whatever holds the parts of a credential's secret as they are stored."""

    @property
    def id(self) -> str: ...
    @property
    def blob(self) -> str | None: ...
    @property
    def iv(self) -> str | None: ...
    @property
    def tag(self) -> str | None: ...
    @property
    def salt(self) -> str | None: ...
    @property
    def key_version(self) -> str | None: ...


def sealed_row(stored: StoredParts) -> SealedRow:
    """A stored credential as the vault takes it."""
    return SealedRow(
        id=stored.id,
        blob=stored.blob,
        iv=stored.iv,
        tag=stored.tag,
        salt=stored.salt,
        key_version=stored.key_version,
    )


@dataclass(frozen=True, slots=True)
class JsonEnvelope:
    """A JSON object in the blob that holds ciphertext, IV and tag in fields of its own; ``names``
    are the fields by part."""

    document: Mapping[str, Any] = field(repr=False)
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CipherParts:
    """The parts of one secret, taken for one format.

    ``sealed`` is the ciphertext, with its tag behind it where the format appends it; ``tag`` one
    that stands apart; ``aad`` what the tag vouches for besides.
    """

    format: Format
    derivation: Derivation
    sealed: EncodedBytes
    iv: EncodedBytes | None = None
    tag: EncodedBytes | None = None
    salt: EncodedBytes | None = None
    aad: bytes | None = None
    envelope: JsonEnvelope | None = None


@dataclass(frozen=True, slots=True)
class Recognition:
    """The formats that a row may have, likeliest first; ``reason`` says why there is none.
    ``clear``: it was never encrypted."""

    parts: tuple[CipherParts, ...] = ()
    reason: str = ""
    clear: bool = False


def recognise(row: SealedRow) -> Recognition:
    """The formats that a row may have."""
    blob = (row.blob or "").strip()
    if not blob:
        return Recognition(reason="nothing is stored in it")
    document = _object(blob)
    if document is not None:
        return _enveloped(row, document) or Recognition(clear=True)
    return _encrypted(row, blob)


def _encrypted(row: SealedRow, blob: str) -> Recognition:
    salted = next((each for each in decode(blob) if each.data.startswith(_SALTED)), None)
    if salted is not None:
        return _cryptojs(salted)
    if blob.count(":") == 2:
        return _colons(blob)
    sealed = decode(blob)
    if not sealed:
        return Recognition(reason="what is stored is neither base64 nor hex nor a known format")
    return _gcm(row, sealed)


def _object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = parse_json(text)
    except NotJsonError:
        return None
    return value if isinstance(value, dict) else None


_FIELDS = {
    "blob": ("encrypteddata", "encrypted", "ciphertext", "content", "data"),
    "iv": ("iv", "nonce"),
    "tag": ("authtag", "tag"),
    "salt": ("salt",),
    "key_version": ("keyversion",),
}


def _enveloped(row: SealedRow, document: dict[str, Any]) -> Recognition | None:
    """The parts that a JSON object holds in fields; None for one that is no envelope."""
    texts = {spelling(name): name for name, value in document.items() if isinstance(value, str)}
    names = {
        part: texts[word]
        for part, words in _FIELDS.items()
        if (word := next((w for w in words if w in texts), None)) is not None
    }
    if "blob" not in names or not {"iv", "tag"} & set(names):
        return None
    inner = replace(row, **{part: document[name] for part, name in names.items()})
    found = _encrypted(inner, (inner.blob or "").strip())
    envelope = JsonEnvelope(document, names)
    return replace(found, parts=tuple(replace(each, envelope=envelope) for each in found.parts))


def _cryptojs(salted: EncodedBytes) -> Recognition:
    """A passphrase's blob brings salt and IV with it; what stands in the IV's column is a decoy."""
    ciphertext = len(salted.data) - len(_SALTED) - _SALT_BYTES
    if ciphertext < BLOCK_BYTES or ciphertext % BLOCK_BYTES:
        return Recognition(reason="it is cut short: CryptoJS writes whole blocks")
    return Recognition((_parts(Format.CRYPTOJS, Derivation.TEXT, salted),))


def split_salted(data: bytes) -> tuple[bytes, bytes]:
    """Salt and ciphertext of a CryptoJS blob."""
    start = len(_SALTED) + _SALT_BYTES
    return data[len(_SALTED) : start], data[start:]


def join_salted(salt: bytes, ciphertext: bytes) -> bytes:
    """A CryptoJS blob."""
    return _SALTED + salt + ciphertext


def _colons(blob: str) -> Recognition:
    iv_text, tag_text, text = blob.split(":")
    iv, tag = decode_sized(iv_text, IV_SIZES), decode_sized(tag_text, (TAG_BYTES,))
    sealed = decode(text)
    if iv is None or tag is None or not sealed:
        return Recognition(
            reason="it reads iv:tag:ciphertext, but a part is damaged: only a whole tag proves"
        )
    return Recognition(
        tuple(
            _parts(Format.COLONS, derivation, each, iv=iv, tag=tag)
            for derivation in (Derivation.PBKDF2, Derivation.RAW)
            for each in sorted(sealed, key=lambda each: each.encoding != iv.encoding)
        )
    )


def _gcm(row: SealedRow, sealed: tuple[EncodedBytes, ...]) -> Recognition:
    """Ciphertext and IV in columns of their own; the tag behind the ciphertext, in a column of its
    own, or thrown away."""
    if not (row.iv or "").strip():
        return Recognition(reason="its IV is missing")
    iv = decode_sized(row.iv or "", IV_SIZES)
    if iv is None:
        return Recognition(reason="its IV has neither 12 nor 16 bytes")
    if (row.tag or "").strip():
        tag = decode_sized(row.tag or "", (TAG_BYTES,))
        if tag is None:
            return Recognition(reason="its tag does not have 16 bytes: only a whole tag proves")
        return Recognition(tuple(_with_tag(row, sealed, iv, tag)))
    parts = tuple(_without_tag(row, sealed, iv))
    return Recognition(parts, "" if parts else "it is cut short: it is shorter than its tag")


def _with_tag(
    row: SealedRow, sealed: tuple[EncodedBytes, ...], iv: EncodedBytes, tag: EncodedBytes
) -> Iterator[CipherParts]:
    salt = next(iter(decode(row.salt or "")), None)
    apart = Format.SEPARATE if len(iv.data) == 16 else Format.SEPARATE_12
    for each in sealed:
        for derivation in (Derivation.SCRYPT, Derivation.RAW) if salt else ():
            yield _parts(Format.SALTED, derivation, each, iv=iv, tag=tag, salt=salt)
        yield _parts(apart, Derivation.RAW_OR_SCRYPT, each, iv=iv, tag=tag)


def _without_tag(
    row: SealedRow, sealed: tuple[EncodedBytes, ...], iv: EncodedBytes
) -> Iterator[CipherParts]:
    """With the tag behind it, as long as there is room for one; an IV of 16 bytes may also stand
    beside a ciphertext whose tag was thrown away, since there is no column for it."""
    whole = [each for each in sealed if len(each.data) >= TAG_BYTES]
    for each in whole:
        if len(iv.data) == 12:
            yield replace(_parts(Format.BOUND, Derivation.RAW, each, iv=iv), aad=row.id.encode())
            yield _parts(Format.APPENDED_12, Derivation.RAW, each, iv=iv)
        else:
            yield _parts(Format.APPENDED, Derivation.RAW, each, iv=iv)
    if len(iv.data) == 16:
        for each in sealed:
            yield _parts(Format.LOST, Derivation.RAW_OR_SCRYPT, each, iv=iv)
            if (row.salt or "").strip():
                yield _parts(Format.LOST, Derivation.SCRYPT, each, iv=iv)


def _parts(
    format_: Format,
    derivation: Derivation,
    sealed: EncodedBytes,
    *,
    iv: EncodedBytes | None = None,
    tag: EncodedBytes | None = None,
    salt: EncodedBytes | None = None,
) -> CipherParts:
    return CipherParts(
        format=format_,
        derivation=derivation,
        sealed=sealed,
        iv=iv,
        tag=tag,
        salt=salt,
        aad=salt.data if salt else None,
    )
