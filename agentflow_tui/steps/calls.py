"""What a step's handler is given, and what it may answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.settings import Settings
from agentflow_tui.steps.references import StepResults
from agentflow_tui.store.connection.database import Database

ConfigT = TypeVar("ConfigT")
ConfigT_co = TypeVar("ConfigT_co", covariant=True)


class StepError(AgentflowError):
    """A step failed, in words for the operator; they become ``workflows.lastError``.

    ``retry`` says whether another attempt may go better (the step's own ``maxRetries`` still
    decides how many there are); ``wait`` is the least number of seconds to leave before it.
    """

    def __init__(self, message: str, *, retry: bool = True, wait: float = 0.0):
        super().__init__(message)
        self.retry = retry
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMail:
    """A mail to be queued together with the step's result. ``priority``: higher leaves first.
    ``format``: what ``body`` is, ``text`` or ``html``; without it that is told by the body."""

    subject: str
    body: str
    recipients: tuple[Any, ...]
    attachments: tuple[Any, ...] = ()
    priority: int = 0
    format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What a step came to, when it is more than a result.

    ``mails`` are written in the transaction that commits the step. ``goto`` is the id of the step
    to go on with, ``END`` to complete the workflow. ``wait_until`` keeps the step current and lets
    the workflow rest until then; the handler is called again.
    """

    result: Any = None
    mails: tuple[StepMail, ...] = ()
    goto: str | None = None
    wait_until: datetime | None = None


END = "end"
"""The ``goto`` that completes the workflow."""


def nothing_to_wake() -> None:
    """For handlers that are called outside a runner."""


def no_database() -> Database:
    """For handlers that are called outside a runner. Raises `StepError`."""
    raise StepError("there is no database here", retry=False)


async def no_credential(_label: str) -> Any:
    """For handlers that are called outside a runner. Raises `StepError`."""
    raise StepError("there is no vault here", retry=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What handlers may reach besides their config, one for the whole runner.

    ``api_key`` answers with the value of an active row of ``api_keys``, None when there is none;
    ``http`` makes, once, the HTTP client that all steps share. ``credential`` answers with what the
    credential of a label holds, and raises `StepError`. ``database`` is the runner's, for handlers
    that run on its own loop; ``mail_queued`` tells senders of what they wrote there.
    """

    api_key: Callable[[str], Awaitable[str | None]]
    http: Callable[[], Any]
    credential: Callable[[str], Awaitable[Any]] = no_credential
    database: Callable[[], Database] = no_database
    settings: Settings = field(default_factory=Settings, repr=False)
    mail_queued: Callable[[], None] = nothing_to_wake


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[ConfigT_co]):
    """One attempt at one step.

    ``key`` is the same in every attempt of this step in this run of the workflow, after a crash
    too, and no other step's: hand it to services that recognise repeated requests. ``config`` has
    its references resolved; ``results`` holds what earlier steps gave. ``now`` is the database's
    time at the start of the attempt; ``waited_for`` is the time up to which an earlier call asked
    to wait. What is added to ``secrets`` is blotted out of the result and of errors.
    """

    config: ConfigT_co
    key: str
    workflow_id: str
    step_id: str
    attempt: int
    now: datetime
    results: StepResults
    services: Services = field(repr=False)
    waited_for: datetime | None = None
    secrets: list[str] = field(default_factory=list, repr=False)


_MAILS = UUID("6b6e2f8e-9d0c-5b64-8d0c-3f0f6f5d1c55")


def mail_ids(key: str, index: int) -> tuple[str, str]:
    """Ids of the rows in ``emails`` and ``email_queue`` for the mail that a step makes as its
    ``index``-th: the same in every attempt, so that writing them twice changes nothing."""
    return str(uuid5(_MAILS, f"{key}/mail/{index}")), str(uuid5(_MAILS, f"{key}/queue/{index}"))


def no_targets(_config: Any) -> tuple[str, ...]:
    """For a handler that never jumps."""
    return ()


def no_members_known(_config: Mapping[str, Any]) -> tuple[str, ...]:
    """For a handler whose results may have any members."""
    return ()


def nothing_to_verify(_config: Any) -> None:
    """For a handler whose declaration says it all."""


def always_ours(_config: Mapping[str, Any]) -> bool:
    """For a type whose name no other program uses."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler(Generic[ConfigT]):
    """How steps of one type are run.

    ``config`` is the dataclass that declares their config (see `agentflow_tui.steps.configs`).
    ``run`` takes a `Call` and answers with a JSON value or a `StepOutcome`, or with something to
    await that gives one.
    ``apart`` runs the handler in a thread with an event loop of its own, where it may block
    without harm; a handler that never blocks may say False and saves the change of threads.
    ``keyed``: its effects outlive it (a call to another system), so the idempotency key is put on
    record before it runs. ``targets`` names the steps that a config may jump to; ``verify`` raises
    `StepError` for a config that is well-formed and yet cannot work here. ``gives`` names the
    members of the result of a step with this config, as it is written; none where they may be any.
    """

    config: type[ConfigT]
    run: Callable[[Call[ConfigT]], Any]
    apart: bool = True
    keyed: bool = True
    targets: Callable[[ConfigT], tuple[str, ...]] = no_targets
    verify: Callable[[ConfigT], None] = nothing_to_verify
    gives: Callable[[Mapping[str, Any]], tuple[str, ...]] = no_members_known
    is_ours: Callable[[Mapping[str, Any]], bool] = always_ours


Handlers = Mapping[str, Handler[Any]]
"""Handlers by the step type that they run."""
