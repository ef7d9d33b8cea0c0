"""The workers of this console, started and stopped by a key or by the settings of the context."""

import asyncio

from agentflow_tui.console.dialogs.confirm import Confirm, Effort, Question
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.pane import text_line
from agentflow_tui.errors import AgentflowError, UnreachableError

GROUP = "workers"
"""The group of the tasks that start, watch and stop the child."""

RETRY = 0.9
"""Seconds between two attempts to reach the database for the workers."""


async def start(shell: Shell) -> None:
    """Start this console's background workers, once there is a database that they can work on."""
    while True:
        try:
            database = await shell.env.connected()
            break
        except UnreachableError:
            await asyncio.sleep(RETRY)
    if not shell.env.read_only_reason:
        await _work(shell, database.url)


def toggle(shell: Shell) -> None:
    """Ask whether to stop the workers of this console, or to start them, and do it."""
    workers, database = shell.child_workers, shell.env.database
    if workers.stopping:
        shell.say("The workers of this console are still finishing what they hold.")
    elif workers.running:
        question = Question(
            title="Stop the workers of this console?",
            lines=[text_line("They finish what they hold, and take nothing more.")],
            go="Stop",
        )
        shell.open_dialog(Confirm(question), lambda going: _stop_now(shell) if going else None)
    elif shell.env.read_only_reason:
        shell.say(f"Not started, because workers write: {shell.env.read_only_reason}.")
    elif database is None:
        shell.say("Not started, because there is no database yet to work on.")
    else:
        question = Question(
            title="Start background workers here?",
            lines=[
                text_line("They fire schedules, run workflows, send mail and check services"),
                text_line(f"of {shell.env.place}, until this console is left."),
            ],
            go="Start",
            effort=_effort(shell),
            alarm="PRODUCTION" if shell.env.settings.context.production else "",
        )
        url = database.url
        shell.open_dialog(
            Confirm(question), lambda going: _start_now(shell, url) if going else None
        )


def _effort(shell: Shell) -> Effort:
    """Enter starts them where one has died: that is what is wanted then."""
    lost = any(not dead.replaced for dead in shell.env.dead_workers)
    return Effort.ENTER if lost and not shell.env.settings.context.production else Effort.CHOOSE


def _start_now(shell: Shell, url: str) -> None:
    shell.run_worker(_work(shell, url, asked=True), exclusive=True, group=GROUP)


def _stop_now(shell: Shell) -> None:
    shell.say("Stopping the workers of this console; they finish what they hold.")
    shell.run_worker(_stop(shell), exclusive=True, group=GROUP)


async def _stop(shell: Shell) -> None:
    await shell.child_workers.stop()
    shell.say("Workers of this console stopped.")


async def _work(shell: Shell, url: str, *, asked: bool = False) -> None:
    """Have the workers run; say when they cannot, when they do as asked, and when they end."""
    workers = shell.child_workers
    try:
        await workers.start(url)
    except AgentflowError as error:
        shell.fail(error)
        return
    if asked:
        shell.say(f"Workers of this console started; their log is {workers.log}.")
    code = await workers.ended()
    if code:
        shell.say(f"The workers ended with code {code}; {workers.log} says why.", severity="error")
