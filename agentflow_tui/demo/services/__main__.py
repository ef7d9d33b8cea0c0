"""``python -m agentflow_tui.demo.services --record FILE``: all of them, in a process of their own.

Prints one line of JSON, ``{"smtp": URL, "imap": URL, "sites": {check: URL}}``, and ends at SIGTERM,
SIGINT, or with its standard input.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from agentflow_tui import clock
from agentflow_tui.demo.catcher.faults import CatcherOptions
from agentflow_tui.demo.catcher.record import CatcherRecord
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.demo.services.deliveries import EVERY, FIRST, report_mail
from agentflow_tui.demo.services.mailbox import DemoMailbox
from agentflow_tui.demo.services.sites import DemoSites
from agentflow_tui.parent_watch import watch_parent


async def _serve(record: Path) -> None:
    catcher = Catcher(CatcherOptions(as_domains=True), record=CatcherRecord(record, keep=100))
    mailbox, sites = DemoMailbox(int(time.time())), DemoSites()
    await catcher.start(0)
    await mailbox.start()
    await sites.start()
    urls = {"smtp": catcher.url, "imap": mailbox.url, "sites": sites.urls}
    sys.stdout.write(json.dumps(urls) + "\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    beside = [
        asyncio.create_task(watch_parent(stopped.set)),
        asyncio.create_task(_deliver(mailbox)),
    ]
    await stopped.wait()
    for task in beside:
        task.cancel()
    mailbox.close()
    sites.close()
    await catcher.close()


async def _deliver(mailbox: DemoMailbox) -> None:
    await asyncio.sleep(FIRST)
    while True:
        mailbox.deliver(await asyncio.to_thread(report_mail, clock.now()))
        await asyncio.sleep(EVERY)


def main() -> None:
    """``python -m agentflow_tui.demo.services``."""
    parser = argparse.ArgumentParser(
        prog="services", description="Stand in for what the demo's workers talk to."
    )
    parser.add_argument("--record", type=Path, required=True, help="a JSON line per caught mail")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args().record))


if __name__ == "__main__":
    main()
