"""``emailIngestion``: reports out of a mailbox, each stored once.

What was dealt with is told by rows of the journal, and by no flag: their ids follow from mailbox,
folder, UIDVALIDITY, the message's number, the step and its rules. One more such row, of the highest
number that was looked at, ends each run that found something new: up to there nothing is looked at
again.
"""

import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.errors import SettingsError
from agentflow_tui.mailbox import mailboxes
from agentflow_tui.mailbox.agentflow_vendors import read_agentflow_vendors
from agentflow_tui.mailbox.authentication import is_vouched_for
from agentflow_tui.mailbox.child import BadMessageError
from agentflow_tui.mailbox.connection import MailboxConnection, MailboxError, MessageHead
from agentflow_tui.mailbox.headers import header_text, sender_of
from agentflow_tui.mailbox.mailboxes import Mailbox
from agentflow_tui.mailbox.rules import VendorRule, rules_for, vendor_rule
from agentflow_tui.reports.documents import READER
from agentflow_tui.settings import Settings, VendorSettings
from agentflow_tui.steps.blocking import in_thread
from agentflow_tui.steps.calls import Call, StepError
from agentflow_tui.steps.configs import SERVICE, URL, ConfigError
from agentflow_tui.steps.mail_files import MailOrigin, store_mail_files
from agentflow_tui.store import journal
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.ingested_mail import INGESTED, remembers
from agentflow_tui.text import safe, size

TASK = "email.ingest"
"""``task_logs.taskType`` of the rows about messages."""

AT_ONCE = 100
"""Messages whose headers are asked for at once."""

MOST_LISTED = 20_000
"""Messages of a folder that are looked at, the latest ones."""

NOTES = 50
"""Things left out that the result names."""

_IDS = UUID("5d0d9a07-5c11-5b8e-9f0b-7d3c8a42e1b6")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailIngestionConfig:
    """Whose reports are brought in: ``*`` for every rule of the settings, names of some of them, or
    rules in place. AgentFlow's own shape has ``platform`` and ``searchCriteria``, and no vendors.

    ``url`` is the mailbox, ``imaps://host``; without it that of the environment. ``days`` is how
    far back is looked, ``authenticatedBy`` the server whose Authentication-Results must have
    passed, ``maxBytes`` the largest message, ``maxMessages`` how many are fetched in one run.
    """

    vendors: str | list[str | VendorSettings]
    url: str = field(default="", metadata=URL)
    user: str = field(default="", metadata=SERVICE)
    password: str = field(default="", metadata=SERVICE)
    access_token: str = field(default="", metadata=SERVICE)
    folder: str = "INBOX"
    days: int = 30
    authenticated_by: str = ""
    max_bytes: int = 50_000_000
    max_messages: int = 100

    def __post_init__(self) -> None:
        if min(self.days, self.max_bytes, self.max_messages) < 1:
            raise ValueError("days, maxBytes and maxMessages must be at least 1")
        if (self.password or self.access_token) and not self.url:
            raise ValueError("password and accessToken belong to a url")


def verify(config: EmailIngestionConfig) -> None:
    """Raises `ConfigError` for a URL or a rule that cannot be."""
    try:
        if config.url:
            mailboxes.from_url(config.url, "url")
        for each in config.vendors if isinstance(config.vendors, list) else ():
            if isinstance(each, VendorSettings):
                vendor_rule(each)
    except SettingsError as error:
        raise ConfigError(str(error)) from None


async def email_ingestion(call: Call[EmailIngestionConfig]) -> dict[str, Any]:
    """Bring in what has come since the last run. Repeated, it stores nothing more."""
    settings = call.services.settings
    try:
        rules = _rules(call.config, settings)
        mailbox = _mailbox(call.config, settings)
    except SettingsError as error:
        raise StepError(str(error), retry=False) from None
    call.secrets.extend(filter(None, (mailbox.password, mailbox.token)))
    async with _opened(mailbox, call.config.folder) as connection:
        run = _Run(call, rules, connection, mailbox)
        return await run.bring_in()


