"""One sender in a process of its own: ``python -m tests.chaos.sender_process DATABASE RELAY``."""

import asyncio
import os
import signal
import sys

from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.mail.transports import MayLeave, PartCallback, ResultCallback, always
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.workers import logs, supervisor
from tests.workers.sending import PATIENT, sending_with, smtp

SETTINGS = Settings(
    workers=WorkerSettings(
        retry_base=0.05, retry_limit=0.2, connections=4, max_attempts=50, lease=30.0, poll=1.0
    )
)


class Mortal(SmtpTransport):
    """A mail to somebody ``deadly`` kills the process, as a fault in a library would."""

    def submit(
        self,
        envelope: Envelope,
        done: ResultCallback,
        may_leave: MayLeave = always,
        on_part: PartCallback | None = None,
    ) -> None:
        if envelope.recipients[0].startswith("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        super().submit(envelope, done, may_leave, on_part)


def main(database_url: str, relay_url: str) -> int:
    """Send until SIGTERM. Returns the exit code."""
    logs.configure(as_json=False, secrets=())

    async def run() -> int:
        sender = sending_with(smtp(relay_url, SETTINGS, Mortal, timeouts=PATIENT))
        return await supervisor.run(SETTINGS, database_url, [sender])

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
