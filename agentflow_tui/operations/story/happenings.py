"""What an entry of the journal says in a story."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import headline, read
from agentflow_tui.operations.story.entries import given, said
from agentflow_tui.store.views.tasks import Mention
from agentflow_tui.text import duration, plural


@dataclass(frozen=True, slots=True)
class Happening:
    """A sentence about an entry, its status word, and the table that it is about in the order of
    events. ``lasts``: that it took time is worth telling."""

    text: str
    status: str
    table: str
    lasts: bool = True


def told(entry: Mention) -> Happening:
    """What an entry says."""
    task = entry.task_type or ""
    for begin, tell in _TELLERS.items():
        if task.startswith(begin):
            return tell(entry)
    about = entry.error or headline(read(entry.output)) or headline(read(entry.input))
    return Happening(f"{task or 'Task'}: {about}", entry.status or "", "task_logs")


def _fire(entry: Mention) -> Happening:
    given_, said_ = given(entry), said(entry)
    outcome = str(said_.get("outcome") or "")
    cron = given_.get("cron") or ""
    reason = said_.get("reason") or entry.error or ""
    missed = said_.get("missed")
    more = f"; {plural(missed, 'earlier slot')} missed" if isinstance(missed, int) else ""
    match outcome:
        case "fired":
            text = f"Fired by its schedule {cron}{_late(said_)}{more}"
            return Happening(text, "completed", _S, lasts=False)
        case "missed" | "moved" | "twice":
            return Happening(f"Slot {outcome}: {reason}{more}", "warning", _S, lasts=False)
        case "wrong":
            return Happening(f"Cannot fire: {reason}", "failed", _S, lasts=False)
    return Happening(f"Slot skipped: {reason}{more}", "failed", _S, lasts=False)


_S = "schedules"


def _late(said_: Mapping[str, Any]) -> str:
    late = said_.get("late_ms")
    is_late = isinstance(late, int | float) and late >= 1000
    return f", {duration(late / 1000)} late" if is_late and late else ""


_STEP = re.compile(r"^Step \d+ \(.*?\): ")
"""What an error of a step begins with; the line has said it."""


def _step(entry: Mention) -> Happening:
    given_ = given(entry)
    index = given_.get("index")
    place = f" {index + 1}" if isinstance(index, int) else ""
    name = given_.get("name") or given_.get("step") or ""
    type_ = f" ({given_['type']})" if given_.get("type") else ""
    tries = given_.get("attempt")
    again = f", attempt {tries}" if isinstance(tries, int) and tries > 1 else ""
    error = f": {_STEP.sub('', entry.error)}" if entry.error else ""
    return Happening(f"Step{place} {name}{type_}{again}{error}", entry.status or "", "workflows")


def _attempt(entry: Mention) -> Happening:
    attempt = given(entry).get("attempt")
    which = f"Attempt {attempt}" if attempt else "Attempt"
    said_ = said(entry)
    answer = entry.error or said_.get("answer") or entry.status or ""
    relay = f" ({said_['relay']})" if said_.get("relay") else ""
    return Happening(f"{which}: {answer}{relay}", entry.status or "", "email_queue")


def _part(entry: Mention) -> Happening:
    said_ = said(entry)
    accepted = said_.get("accepted")
    count = plural(len(accepted), "recipient") if isinstance(accepted, list) else "some recipients"
    return Happening(f"Part {said_.get('part', '?')}: {count} served", "", "email_queue")


def _operation(entry: Mention) -> Happening:
    given_, said_ = given(entry), said(entry)
    verb = given_.get("verb") or (entry.task_type or "").partition(".")[2]
    applied = said_.get("applied")
    rows = f" of {plural(applied, 'row')}" if isinstance(applied, int) else ""
    table = f" in {given_['table']}" if given_.get("table") else ""
    undone = ", taken back since" if said_.get("undone_by") else ""
    error = f": {entry.error}" if entry.error else ""
    text = f"{_by(given_)}: {verb}{rows}{table}{undone}{error}"
    return Happening(text, entry.status or "", "task_logs", lasts=False)


def _by(given_: Mapping[str, Any]) -> str:
    operator, host = given_.get("operator") or "somebody", given_.get("host")
    return f"{operator}@{host}" if host else str(operator)


def _import(entry: Mention) -> Happening:
    given_ = given(entry)
    file = str(given_.get("file") or "a file").rpartition("/")[2]
    again = " (it was there before)" if said(entry).get("stored") is False else ""
    error = f": {entry.error}" if entry.error else ""
    by = f"{_by(given_)}: " if given_.get("operator") else ""
    text = f"{by}report imported from {file}{again}{error}"
    return Happening(text, entry.status or "", "reports")


def _message(entry: Mention) -> Happening:
    """A message in a mailbox, or how far the mailbox was read."""
    given_, reports = given(entry), said(entry).get("reports")
    error = f": {entry.error}" if entry.error else ""
    if "subject" not in given_:
        return Happening(f"Mailbox read{error}", entry.status or "", "workflows", lasts=False)
    brought = plural(len(reports), "report") if isinstance(reports, list) else "reports"
    text = f"{brought} from a mail of {given_.get('from') or 'somebody'}: {given_['subject']}"
    return Happening(f"{text}{error}", entry.status or "", "workflows")


def _insights(entry: Mention) -> Happening:
    stored = said(entry).get("stored")
    found = plural(len(stored), "insight") if isinstance(stored, list) else "insights"
    by = f"{_by(given(entry))}: " if given(entry).get("operator") else ""
    text = f"{by}{found} found in the report"
    return Happening(text if not entry.error else entry.error, entry.status or "", "reports")


def _distribute(entry: Mention) -> Happening:
    said_ = said(entry)
    digests = said_.get("digests")
    count = f"{plural(digests, 'digest')} queued" if isinstance(digests, int) else "distributed"
    by = f"{_by(given(entry))}: " if given(entry).get("operator") else ""
    return Happening(f"{by}{count}", entry.status or "", "insights")


_TELLERS: Mapping[str, Callable[[Mention], Happening]] = {
    "schedule.fire": _fire,
    "workflow.step": _step,
    "email.send": _attempt,
    "email.part": _part,
    "email.cancel": _attempt,
    "operator.": _operation,
    "operation.": _operation,
    "report.import": _import,
    "email.ingest": _message,
    "insight.generate": _insights,
    "insight.distribute": _distribute,
}
"""By how the task type begins."""
