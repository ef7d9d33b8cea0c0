"""``python -m agentflow_tui.demo.catcher --record FILE``: runs a catcher in a process of its own.

The program prints the catcher's URL and ends at SIGTERM or SIGINT, or with its standard input.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentflow_tui.demo.catcher.faults import CatcherOptions, RelayFault
from agentflow_tui.demo.catcher.record import CatcherRecord
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.errors import UsageError
from agentflow_tui.parent_watch import watch_parent


async def _serve(arguments: argparse.Namespace) -> None:
    options = CatcherOptions(
        seed=arguments.seed,
        shares=dict(arguments.share),
        slow=arguments.slow,
        times=arguments.times,
        as_domains=arguments.domains,
    )
    catcher = Catcher(options, record=CatcherRecord(arguments.record, keep=100))
    await catcher.start(arguments.port)
    sys.stdout.write(f"{catcher.url}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    ends: list[asyncio.Task[Any]] = [asyncio.create_task(stopped.wait())]
    if arguments.exit_with_parent:
        ends.append(asyncio.create_task(watch_parent(stopped.set)))
    ended, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    await catcher.close()
    for task in ended:
        task.result()


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port number")


def _share(text: str) -> tuple[RelayFault, float]:
    name, _, share = text.partition("=")
    try:
        return RelayFault(name), float(share)
    except ValueError:
        known = ", ".join(RelayFault)
        message = f"{text!r} is not FAULT=SHARE, such as slow=0.1; faults are {known}"
        raise argparse.ArgumentTypeError(message) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m agentflow_tui.demo.catcher``."""
    parser = argparse.ArgumentParser(
        prog="catcher", description="Take mail on this machine, record it, pass nothing on."
    )
    parser.add_argument("--port", type=_port, default=0, help="port to listen on; 0: a free one")
    parser.add_argument("--record", type=Path, help="append one JSON line per message to this file")
    parser.add_argument(
        "--seed", type=int, default=0, help="draws which recipient meets which fault"
    )
    parser.add_argument(
        "--share",
        action="append",
        default=[],
        type=_share,
        metavar="FAULT=SHARE",
        help=f"share of recipients (0 to 1) that meet a fault: {', '.join(RelayFault)}",
    )
    parser.add_argument("--times", type=int, default=1, help="how often before it passes")
    parser.add_argument("--slow", type=float, default=0.2, help="seconds that 'slow' takes")
    parser.add_argument(
        "--domains", action="store_true", help="behave as the sample data's mail domains do"
    )
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="end when standard input ends"
    )
    parsed = parser.parse_args(arguments)
    try:
        asyncio.run(_serve(parsed))
    except UsageError as error:
        parser.exit(error.exit_code, f"{error}\n")
    except OSError as error:
        parser.exit(1, f"The mail catcher cannot start: {error.strerror}.\n")


if __name__ == "__main__":
    main()
