"""The keys of the vault: where they are found, and what AgentFlow makes of their texts.

One variable means several things. 64 hex digits are 32 bytes in one format and a passphrase in
another; what is no key by itself is put through scrypt in a third. Each format names its
`Derivation`, and nothing else is tried: a key of the wrong length is never stretched in silence.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import Enum
from pathlib import Path

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import SettingsError
from agentflow_tui.vault.encodings import decode_sized

KEY_BYTES = 32
_HEX_KEY = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64_KEY = re.compile(r"[A-Za-z0-9+/_-]{43}=")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_VERSIONED = re.compile(r"ENCRYPTION_KEY_V(\d{1,9})")
_LARGEST_FILE = 65_536

PUBLIC_PHRASES = (
    "default-dev-key-should-change-in-production",
    "default-dev-key-do-not-use-in-production-environment",
    "temporary-encryption-key",
)
"""What AgentFlow encrypts with where no key is set; so anybody can read those rows."""


class Derivation(Enum):
    """What a format makes of a key's text."""

    TEXT = "the text itself"
    RAW = "32 bytes as 64 hex digits or 44 base64 characters"
    RAW_OR_SCRYPT = "32 bytes, else scrypt with the salt 'salt'"
    SCRYPT = "scrypt with the salt of the settings"
    PBKDF2 = "PBKDF2-SHA512 with the salt of the settings"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it was written. ``name`` says where it was found and is no secret; ``public`` marks
    one of the `PUBLIC_PHRASES`."""

    name: str
    text: str = field(repr=False)
    public: bool = False

    @property
    def raw(self) -> bytes | None:
        """The 32 bytes that the text spells; None for a passphrase."""
        text = self.text.strip()
        if _HEX_KEY.fullmatch(text):
            return bytes.fromhex(text)
        if _BASE64_KEY.fullmatch(text):
            found = decode_sized(text, (KEY_BYTES,))
            return found.data if found else None
        return None

    @property
    def why_not_raw(self) -> str:
        """Why the text is not a key of 32 bytes, without telling it; ``""`` when it is one."""
        if self.raw is not None:
            return ""
        text = self.text.strip()
        takes = "it takes 64 hex digits or 44 base64 characters (32 bytes)"
        if _HEX.fullmatch(text):
            return f"{self.name} has {len(text)} hex digits: {takes}"
        return f"{self.name} is not a key of 32 bytes: {takes}"

    @property
    def is_damaged(self) -> bool:
        """Whether the text looks like hex digits of a key that are too many or too few."""
        text = self.text.strip()
        return len(text) >= KEY_BYTES and self.raw is None and bool(_HEX.fullmatch(text))

    @property
    def encoded(self) -> bytes:
        return self.text.encode("utf-8", "surrogateescape")

    @property
    def fingerprint(self) -> str:
        """16 hex digits that tell keys apart and that cost a guess as much as the key itself."""
        return hashlib.sha256(_scrypt(self.encoded, b"agentflow key fingerprint")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys that are tried, in order, and the salts.

    ``troubles`` are sentences about keys that are set and cannot be used; with them a row that
    nothing opens is said to lack its key.
    """

    keys: tuple[Key, ...] = ()
    salt: str = field(default="", repr=False)
    version: str = ""
    troubles: tuple[str, ...] = ()
    tries_public: bool = True
    _derived: dict[tuple[Derivation, str, bytes], bytes] = field(default_factory=dict, repr=False)

    @property
    def present_key(self) -> Key | None:
        """The key that is written with; None where only older ones are set."""
        first = self.keys[0] if self.keys else None
        return None if first is None or _VERSIONED.fullmatch(first.name) else first

    def only(self, key: Key) -> "Keyring":
        """The same salts with this key alone."""
        return Keyring((key,), self.salt, self.version, tries_public=False, _derived=self._derived)

    def with_keys(self, keys: tuple[Key, ...]) -> "Keyring":
        """The same salts with these keys, and the public phrases behind them."""
        return Keyring(keys, self.salt, self.version, self.troubles, _derived=self._derived)

    def in_order(self, row_version: str = "") -> Iterator[Key]:
        """The keys for a row: the one of its version first, and the public phrases last."""
        own = f"ENCRYPTION_KEY_V{row_version}"
        yield from sorted(self.keys, key=lambda key: key.name != own)
        if self.tries_public:
            yield from (Key("a public default phrase", text, True) for text in PUBLIC_PHRASES)

    def derive(self, key: Key, derivation: Derivation, row_version: str = "") -> Iterator[bytes]:
        """What a format makes of a key, the likeliest first; nothing where it is no key for it.

        What a key derivation yields is kept, since it takes a twentieth of a second.
        """
        match derivation:
            case Derivation.TEXT:
                yield key.encoded
            case Derivation.RAW:
                yield from () if key.raw is None else (key.raw,)
            case Derivation.RAW_OR_SCRYPT:
                yield key.raw or self._stretched(derivation, key, b"salt")
            case Derivation.SCRYPT:
                for salt in self._scrypt_salts(row_version):
                    yield self._stretched(derivation, key, salt.encode())
            case Derivation.PBKDF2:
                for salt in filter(None, (self.salt, "default-fixed-salt")):
                    yield self._stretched(derivation, key, salt.encode())

    def _scrypt_salts(self, row_version: str) -> list[str]:
        """The salt of the settings where there is one, then those that are made of a version: that
        of the settings, that of the row, and the first."""
        versions = dict.fromkeys(filter(None, (self.version, row_version, "1")))
        salts = [f"secure-salt-{version}" for version in versions]
        return [self.salt, *salts] if self.salt else salts

    def _stretched(self, derivation: Derivation, key: Key, salt: bytes) -> bytes:
        place = (derivation, key.text, salt)
        if place not in self._derived:
            make = _pbkdf2 if derivation is Derivation.PBKDF2 else _scrypt
            self._derived[place] = make(key.encoded, salt)
        return self._derived[place]