def _rules(config: EmailIngestionConfig, settings: Settings) -> list[VendorRule]:
    """The rules that the config names. Raises `SettingsError`, `ConfigError`."""
    known = {**settings.vendors}
    if settings.vendors_file:
        for each in read_agentflow_vendors(Path(settings.vendors_file)):
            known.setdefault(each.name, each)
    if config.vendors == "*":
        found = list(known.values())
        if not found:
            raise ConfigError(
                "config.vendors: the settings have no rules; add a section [vendors.NAME]"
            )
    else:
        given = [config.vendors] if isinstance(config.vendors, str) else config.vendors
        found = [known[_known(each, known)] if isinstance(each, str) else each for each in given]
    return [vendor_rule(each) for each in found]


def _known(name: str, known: dict[str, VendorSettings]) -> str:
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise ConfigError(
            f"config.vendors: the settings have no [vendors.{safe(name, 40)}]; known: {names}"
        )
    return name


def _mailbox(config: EmailIngestionConfig, settings: Settings) -> Mailbox:
    """The mailbox that the config or the environment names. Raises `SettingsError`."""
    if not config.url:
        found = mailboxes.from_environ(settings.environ)
    else:
        found = mailboxes.from_url(config.url, "config.url")
    return found.signed_in(config.user, config.password, config.access_token)


@asynccontextmanager
async def _opened(mailbox: Mailbox, folder: str) -> AsyncIterator[MailboxConnection]:
    """The mailbox's folder, closed again. Raises `StepError` for what the server refuses."""
    connection = MailboxConnection(mailbox, folder)
    try:
        await in_thread(connection.open)
        yield connection
        await in_thread(connection.close)
    except MailboxError as error:
        raise StepError(str(error)) from None
    finally:
        connection.abort()


@dataclass(slots=True)
class _Tally:
    """What a run has come to. ``left_out`` has the sender, subject, file and reason of each."""

    reports: list[str] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    stored: int = 0
    messages: int = 0
    ignored: int = 0
    more: int = 0

    def add(self, output: Any) -> None:
        """Count in what the journal says of a message."""
        if isinstance(output, dict):
            self.messages += 1
            self.reports += [str(each) for each in output.get("reports", ())]
            self.left_out += output.get("leftOut", ())
            self.stored += int(output.get("stored", 0))

    @property
    def result(self) -> dict[str, Any]:
        return {
            "success": True,
            "reports": list(dict.fromkeys(self.reports)),
            "stored": self.stored,
            "messages": self.messages,
            "ignored": self.ignored,
            "leftOut": self.left_out[:NOTES],
            "more": self.more,
        }


