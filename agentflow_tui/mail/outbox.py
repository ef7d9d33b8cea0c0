"""Mail into a folder instead of to a relay: one ``.eml`` file each, whole or not at all."""

import asyncio
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from agentflow_tui.mail.answers import (
    Answer,
    RecipientOutcome,
    SendResult,
    Verdict,
    not_sent,
    same_for_all,
)
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.transports import (
    MayLeave,
    PartCallback,
    ResultCallback,
    TransportState,
    always,
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


class OutboxTransport:
    """The same mail gets the same file name in every attempt, so a repeated one replaces itself.

    The envelope, which the message does not show, stands in ``X-Envelope-…`` on top.
    """

    def __init__(self, folder: str | Path):
        self._folder = Path(folder).expanduser()
        self._trouble = ""

    @property
    def state(self) -> TransportState:
        if self._trouble:
            return TransportState(up=False, sentence=self._trouble)
        return TransportState(up=True, sentence=f"Mail is written to {self._folder}, not sent.")

    def submit(
        self,
        envelope: Envelope,
        done: ResultCallback,
        may_leave: MayLeave = always,
        on_part: PartCallback | None = None,
    ) -> None:
        if may_leave():
            done(self._put(envelope))
        else:
            done(not_sent(envelope))

    async def send(self, envelope: Envelope) -> SendResult:
        return await asyncio.to_thread(self._put, envelope)

    def confirm(self, results: Iterable[SendResult]) -> None:
        """Nothing waits for it here."""

    def share(self, among: int) -> None:
        """There are no rates here."""

    async def probe(self) -> None:
        """The first mail will tell."""

    async def ready(self) -> None:
        """Always: each mail tries the folder anew."""

    async def close(self, grace: float = 5.0) -> None:
        """Nothing is open."""

    def _put(self, envelope: Envelope) -> SendResult:
        path = self._folder / f"{_file_name(envelope.id)}.eml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_whole(path, _with_envelope(envelope))
        except OSError as error:
            self._trouble = f"{path} cannot be written: {error.strerror or error}."
            return same_for_all(
                envelope, RecipientOutcome(Verdict.RELAY_DOWN, Answer(0, self._trouble))
            )
        self._trouble = ""
        written = Answer(250, f"written to {path}")
        return same_for_all(
            envelope, RecipientOutcome(Verdict.DELIVERED, written), relay=str(self._folder)
        )


def _file_name(mail_id: str) -> str:
    if _NAME.fullmatch(mail_id):
        return mail_id
    return hashlib.sha256(mail_id.encode("utf-8", "replace")).hexdigest()[:40]


def _with_envelope(envelope: Envelope) -> bytes:
    head = [f"X-Envelope-From: <{envelope.sender}>\r\n"]
    head += [f"X-Envelope-To: <{each}>\r\n" for each in envelope.recipients]
    return "".join(head).encode() + envelope.message


def _write_whole(path: Path, content: bytes) -> None:
    """Write under another name first, so that no reader finds half a mail."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
