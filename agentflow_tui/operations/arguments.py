"""What can be said with an operation, checked before anything is asked of the database."""

import json
from collections.abc import Iterator

from agentflow_tui import clock
from agentflow_tui.documents import as_recipients, as_steps, read
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.operations.operation import Argument
from agentflow_tui.operations.timetables import next_fires, timetable_words, zone_of
from agentflow_tui.text import storable

LOWEST, HIGHEST = -(2**31), 2**31 - 1
"""What a PostgreSQL integer holds."""

FIRES = 5
"""Coming fires that a changed expression is shown with."""


def _writable(text: str) -> str:
    """Raises `UsageError` for characters that no database holds."""
    if storable(text) != text:
        raise UsageError("This has a character that no database can hold.")
    return text


def _whole(text: str) -> str:
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"{text!r} is no whole number.") from None
    if not LOWEST <= value <= HIGHEST:
        raise UsageError(f"{text} is out of range: {LOWEST} to {HIGHEST}.")
    return str(value)


PRIORITY = Argument(
    name="to",
    about="the new priority; higher leaves first",
    parse=_whole,
    current=lambda row: str(row.priority if row.priority is not None else 0),
)


def _step(text: str) -> str:
    number = int(_whole(text))
    if number < 0:
        raise UsageError("Steps are counted from 0.")
    return str(number)


def _step_of(row: object) -> str:
    return str(getattr(row, "current_step", None) or 0)


def _steps_of(row: object) -> list[str]:
    steps = as_steps(read(getattr(row, "steps", None)))
    return [
        f"{place}  {step.name or step.id} ({step.type})"
        for place, step in enumerate(steps, start=1)
    ]


STEP = Argument(
    name="to",
    about="the step to go on from, counted from 0",
    parse=_step,
    current=_step_of,
    places=_steps_of,
)


def _cron(text: str) -> str:
    words, problem = timetable_words(text.strip(), "")
    if problem or not words:
        raise UsageError(problem or "A schedule needs a cron expression.")
    return text.strip()


def _cron_effect(text: str, zone: str = "UTC") -> list[str]:
    words, problem = timetable_words(text.strip(), zone)
    if problem:
        return [problem]
    at = zone_of(zone)
    try:
        fires = next_fires(text.strip(), clock.now(), FIRES, at)
    except AgentflowError as error:
        return [str(error)]
    return [words, *(f"next {fire.astimezone(at):%a %Y-%m-%d %H:%M:%S %Z}" for fire in fires)]


CRON = Argument(
    name="set",
    about="the new cron expression",
    parse=_cron,
    effect=_cron_effect,
    current=lambda row: row.cron or "",
)


def _recipients(text: str) -> str:
    """A JSON array, or addresses separated by commas, as the JSON that is stored."""
    written = text.strip()
    if not written.startswith(("[", "{", '"')):
        written = json.dumps([part.strip() for part in written.split(",") if part.strip()])
    found = as_recipients(read(_writable(written)))
    if found.problem:
        raise UsageError(f"Not recipients: {found.problem}.")
    _writable("".join(_strings(json.loads(written))))
    if not len(found):
        raise UsageError("A mail needs at least one recipient.")
    return written


def _strings(value: object) -> Iterator[str]:
    """Every text in a JSON value, with its escapes resolved."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings([*value, *value.values()])
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


RECIPIENTS = Argument(
    name="set",
    about="addresses separated by commas, or a JSON array",
    parse=_recipients,
    effect=lambda text: [
        f"to {recipient.address}" for recipient in list(as_recipients(read(_recipients(text))))[:8]
    ],
    current=lambda row: row.recipients or "",
)


def _line(text: str) -> str:
    if not text.strip():
        raise UsageError("Say something, or leave it as it is.")
    if "\n" in text or "\r" in text or "\0" in text:
        raise UsageError("One line only.")
    return _writable(text.strip())


SUBJECT = Argument(
    name="set", about="the new subject", parse=_line, current=lambda row: row.subject or ""
)
LABEL = Argument(
    name="set", about="the new label", parse=_line, current=lambda row: row.label or ""
)
WORKFLOW = Argument(
    name="set",
    about="the id of the workflow",
    parse=_line,
    current=lambda row: row.workflow_id or "",
)
