"""A file checked, without a database: what it says, and every mistake with its place."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import kind_of
from agentflow_tui.errors import SettingsError
from agentflow_tui.filters.parsing import did_you_mean
from agentflow_tui.steps.plans import plan
from agentflow_tui.steps.registry import Registry, load
from agentflow_tui.text import safe
from agentflow_tui.workflow_files.documents import (
    IGNORED,
    SCHEDULE_MEMBERS,
    WORKFLOW_MEMBERS,
    ScheduleFile,
    WorkflowFile,
)
from agentflow_tui.workflow_files.nodes import FileMistake, FileNode
from agentflow_tui.workflow_files.reading import read_tree
from agentflow_tui.workflow_files.reference_checks import maybe_skipped, reference_faults
from agentflow_tui.workflow_files.step_checks import Fault, elsewhere, read_steps, step_faults

FileKind = Literal["workflow", "schedule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """A file that was checked. ``content`` is what it says, None where there are ``mistakes``;
    ``remarks`` are no mistakes. ``kind`` is what it was taken for."""

    kind: FileKind
    content: WorkflowFile | ScheduleFile | None = None
    mistakes: tuple[FileMistake, ...] = ()
    remarks: tuple[FileMistake, ...] = ()


def check_file(
    data: bytes,
    name: str,
    zone: str,
    *,
    kind: FileKind | None = None,
    registry: Registry | None = None,
) -> CheckedFile:
    """Check the bytes of a file called ``name``. ``zone`` is the one in which the workers read cron
    expressions. Without a ``kind`` what has steps is a workflow, and what has none but a cron
    expression a schedule. Never raises for what a file holds."""
    tree = read_tree(data, name)
    meant = kind or _kind_of(tree.root)
    if tree.root is None:
        return CheckedFile(kind=meant, mistakes=tree.mistakes)
    root = tree.root
    if not isinstance(root.value, dict):
        said = (
            f"the file holds {kind_of(root.plain)} and not the members of a {meant}, such as "
            f"{'steps' if meant == 'workflow' else 'cron'}"
        )
        mistake = FileMistake(root.line, root.column, "", said)
        return CheckedFile(kind=meant, mistakes=(*tree.mistakes, mistake))
    check = _Check(root, zone, registry or _installed())
    content = check.workflow() if meant == "workflow" else check.schedule()
    unread = {mistake.path for mistake in tree.mistakes}  # what they hold is not what is meant
    faults = [fault for fault in check.faults if fault[0] not in unread]
    mistakes = (*tree.mistakes, *_placed(root, faults))
    return CheckedFile(
        kind=meant,
        content=None if mistakes else content,
        mistakes=tuple(sorted(dict.fromkeys(mistakes))),
        remarks=tuple(sorted(_placed(root, check.remarks))),
    )


@cache
def _installed() -> Registry:
    """The step types of this process: looking for what is installed takes longer than a check."""
    return load()


def _kind_of(root: FileNode | None) -> FileKind:
    value = root.value if root is not None else None
    if isinstance(value, dict) and "steps" not in value and {"cron", "workflowId"} & value.keys():
        return "schedule"
    return "workflow"


def _placed(root: FileNode, faults: Iterable[Fault]) -> Iterator[FileMistake]:
    for path, message in faults:
        line, column = root.place(path)
        yield FileMistake(line, column, path, message)


class _Check:
    """Checks one file's members. ``faults`` and ``remarks`` are what was found on the way."""

    def __init__(self, root: FileNode, zone: str, registry: Registry):
        self._members: Mapping[str, Any] = root.plain
        self._zone, self._registry = zone, registry
        self.faults: list[Fault] = []
        self.remarks: list[Fault] = []

    def workflow(self) -> WorkflowFile:
        self._check_names(WORKFLOW_MEMBERS, "workflow")
        context = self._member("context", dict, "an object") or {}
        content = WorkflowFile(
            name=self._text("name"),
            user_id=self._text("userId"),
            cron=self._cron(),
            time_zone=self._time_zone(),
            context=context,
            steps=tuple(self._steps(context)),
        )
        if content.time_zone is not None and content.cron is None and not self.faults:
            self.faults.append(("timeZone", "a time zone is for a cron expression: add cron"))
        if content.name is not None and "name" in context:
            said = "the name stands in the context, too: take one of them out"
            self.faults.append(("context.name", said))
        return content

    def schedule(self) -> ScheduleFile:
        self._check_names(SCHEDULE_MEMBERS, "schedule")
        if "cron" not in self._members:
            self.faults.append(("", "cron is missing: it says when, such as '30 7 * * 1-5'"))
        active = self._member("active", bool, "true or false")
        return ScheduleFile(
            cron=self._cron() or "",
            workflow_id=self._workflow_id(),
            time_zone=self._time_zone(),
            active=True if active is None else active,
            intent=self._text("intent"),
        )

    def _check_names(self, known: Sequence[str], kind: str) -> None:
        for name in self._members:
            if name not in known and name != IGNORED:
                hint = did_you_mean(name, known) or f"There are {', '.join(known)}."
                said = f"a {kind} has no member '{safe(name, 40)}'. {hint}"
                self.faults.append((name, said))

    def _member(self, name: str, type_: type, words: str) -> Any:
        """A member's value; None where it is missing, null, or of another kind."""
        value = self._members.get(name)
        if value is None or isinstance(value, type_):
            return value
        self.faults.append((name, f"{name} must be {words}, not {kind_of(value)}"))
        return None

    def _text(self, name: str) -> str | None:
        value: str | None = self._member(name, str, "text; numbers stand in quotes")
        if value is not None and not value.strip():
            self.faults.append((name, f"{name} is empty: say something, or leave it out"))
        return value

    def _cron(self) -> str | None:
        text = self._text("cron")
        if text is not None and text.strip() and (why := cron_problem(text)):
            self.faults.append(("cron", why))
        return text.strip() if text else text

    def _time_zone(self) -> str | None:
        name = self._text("timeZone")
        if name is None or not name.strip():
            return None
        try:
            clock.zone(name)
        except SettingsError as error:
            self.faults.append(("timeZone", str(error)))
            return name
        if name != self._zone:
            said = (
                f"the workers read cron expressions in {self._zone}, which [workers] time_zone in "
                f"the settings says: write the expression for that zone"
            )
            self.faults.append(("timeZone", said))
        return name

    def _workflow_id(self) -> str | None:
        id_ = self._text("workflowId")
        if "workflowId" not in self._members:
            self.faults.append(("", "workflowId is missing: the id of the workflow to start"))
        return id_

    def _steps(self, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        steps: list[Any] | None = self._member("steps", list, "a list of steps")
        if not steps:
            if "steps" not in self._members or steps == [] or self._members["steps"] is None:
                said = "a workflow needs at least one step: {id, type, config}"
                self.faults.append(("steps" if "steps" in self._members else "", said))
            return []
        found = read_steps(steps, self._registry)
        named = {"name": self._members["name"]} if self._members.get("name") else {}
        values = named | dict(context)
        faults = [*step_faults(found, self._registry, values), *reference_faults(found, values)]
        if not faults:
            faults = list(self._runner_faults(steps))
        self.faults += faults
        self.remarks += [*elsewhere(found), *maybe_skipped(found)]
        return [step for step in steps if isinstance(step, dict)]

    def _runner_faults(self, steps: list[Any]) -> Iterator[Fault]:
        """What the runner would say all the same: a file that passes must be one that runs."""
        problem = plan(json.dumps(steps), self._registry.handlers).problem_from(0)
        if problem:
            yield "steps", problem


def cron_problem(text: str) -> str:
    """What is wrong with a cron expression; ``""`` where it is right and comes to pass."""
    from agentflow_tui import cron  # only a file with a timetable pays for it

    try:
        parsed = cron.parse(text.strip())
    except cron.CronError as error:
        return str(error)
    return "" if parsed.calendars else f"it never fires: {cron.words(text.strip())}"
