"""Every statement of the frame is one that PostgreSQL takes, whatever the columns are called."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from agentflow_tui.store import journal
from agentflow_tui.store.changes import new_distributions, new_insights
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import (
    check_claims,
    distribution_inputs,
    insight_inputs,
    leases,
    lost_claims,
    mail_claims,
    mail_results,
    poison_mail,
    schedule_fires,
    workflow_claims,
    workflow_runs,
)
from agentflow_tui.store.queue.other_senders import other_senders
from agentflow_tui.store.views import away_summary, shared_status
from tests.namings import NAMINGS

STATEMENTS: dict[str, Callable[[Binding], Statement[Any] | str]] = {
    "upcoming": lambda _: schedule_fires.UPCOMING,
    "look again": lambda _: schedule_fires.LOOK_AGAIN,
    "timings": lambda _: schedule_fires.TIMINGS,
    "move on": schedule_fires.move_on,
    "fire": schedule_fires.fire,
    "set next": schedule_fires.set_next,
    "unset next": lambda _: schedule_fires.UNSET_NEXT,
    "journal": journal.insertion,
    "journal once": lambda binding: journal.insertion(binding, once=True),
    "beat": leases.beat,
    "farewell": lambda _: leases.REMOVE,
    "peers": lambda _: leases.PEERS,
    "house": lambda _: leases.CLEAN_UP,
    "give back mails": lambda binding: leases.give_back("mails", binding) or "",
    "give back workflows": lambda binding: leases.give_back("workflows", binding) or "",
    "relay": mail_claims.health,
    "relay, only if stale": lambda binding: mail_claims.health(binding, only_if_stale=True),
    "is mail due": lambda binding: mail_claims.IS_ANY_DUE,
    "claim mail": lambda binding: mail_claims.claim(binding, onward=False),
    "claim mail from a place on": lambda binding: mail_claims.claim(binding, onward=True),
    "next mail": lambda _: mail_claims.NEXT_DUE,
    "renew mail": lambda _: mail_claims.RENEW,
    "renew workflows": lambda _: workflow_claims.RENEW,
    "record": lambda _: poison_mail.RECORD,
    "is at work": lambda _: lost_claims.IS_AT_WORK,
    "is left": lambda _: lost_claims.IS_LEFT,
    "results as written": lambda _: mail_results.AS_WRITTEN,
    "look up writes": workflow_runs.look_up,
    "lost mails": lambda _: lost_claims.GIVE_BACK["mails"],
    "lost workflows": lambda _: lost_claims.GIVE_BACK["workflows"],
    "holding": lambda binding: (
        "WITH claimed AS (SELECT 1 AS id, 2 AS token), written AS ("
        + leases.holding(binding, "mails", "claimed", note=1)
        + ") SELECT FROM claimed"
    ),
    "claim checks": check_claims.claim,
    "load": lambda _: check_claims.LOAD,
    "queue": lambda _: check_claims.QUEUE,
    "other senders": other_senders,
    "standing": lambda _: check_claims.STANDING,
    "still wrong": lambda _: schedule_fires.STILL_WRONG,
    "punctuality": lambda _: check_claims.PUNCTUALITY,
    "report to analyse": lambda _: insight_inputs.REPORT,
    "earlier reports": lambda _: insight_inputs.EARLIER,
    "told": lambda _: insight_inputs.TOLD,
    "without insights": lambda _: insight_inputs.WITHOUT_INSIGHTS,
    "insert insights": new_insights.insert,
    "insights by id": lambda _: distribution_inputs.BY_ID,
    "insights of reports": lambda _: distribution_inputs.OF_REPORTS,
    "pending distributions": lambda _: distribution_inputs.PENDING,
    "insert distributions": new_distributions.insert_rows,
    "insert digests": new_distributions.insert_mails,
    "mark queued": new_distributions.mark_queued,
    "results with insights": lambda binding: mail_results.write_results(
        binding, distributions=True
    ),
    "happenings": away_summary.away_statement,
    "look around": lambda _: shared_status.STATUS,
}


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_statements_fit_every_naming_and_their_rows(named: Database) -> None:
    async with named.session() as session:
        for name, make in STATEMENTS.items():
            made = make(session.binding)
            text = made.text if isinstance(made, Statement) else made
            prepared = await session.connection.prepare(session.binding.render(text))
            if isinstance(made, Statement) and is_dataclass(made.row):
                columns = len(prepared.get_attributes())
                assert columns == len(fields(made.row)), name
