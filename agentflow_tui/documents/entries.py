"""Entries of a document in whatever shape it gives them, and a workflow's steps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents.reading import Document, kind_of, read
from agentflow_tui.schema import spelling
from agentflow_tui.text import plural, safe

ENTRIES = 10_000
"""Steps, recipients or attachments read from one document."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entries(Sequence[T]):
    """What was found in a document, in its order.

    ``problem`` says what could not be used, or the first of it; ``rejected`` has a sentence for
    each entry that could not, where each counts.
    """

    found: tuple[T, ...] = ()
    problem: str | None = None
    rejected: tuple[str, ...] = ()

    @property
    def count_all(self) -> int:
        """Entries found and entries rejected."""
        return len(self.found) + len(self.rejected)

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[T]:
        return iter(self.found)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.found[index]


class Fields:
    """An object's members under any spelling of their names: ``maxRetries``, ``max_retries``."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, Any]):
        self._members = {spelling(key): value for key, value in members.items()}

    def first(self, *names: str) -> Any:
        return next(
            (found for name in names if (found := self._members.get(name)) is not None), None
        )

    def text(self, *names: str) -> str:
        found = self.first(*names)
        if isinstance(found, (str, int, float)) and not isinstance(found, bool):
            return str(found).strip()
        return ""

    def number(self, *names: str) -> float | None:
        """A finite number, also one written as text."""
        found = self.first(*names)
        if isinstance(found, bool) or not isinstance(found, (int, float, str)):
            return None
        try:
            amount = float(found)
        except (ValueError, OverflowError):
            return None
        return amount if abs(amount) < 1e15 else None

    def no_number(self, name: str, *names: str) -> str | None:
        """What to say about a member that is there and cannot be read as a number."""
        found = self.first(*names)
        if found is None or self.number(*names) is not None:
            return None
        is_single = isinstance(found, (str, int, float)) and not isinstance(found, bool)
        shown = f"'{safe(str(found), 20)}'" if is_single else kind_of(found)
        return f"{name} must be a number, not {shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a workflow's definition.

    ``timeout`` is the number as the definition gives it; ``when`` is the condition, None for
    always; ``problem`` says why the step cannot be run as it is. ``unknown`` are members that no
    step has; ``retries_given`` is ``maxRetries`` as it is written.
    """

    id: str
    type: str
    name: str
    config: Mapping[str, Any]
    max_retries: int | None = None
    backoff_factor: float | None = None
    timeout: float | None = None
    when: Any = None
    problem: str | None = None
    unknown: tuple[str, ...] = ()
    retries_given: Any = None


Steps = Entries[Step]


def as_steps(document: Document) -> Steps:
    """The steps of ``workflows.steps``: a list, an object with ``steps``, or a single step."""
    value = document.value
    if isinstance(value, dict):
        inner = unwrapped(value.get("steps"))
        value = inner if inner is not None else [value] if "type" in value else value
    if isinstance(value, list):
        problem = too_many(value, "steps")
        return Entries(tuple(map(_step, range(ENTRIES), value)), problem)
    if value is None:
        return Entries((), document.problem)
    return Entries((), f"the steps are {kind_of(value)}, not a list")


def unwrapped(value: Any) -> Any:
    """A member that was itself stored as JSON text, parsed."""
    return read(value).value if isinstance(value, str) and value[:1] in ("[", "{") else value


def too_many(found: list[Any], what: str) -> str | None:
    """What to say about a list of which only the first `ENTRIES` are read."""
    if len(found) <= ENTRIES:
        return None
    return f"{plural(len(found), what, what)}: only the first {plural(ENTRIES, what, what)} count"


def _step(index: int, value: Any) -> Step:
    value = unwrapped(value)
    if not isinstance(value, dict):
        name = value if isinstance(value, str) else f"step {index + 1}"
        wrong = f"the step is {kind_of(value)}, not an object"
        return Step(id=str(index), type="", name=name, config={}, problem=wrong)
    fields = Fields(value)
    kind = fields.text("type", "kind")
    config = unwrapped(fields.first("config", "params", "parameters", "options"))
    retries = fields.number(*_RETRIES)
    return Step(
        id=fields.text("id", "stepid", "key") or str(index),
        type=kind,
        name=fields.text("name", "title", "label", "id") or kind or f"step {index + 1}",
        config=config if isinstance(config, dict) else {},
        max_retries=None if retries is None else max(0, int(retries)),
        backoff_factor=fields.number(*_BACKOFF),
        timeout=fields.number(*_TIMEOUT),
        when=fields.first("when", "condition", "if"),
        problem=_step_problem(kind, config, fields),
        unknown=tuple(str(key) for key in value if spelling(key) not in _MEMBERS),
        retries_given=fields.first("maxretries"),
    )


_RETRIES = ("maxretries",)
_BACKOFF = ("backofffactor", "backoff")
_TIMEOUT = ("timeout", "timeoutms")


_MEMBERS = frozenset(
    {
        *("id", "stepid", "key", "type", "kind", "name", "title", "label"),
        *("config", "params", "parameters", "options", "when", "condition", "if"),
        *("retries", "maxretries", *_BACKOFF, *_TIMEOUT),
    }
)
"""Every spelling of a step's members, and ``retries``, which AgentFlow writes."""


def _step_problem(kind: str, config: Any, fields: Fields) -> str | None:
    if not kind:
        return "the step has no type"
    if config is not None and not isinstance(config, dict):
        return f"the step's config is {kind_of(config)}, not an object"
    return (
        fields.no_number("maxRetries", *_RETRIES)
        or fields.no_number("backoffFactor", *_BACKOFF)
        or fields.no_number("timeout", *_TIMEOUT)
    )
