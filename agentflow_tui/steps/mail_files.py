"""The files of one message, each imported as a report."""

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.errors import NotAcceptedError
from agentflow_tui.mailbox.child import TakenFile, take_apart
from agentflow_tui.mailbox.rules import VendorRule
from agentflow_tui.reports.documents import ReportDocument
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.settings import VendorSettings
from agentflow_tui.steps.report_imports import TASK, ReportOrigin, known_report, store_file
from agentflow_tui.store import journal
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.ingested_mail import INGESTED, remembers

LONGEST_NAME = 255
"""Bytes of a file's name that file systems take."""

NO_RULE = "no rule takes a file of this name"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOrigin:
    """The message that files come from. ``rules`` are those that it is for, with the type that its
    reports have by each. ``about`` is for the journal, ``metadata`` for reports; ``entry_id`` gives
    the id of the journal's row about a file; ``home`` is where files are kept."""

    rules: Sequence[tuple[VendorRule, str]]
    about: Mapping[str, Any]
    metadata: Mapping[str, Any]
    entry_id: Callable[[str], str]
    home: Path


@dataclass(slots=True)
class MailReports:
    """The reports of a message, ``stored`` of which were not there before, and the files that were
    left out, with the reason."""

    reports: list[str] = field(default_factory=list)
    stored: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)


async def store_mail_files(
    database: Database, message: bytes, folder: Path, origin: MailOrigin
) -> MailReports:
    """Take a message apart in a folder and store each file that a rule takes.

    A file that cannot be read is a failed row of the journal, and the next one is read. Raises
    `BadMessageError`, `RefusedError`, `UnreachableError`.
    """
    path = folder / "message"
    await asyncio.to_thread(path.write_bytes, message)
    found = await take_apart(path, folder, [rule.settings.attachment for rule, _ in origin.rules])
    done = MailReports()
    for at, each in enumerate(found.files):
        try:
            await _store(database, each, str(at), origin, done)
        except (UnreadableReportError, NotAcceptedError) as error:
            done.left_out.append((each.path.name, str(error)))
    for at, failed in enumerate(found.failed):
        done.left_out.append((failed["file"], failed["reason"]))
        await _note_failure(database, failed, origin, f"failed {at}")
    done.left_out += [(name, NO_RULE) for name in found.left_out]
    return done


async def _store(
    database: Database, file: TakenFile, at: str, origin: MailOrigin, done: MailReports
) -> None:
    rule, type_ = origin.rules[file.taker]
    within = {"within": list(file.within)} if file.within else {}

    async def place(document: ReportDocument) -> str | None:
        return await asyncio.to_thread(kept_file, document, origin.home)

    about = ReportOrigin(
        vendor=rule.vendor,
        report_type=type_,
        about={**origin.about, "file": file.path.name, **within},
        entry_id=origin.entry_id(at),
        metadata={"mail": {**origin.metadata, **within}},
    )
    if known := await known_report(database, file.path, about):
        done.reports.append(known)
        done.stored += await _has_stored(database, origin.entry_id(at), str(origin.about["run"]))
        return
    reading = _reading(rule.settings)
    imported = await store_file(database, file.path, about, reading, place=place)
    done.reports.append(imported.id)
    done.stored += imported.stored


async def _has_stored(database: Database, entry_id: str, run: str) -> bool:
    """Whether an attempt of this run that was cut off has stored the file: its row says so."""
    if not remembers(database.binding):
        return False
    found = await database.fetch(INGESTED, [entry_id], run)
    outputs = [read(each.output).value for each in found if each.output]
    return any(isinstance(each, dict) and each.get("stored") is True for each in outputs)


def kept_file(document: ReportDocument, home: Path) -> str | None:
    """Where the file is kept: only one whose rows are not all in the database is. It is a
    business's own, so no other account reads it."""
    if document.metadata["storedRows"] == document.rows:
        return None
    source, digest = Path(document.file.path), document.file.sha256[:16]
    folder = home / "reports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{digest}.part"
    part.unlink(missing_ok=True)  # of an attempt that was cut off
    with source.open("rb") as content, open(part, "xb", opener=_private) as copy:
        shutil.copyfileobj(content, copy)
    room = LONGEST_NAME - len(os.fsencode(f"{digest}-{source.suffix}"))
    stem = os.fsencode(source.stem)[:room].decode(errors="ignore")
    kept = folder / f"{digest}-{stem}{source.suffix}"
    part.replace(kept)
    return str(kept)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _reading(settings: VendorSettings) -> ReadingOptions:
    return ReadingOptions(
        encoding=settings.encoding,
        separator=settings.separator,
        sheet=settings.sheet,
        zone=settings.zone,
        day_first=settings.day_first,
    )


async def _note_failure(
    database: Database, failed: Mapping[str, str], origin: MailOrigin, at: str
) -> None:
    entry = journal.JournalEntry(
        id=origin.entry_id(at),
        task_type=TASK,
        status="failed",
        input={**origin.about, "file": failed["file"]},
        error=f"{failed['file'] or 'The message'}: {failed['reason']}.",
    )
    async with database.transaction() as session:
        await journal.write(session, [entry])
