"""The rows of a report as JSON text, up to the size that a row of the database should have."""

import json
from collections.abc import Sequence
from typing import Any

CAP = 20_000_000
"""Bytes of JSON that are stored in the database; of what is larger a sample is."""

SAMPLE = 1_000
"""Rows that are stored of a report above the cap, the first ones."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class RowStore:
    """Rows encoded as they come. Above the cap only the first stay, and encoding ends."""

    def __init__(self, cap: int = CAP) -> None:
        self.complete = True
        self.kept = 0
        self._cap = cap
        self._size = 0
        self._parts: list[str] = []
        self._sample: list[list[Any]] = []

    def add(self, columns: Sequence[Sequence[Any]]) -> None:
        """Add rows that are given by column."""
        if not self.complete:
            return
        rows = list(map(list, zip(*columns, strict=True)))
        self._sample += rows[: SAMPLE - len(self._sample)]
        text = _encode(rows)[1:-1]
        self._parts.append(text)
        self._size += len(text.encode()) if not text.isascii() else len(text)
        self.kept += len(rows)
        if self._size > self._cap:
            self.complete = False
            self.kept = len(self._sample)
            self._parts = [_encode(self._sample)[1:-1]]
            self._sample = []

    def text(self) -> str:
        """All kept rows, a JSON list of lists."""
        return f"[{','.join(part for part in self._parts if part)}]"
