"""The workers of this console, started and stopped by a key or by the settings of the context."""

import asyncio

from agentflow_tui.console.shell import Shell
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
    """Stop the workers of this console, or start them, and say at once what is being done."""
    workers, database = shell.child_workers, shell.env.database
    if workers.stopping:
        shell.say("The workers of this console are still finishing what they hold.")
    elif workers.running:
        shell.say("Stopping the workers of this console; they finish what they hold.")
        shell.run_worker(_stop(shell), exclusive=True, group=GROUP)
    elif shell.env.read_only_reason:
        shell.say(f"Not started, because workers write: {shell.env.read_only_reason}.")
    elif database is None:
        shell.say("Not started, because there is no database yet to work on.")
    else:
        shell.run_worker(_work(shell, database.url, asked=True), exclusive=True, group=GROUP)


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
