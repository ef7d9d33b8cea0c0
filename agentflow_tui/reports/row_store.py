"""The rows of a report as JSON text, up to the size that a row of the database should have."""

import json
from collections.abc import Sequence
from typing import Any

CAP = 20_000_000
"""Bytes of JSON that are stored in the database; of what is larger a sample is."""

NEVER_FITS = 3
"""A text of so many times the cap is above it as JSON as well, so no more than the sample of it is
encoded."""

SAMPLE = 1_000
"""Rows that are stored of a report above the cap, the first ones."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class RowStore:
    """Rows encoded as they come. Above the cap only the first stay, and encoding ends."""

    def __init__(self, cap: int = CAP) -> None:
        self.complete = True
        self._cap = cap
        self._size = 0
        self._count = 0
        self._parts: list[str] = []
        self._sample: list[list[Any]] = []

    @property
    def kept(self) -> int:
        """How many rows are kept."""
        return self._count if self.complete else len(self._sample)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is kept."""
        return not self.complete and len(self._sample) >= SAMPLE

    def add(self, columns: Sequence[Sequence[Any]]) -> None:
        """Add rows that are given by column."""
        if self.is_full:
            return
        missing = SAMPLE - len(self._sample)
        rows = list(map(list, zip(*columns, strict=True)))
        self._sample += rows[:missing]
        if self.complete:
            self._encode(rows)

    def _encode(self, rows: list[list[Any]]) -> None:
        text = _encode(rows)[1:-1]
        self._parts.append(text)
        self._count += len(rows)
        self._size += len(text.encode())
        if self._size > self._cap:
            self.complete = False
            self._parts = []

    def text(self) -> str:
        """All kept rows, a JSON list of lists."""
        if not self.complete:
            return _encode(self._sample)
        return f"[{','.join(part for part in self._parts if part)}]"
