"""A look through all that a run of the tests has left behind, for secrets that they used.

Logs, exports, recordings and pictures are files below the run's temporary folder; the databases are
dropped by then, so a journal is looked through while its test still has it.
"""

from collections.abc import Iterator
from pathlib import Path

USED = (
    "p@ss wörd ✓",
    "sk-test-4711-0815-abcd",
    "at-4711-live",
    "rt-0815-live",
    'pa$$ "word" 0815',
    "client-secret-42",
    "new-access-token",
    "seen-by-all",
)
"""Secrets that tests put into databases, or what is telling of them."""

KEPT = frozenset({"server", "cache"})
"""Folders that hold the databases themselves, where secrets belong."""

LARGEST = 20_000_000
"""Bytes of a file that is looked through."""


def leaks(folder: Path) -> Iterator[str]:
    """Files below a folder that hold a secret, each with the beginning of the secret."""
    needles = {
        form: secret
        for secret in USED
        for form in (secret.encode(), secret.encode("unicode_escape"))
    }
    for path in _files(folder):
        data = path.read_bytes()
        for needle, secret in needles.items():
            if needle in data:
                yield f"{path} holds {secret[:6]}…"


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.name not in KEPT and not (path / "PG_VERSION").exists():
                yield from _files(path)
        elif path.is_file() and path.stat().st_size <= LARGEST:
            yield path
