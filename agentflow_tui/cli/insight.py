"""``agentflow insight``: what is worth telling in reports, and to whom."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentflow_tui.cli.connection import connected, load_writable
from agentflow_tui.cli.output import put, say
from agentflow_tui.errors import AgentflowError, UnreachableError, UsageError
from agentflow_tui.text import number, plural, safe

MOST = 1_000
"""Reports that one command takes up by itself."""


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """The commands below this one, and their options."""
    from agentflow_tui.cli.parser import add_shared

    parser.set_defaults(run=run, parser=parser)
    below: Any = parser.add_subparsers(title="commands", metavar="")
    about = "Analyse reports and store what is found, each insight once."
    each: argparse.ArgumentParser = below.add_parser("generate", help=about, description=about)
    each.set_defaults(run=generate_insights)
    add_shared(each)
    each.add_argument("reports", nargs="*", metavar="REPORT", help="ids of reports")
    each.add_argument("--new", action="store_true", help="the latest reports without insights")
    each.add_argument("--vendor", help="with --new: of this vendor only")
    each.add_argument("--type", help="with --new: of this type only")
    each.add_argument("--json", action="store_true", help="one object a report")
    _add_distribute(below, add_shared)


def _add_distribute(below: Any, add_shared: Callable[[argparse.ArgumentParser], None]) -> None:
    about = "Queue a digest for everyone who gets something; never the same insight twice."
    each: argparse.ArgumentParser = below.add_parser("distribute", help=about, description=about)
    each.set_defaults(run=distribute_insights)
    add_shared(each)
    each.add_argument("insights", nargs="*", metavar="INSIGHT", help="ids of insights")
    each.add_argument(
        "--report", action="append", default=[], metavar="ID", help="all insights of a report"
    )
    each.add_argument(
        "--pending", action="store_true", help="new mail for distributions that were requeued"
    )
    each.add_argument(
        "--rules", metavar="FILE", type=Path, help="rules as AgentFlow writes them; else settings"
    )
    each.add_argument("--json", action="store_true", help="print one object")


def distribute_insights(options: argparse.Namespace) -> int:
    """Distribute insights, and say how many went into how many digests."""
    from agentflow_tui.operations import insight_distribution as operations
    from agentflow_tui.operations.context import OperationContext
    from agentflow_tui.store.connection.database import Database

    named = bool(options.insights or options.report)
    if named == options.pending:
        raise UsageError("Name insights or a --report, or ask for --pending ones.")
    chosen = load_writable(options)

    async def work(database: Database) -> int:
        context = OperationContext.of(database, chosen)
        if options.pending:
            done = await operations.distribute_pending(context, chosen.distribution)
        else:
            audiences = operations.audiences(chosen.distribution, options.rules)
            done = await operations.distribute_for(
                context, options.insights, options.report, audiences, chosen.distribution
            )
        if options.json:
            put(
                json.dumps(
                    {
                        "digests": done.digests,
                        "distributions": done.distributions,
                        "known": done.known,
                    }
                )
            )
        known = f"; {done.known} were distributed before" if done.known else ""
        say(
            f"{plural(done.distributions, 'insight')} queued in "
            f"{plural(done.digests, 'digest')}{known}."
        )
        return 0

    return connected(chosen, work)


def run(options: argparse.Namespace) -> int:
    """Say which commands there are."""
    options.parser.print_help(sys.stderr)
    return 2


def generate_insights(options: argparse.Namespace) -> int:
    """Analyse each report. Returns 1 where one of them could not be."""
    from agentflow_tui.operations.context import OperationContext
    from agentflow_tui.operations.insight_generation import reports_without_insights, wording_by
    from agentflow_tui.store.connection.database import Database

    if bool(options.reports) == options.new:
        raise UsageError("Name reports by their ids, or ask for --new ones.")
    if not options.new and (options.vendor or options.type):
        raise UsageError("--vendor and --type choose among --new reports.")
    chosen = load_writable(options)

    async def work(database: Database) -> int:
        context = OperationContext.of(database, chosen)
        ids = list(dict.fromkeys(options.reports))
        if options.new:
            ids = await reports_without_insights(database, options.vendor, options.type, MOST)
            say(f"{plural(len(ids), 'report')} without insights.")
        async with wording_by(database, chosen.wording) as wording:
            done = [
                await _generate_one(context, id_, chosen.insights, wording, as_json=options.json)
                for id_ in ids
            ]
        return 0 if all(done) else 1

    return connected(chosen, work)


async def _generate_one(
    context: Any, report_id: str, settings: Any, wording: Any, *, as_json: bool
) -> bool:
    """Whether the report was analysed; what came of it has been said."""
    from agentflow_tui.operations.insight_generation import generate_for

    try:
        done = await generate_for(context, report_id, settings, wording)
    except UnreachableError:
        raise
    except AgentflowError as error:
        if as_json:
            put(json.dumps({"report": report_id, "insights": [], "error": str(error)}))
        say(f"{safe(report_id)}: {safe(str(error))}")
        return False
    if as_json:
        insights = [
            {"id": i.id, "type": i.type, "score": i.score, "title": i.title} for i in done.insights
        ]
        said = {"report": done.report_id, "insights": insights, "stored": done.stored}
        put(json.dumps({**said, "candidates": done.candidates, "error": None}))
    else:
        for insight in done.insights:
            put(insight.id)
            say(f"  {insight.score:>3}  {insight.type:<14} {safe(insight.title)}")
    asked = f", {number(done.candidates)} questions asked" if done.candidates else ""
    say(
        f"{safe(done.report_id)}: {plural(len(done.insights), 'insight')}, "
        f"{done.stored or 'none'} of them new{asked}."
    )
    return True