def _scrypt(text: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=KEY_BYTES, n=16_384, r=8, p=1).derive(text)


def _pbkdf2(text: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA512
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return PBKDF2HMAC(SHA512(), length=KEY_BYTES, salt=salt, iterations=100_000).derive(text)


def read_keyring(environ: Mapping[str, str]) -> Keyring:
    """The keys of the environment: ``ENCRYPTION_KEY``, the file that ``AGENTFLOW_KEY_FILE`` names,
    ``ENCRYPTION_KEY_V{n}`` from the highest number down. Raises nothing: a key that cannot be read
    stands among the troubles, for there are rows that do without it."""
    keys, troubles = [], []
    if text := environ.get("ENCRYPTION_KEY"):
        keys.append(Key("ENCRYPTION_KEY", text))
    if path := environ.get("AGENTFLOW_KEY_FILE"):
        try:
            keys.append(read_key_file(path, "AGENTFLOW_KEY_FILE"))
        except SettingsError as error:
            troubles.append(str(error))
    numbers = sorted(
        (int(match[1]) for name in environ if (match := _VERSIONED.fullmatch(name))), reverse=True
    )
    versioned = (f"ENCRYPTION_KEY_V{number}" for number in numbers)
    keys += [Key(name, environ[name]) for name in versioned if environ.get(name)]
    return Keyring(
        keys=tuple(keys),
        salt=environ.get("ENCRYPTION_SALT", ""),
        version=environ.get("ENCRYPTION_KEY_VERSION", ""),
        troubles=tuple(troubles),
    )


def read_key_file(path: str, name: str) -> Key:
    """The key that a file holds, without the line break at its end.

    Raises `SettingsError` for a file that cannot be read, that others than its owner may read, or
    that is empty.
    """
    where = f"{name} ({path})"
    try:
        descriptor = os.open(Path(path).expanduser(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            found = os.fstat(descriptor)
            _check_file(found, where)
            text = file.read(_LARGEST_FILE).rstrip("\r\n")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SettingsError(f"{where} cannot be read: {type(error).__name__}.") from None
    if not text:
        raise SettingsError(f"{where} is empty.")
    return Key(name, text)


def _check_file(found: os.stat_result, where: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SettingsError(f"{where} is not a file.")
    if found.st_uid not in {os.geteuid(), 0}:
        raise SettingsError(f"{where} belongs to another user; it has to be one's own.")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise SettingsError(f"{where} may be read by others (mode {mode:o}); say chmod 600 to it.")


def find_key(environ: Mapping[str, str]) -> bytes | None:
    """The AES-256 key that new secrets are written with: that of ``ENCRYPTION_KEY``, else of the
    file that ``AGENTFLOW_KEY_FILE`` names; None when neither is set.

    Raises `SettingsError` when what is set is no key of 32 bytes; the message never holds it.
    """
    key = current_key(read_keyring(environ))
    return None if key is None else key.raw


def current_key(keyring: Keyring) -> Key | None:
    """The key that is written with, a key of 32 bytes; None when none is set.

    Raises `SettingsError` when what is set is no such key or cannot be read.
    """
    key = keyring.present_key
    if key is None and keyring.troubles:
        raise SettingsError(keyring.troubles[0])
    if key is not None and key.why_not_raw:
        raise SettingsError(f"{key.why_not_raw}.")
    return key
