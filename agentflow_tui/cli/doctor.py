"""``agentflow doctor``: what is wrong with the set-up, one line each."""

import argparse
import asyncio
import json

from agentflow_tui.cli.check_results import CheckResult, Severity
from agentflow_tui.cli.connection import load_settings, opened
from agentflow_tui.cli.doctor_server import examine_server
from agentflow_tui.cli.output import put
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.errors import AgentflowError
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.urls import place
from agentflow_tui.store.views.diagnosis import read_server_facts, worth_accelerating
from agentflow_tui.text import duration, plural, safe

CLOCK_DRIFT = 2.0
"""Seconds that this machine's clock may differ from the database's."""


RELAY_ANSWERS_WITHIN = 10.0
"""Seconds for which the relay is waited for."""


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument("--json", action="store_true", help="one object a line")


def run(options: argparse.Namespace) -> int:
    """Check the set-up."""
    require_stdout()
    return asyncio.run(examine(load_settings(options), as_json=options.json))


async def examine(settings: Settings, *, as_json: bool) -> int:
    """Print the findings. Returns 0 when all is fine or only could be better, 1 for a problem, 3
    when the database cannot be reached."""
    findings: list[CheckResult] = []
    code = 0
    try:
        async with opened(settings) as database:
            findings += await _database(database, settings)
    except AgentflowError as error:
        findings.append(CheckResult("connection", Severity.PROBLEM, str(error)))
        code = error.exit_code
    findings += [_key(settings), await _mail(settings), _output()]
    for finding in findings:
        put(_json(finding) if as_json else _text(finding))
    worst = max(finding.verdict for finding in findings)
    return code or (1 if worst is Severity.PROBLEM else 0)


def _text(finding: CheckResult) -> str:
    glyph = {Severity.FINE: "✓", Severity.WARNING: "▲", Severity.PROBLEM: "✗"}[finding.verdict]
    return f"{glyph} {finding.subject:<11} {safe(finding.message, 2000)}"


def _json(finding: CheckResult) -> str:
    return json.dumps(
        {
            "subject": finding.subject,
            "verdict": finding.verdict.name.lower(),
            "message": finding.message,
        }
    )


async def _database(database: Database, settings: Settings) -> list[CheckResult]:
    facts = await read_server_facts(database)
    findings = [
        CheckResult(
            "connection",
            Severity.FINE,
            f"PostgreSQL {facts.version} at {place(database.url)}, "
            f"{duration(facts.round_trip)} away",
        )
    ]
    missing = database.binding.problems()
    findings += [CheckResult("naming", Severity.PROBLEM, f"{m}.") for m in missing] or [
        CheckResult("naming", Severity.FINE, "all thirteen tables with all their columns")
    ]
    findings.append(_privileges(database))
    findings += await examine_server(database, settings)
    drift = abs(facts.clock_offset)
    findings.append(
        CheckResult(
            "clock",
            Severity.WARNING if drift > CLOCK_DRIFT else Severity.FINE,
            f"{duration(drift)} apart from the database's"
            + ("; the database's counts, set this machine's" if drift > CLOCK_DRIFT else ""),
        )
    )
    findings.append(_indexes(database))
    return findings


def _privileges(database: Database) -> CheckResult:
    bound = database.binding.tables.values()
    hidden = [b.table.name for b in bound if b.hidden]
    if hidden:
        said = f"row level security hides every row of {', '.join(hidden)} from this role"
        return CheckResult("privileges", Severity.PROBLEM, said)
    closed = [b.table.name for b in bound if b.oid and not b.writable]
    if closed:
        return CheckResult(
            "privileges", Severity.WARNING, f"this role may not write {', '.join(closed)}"
        )
    return CheckResult("privileges", Severity.FINE, "this role may read and write every table")


def _indexes(database: Database) -> CheckResult:
    wanted = worth_accelerating(database.binding)
    if wanted:
        return CheckResult(
            "indexes",
            Severity.WARNING,
            f"{plural(len(wanted), 'index', 'indexes')} would serve large tables "
            f"({', '.join(sorted({name.split('.')[0] for name in wanted}))}); "
            "'agentflow db accelerate' says what each brings and costs",
        )
    return CheckResult("indexes", Severity.FINE, "nothing large waits for one")


def _output() -> CheckResult:
    """How the console writes to the terminal: a stock output is slower on a slow line."""
    from agentflow_tui.console.terminal.abilities import why_stock_output

    reason = why_stock_output()
    if reason:
        return CheckResult("output", Severity.WARNING, f"Textual's own: {reason}")
    return CheckResult("output", Severity.FINE, "frames of changed cells, as fast as they are read")


def _key(settings: Settings) -> CheckResult:
    from agentflow_tui.vault.keys import find_key

    try:
        found = find_key(settings.environ)
    except AgentflowError as error:
        return CheckResult("key", Severity.PROBLEM, str(error))
    if found is None:
        return CheckResult(
            "key",
            Severity.WARNING,
            "no ENCRYPTION_KEY and no AGENTFLOW_KEY_FILE: secrets stay shut",
        )
    return CheckResult("key", Severity.FINE, "32 bytes, as AgentFlow's own")


async def _mail(settings: Settings) -> CheckResult:
    """Whether a mail could be handed over now: the relay is asked, up to the sender."""
    from agentflow_tui.mail.answers import with_advice
    from agentflow_tui.mail.configuration import sender_of
    from agentflow_tui.mail.smtp.handshake import RelayDownError, probe
    from agentflow_tui.mail.smtp.relays import from_environ, names_mailbox

    if settings.environ.get("AGENTFLOW_OUTBOX"):
        return CheckResult(
            "mail", Severity.FINE, f"to files in {settings.environ['AGENTFLOW_OUTBOX']}"
        )
    try:
        relay = from_environ(settings.environ)
    except AgentflowError as error:
        return CheckResult("mail", Severity.PROBLEM, str(error))
    if relay is None:
        lacking = "no EMAIL_HOST"
        if names_mailbox(settings.environ):
            lacking = "EMAIL_HOST is a mailbox by its port"
        return CheckResult("mail", Severity.WARNING, f"no SMTP_URL and {lacking}: nothing is sent")
    try:
        sender = sender_of(settings.workers, relay).sender.spec
        await probe(relay, RELAY_ANSWERS_WITHIN, sender=sender)
    except RelayDownError as error:
        said = f"{relay.place} takes no mail: {with_advice(error.answer)}"
        return CheckResult("mail", Severity.PROBLEM, said)
    except AgentflowError as error:
        return CheckResult("mail", Severity.PROBLEM, str(error))
    return CheckResult("mail", Severity.FINE, f"{relay.place} takes mail from {sender}")
