"""Why a row is not moving, in words: one truth for the lists, the details and the command line."""

from datetime import datetime, timedelta

from agentflow_tui.documents import Step
from agentflow_tui.settings import WorkerSettings
from agentflow_tui.steps.names import AGENTFLOW, waiting_reason
from agentflow_tui.store.views.emails import QueuedMail
from agentflow_tui.store.views.workflow_names import steps_of
from agentflow_tui.store.views.workflows import Workflow
from agentflow_tui.text import age

PICKED_UP_WITHIN = timedelta(seconds=30)
"""What is due and has waited longer than this waits for a worker that is not there."""


def current_step(workflow: Workflow) -> Step | None:
    """The step that is running or comes next."""
    steps = steps_of(workflow.steps)
    place = workflow.current_step or 0
    return steps[place] if 0 <= place < len(steps) else None


def why_workflow(workflow: Workflow, now: datetime, lease: timedelta) -> str:
    """Why this workflow is where it is; empty when there is nothing to explain."""
    step = current_step(workflow)
    name = (step.name or step.id or step.type) if step else "its last step"
    match workflow.status:
        case "completed":
            return ""
        case "draft":
            return "never run: run it, or have a schedule start it"
        case "failed":
            return workflow.last_error or f"failed at {name}, no reason given"
        case "paused":
            return _why_paused(workflow, step, name, now)
        case "cancelled":
            return "cancelled"
        case "pending" | "running":
            return _why_unfinished(workflow, step, name, now, lease)
    return f"status {workflow.status!r} is not one of AgentFlow's"


def _why_paused(workflow: Workflow, step: Step | None, name: str, now: datetime) -> str:
    """AgentFlow's own backend pauses workflows between two steps, and two tries of one."""
    until = workflow.not_before(now)
    if until is not None:
        return f"AgentFlow's own backend tries {name} again in {age(until - now)}"
    elsewhere = waiting_reason(step.type, config=step.config) if step else None
    if workflow.between_steps or (elsewhere and AGENTFLOW in elsewhere):
        return f"paused before {name}, where {AGENTFLOW} goes on by itself"
    return f"paused before {name}; resume it to go on"


def _why_unfinished(
    workflow: Workflow, step: Step | None, name: str, now: datetime, lease: timedelta
) -> str:
    until = workflow.not_before(now)
    if until is not None:
        return f"waits {age(until - now)} before {name}"
    if workflow.is_stale(now, lease):
        held = workflow.lock_age(now)
        return (
            f"stale lock: {name} held for {age(held)}, its worker is gone"
            if held
            else ("locked without a time: nobody can tell since when")
        )
    if workflow.locked:
        return f"running {name} for {age(workflow.lock_age(now))}"
    if step is None:
        return "has no step left to run" if steps_of(workflow.steps) else "has no readable steps"
    elsewhere = waiting_reason(step.type, config=step.config)
    if elsewhere:
        return elsewhere
    since = workflow.last_updated or workflow.created_at
    if since is not None and now - since > PICKED_UP_WITHIN:
        return f"due for {age(now - since)}: no worker takes {name}"
    return f"about to run {name}"


def why_mail(mail: QueuedMail, now: datetime, workers: WorkerSettings) -> str:
    """Why this mail has not left; empty when there is nothing to explain."""
    match mail.status:
        case "completed":
            return ""
        case "failed":
            return mail.error or "failed, no reason given"
        case "held":
            return "held; release it to send"
        case "cancelled":
            return mail.error or "cancelled"
        case "processing":
            if mail.is_abandoned(now, timedelta(seconds=workers.lease)):
                return f"its worker is gone; claimed {age(now - _claimed(mail, now))} ago"
            return "being sent"
        case "pending":
            return _why_waiting(mail, now, workers)
    return f"status {mail.status!r} is not one of AgentFlow's"


def _claimed(mail: QueuedMail, now: datetime) -> datetime:
    return mail.last_attempt or now


def _why_waiting(mail: QueuedMail, now: datetime, workers: WorkerSettings) -> str:
    if mail.email_status == "cancelled":
        return "its message is cancelled; it will not leave"
    due = mail.next_try(workers.retry_base, workers.retry_limit)
    error = f": {mail.error}" if mail.error else ""
    if due is not None and due > now:
        if due == mail.process_after and not mail.attempts:
            return f"not to leave before its process_after, in {age(due - now)}{error}"
        if not mail.attempts:
            return f"leaves in {age(due - now)}; undo takes it back"
        return f"next try in {age(due - now)}{error}"
    since = due or mail.created_at
    if since is not None and now - since > PICKED_UP_WITHIN:
        return f"due for {age(now - since)}{error}" if error else f"due for {age(now - since)}"
    return f"about to be sent{error}"