class _Run:
    """One attempt at bringing in what a folder has."""

    def __init__(
        self,
        call: Call[EmailIngestionConfig],
        rules: Sequence[VendorRule],
        connection: MailboxConnection,
        mailbox: Mailbox,
    ) -> None:
        self._config = call.config
        self._database: Database = call.services.database()
        self._home = call.services.settings.home
        self._rules = rules
        self._connection = connection
        self._marker = str(uuid5(_IDS, call.key))
        self._tally = _Tally()
        self._about = {
            "workflow": call.workflow_id,
            "step": call.step_id,
            "run": self._marker,
            "mailbox": mailbox.url,
            "folder": call.config.folder,
            "uidValidity": connection.uid_validity,
        }
        self._scope = "\0".join(
            (
                *(mailbox.host, mailbox.user, call.config.folder, str(connection.uid_validity)),
                *(call.workflow_id, call.step_id, _digest(call.config, rules)),
            )
        )

    async def bring_in(self) -> dict[str, Any]:
        """Look at every message that is new. Returns the step's result."""
        since = (clock.now() - timedelta(days=self._config.days)).date()
        uids = (await in_thread(self._connection.uids, since))[-MOST_LISTED:]
        new = await self._new(uids)
        last = 0
        for at in range(0, len(new), AT_ONCE):
            heads = await in_thread(self._connection.heads, new[at : at + AT_ONCE])
            for head in heads:
                if self._tally.messages >= self._config.max_messages:
                    self._tally.more = len([uid for uid in new if uid > last])
                    break
                await self._look_at(head)
                last = head.uid
            if self._tally.more:
                break
        if last:
            await self._mark(last)
        return self._tally.result

    async def _new(self, uids: Sequence[int]) -> list[int]:
        """Those that no run has dealt with. What this one has, before it was cut off, counts."""
        if not remembers(self._database.binding):
            return list(uids)
        messages = {self._id("message", uid): uid for uid in uids}
        marks = {self._id("up to", uid): uid for uid in uids}
        found = await self._database.fetch(INGESTED, [*messages, *marks], self._marker)
        known = {each.id for each in found}
        for each in found:
            if each.id in messages and each.output is not None:
                self._tally.add(read(each.output).value)
        last = max((uid for id_, uid in marks.items() if id_ in known), default=0)
        return [uid for id_, uid in messages.items() if uid > last and id_ not in known]

    def _id(self, what: str, uid: int, *further: str) -> str:
        return str(uuid5(_IDS, "\0".join((self._scope, what, str(uid), *further))))

    async def _look_at(self, head: MessageHead) -> None:
        sender, subject = sender_of(head.headers), header_text(head.headers, "Subject")
        rules = rules_for(self._rules, sender, subject)
        if not rules and not head.refused:
            self._tally.ignored += 1
            return
        begun = clock.now()
        output: dict[str, Any] = {"reports": [], "stored": 0, "leftOut": []}
        error: str | None = None
        try:
            output = await self._stored(head, sender, subject, rules)
        except BadMessageError as bad:
            error = str(bad)
            output["leftOut"] = [_note(sender, subject, "", error)]
        entry = journal.JournalEntry(
            id=self._id("message", head.uid),
            task_type=TASK,
            status="failed" if error else "completed",
            input={**self._about, "uid": head.uid, "from": sender, "subject": safe(subject, 200)},
            output=output,
            error=error,
            started=begun,
        )
        async with self._database.transaction() as session:
            await journal.write(session, [entry])
        self._tally.add(output)

    async def _stored(
        self,
        head: MessageHead,
        sender: str,
        subject: str,
        rules: Sequence[tuple[VendorRule, str]],
    ) -> dict[str, Any]:
        """Fetch a message and store what it brings. Raises `BadMessageError` for all of it."""
        config = self._config
        if head.refused:
            raise BadMessageError(head.refused)
        server = config.authenticated_by
        if server and not is_vouched_for(head.headers, server):
            raise BadMessageError(f"{safe(server, 80)} does not vouch for its sender.")
        if head.size > config.max_bytes:
            raise BadMessageError(
                f"It has {size(head.size)}, and no more than {size(config.max_bytes)} are fetched."
            )
        content = await in_thread(self._connection.message, head.uid, config.max_bytes + 1)
        if content is None:
            raise BadMessageError("It was deleted before it was fetched.")
        if len(content) > config.max_bytes:
            raise BadMessageError(f"It is larger than {size(config.max_bytes)}.")
        about = {**self._about, "uid": head.uid}
        origin = MailOrigin(
            rules=rules,
            about=about,
            metadata={
                "from": sender,
                "subject": subject,
                "date": header_text(head.headers, "Date"),
                "messageId": header_text(head.headers, "Message-ID"),
                **{name: about[name] for name in ("mailbox", "folder", "uidValidity", "uid")},
            },
            entry_id=lambda what: self._id("file", head.uid, what),
            home=self._home,
        )
        with tempfile.TemporaryDirectory(prefix="agentflow-mail-") as folder:
            done = await store_mail_files(self._database, content, Path(folder), origin)
        return {
            "reports": list(done.reports),
            "stored": done.stored,
            "leftOut": [_note(sender, subject, file, reason) for file, reason in done.left_out],
        }

    async def _mark(self, uid: int) -> None:
        """Put on record that all up to this message has been looked at."""
        tally = self._tally
        entry = journal.JournalEntry(
            id=self._id("up to", uid),
            task_type=TASK,
            input={**self._about, "upTo": uid},
            output={
                "messages": tally.messages,
                "ignored": tally.ignored,
                "more": tally.more,
                "reports": len(set(tally.reports)),
                "stored": tally.stored,
            },
        )
        async with self._database.transaction() as session:
            await journal.write(session, [entry])


def _digest(config: EmailIngestionConfig, rules: Sequence[VendorRule]) -> str:
    """What a message is looked at by: when it changes, all are looked at again."""
    by = {
        "rules": [asdict(rule.settings) for rule in rules],
        "authenticatedBy": config.authenticated_by,
        "maxBytes": config.max_bytes,
        "reader": READER,
    }
    return hashlib.sha256(json.dumps(by, sort_keys=True).encode()).hexdigest()


def _note(sender: str, subject: str, file: str, reason: str) -> dict[str, str]:
    return {"from": sender, "subject": safe(subject, 200), "file": file, "reason": reason}
