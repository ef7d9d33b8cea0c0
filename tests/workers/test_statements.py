"""Every statement of the frame is one that PostgreSQL takes, whatever the columns are called."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from agentflow_tui.store import (
    fires,
    health,
    journal,
    liveness,
    lost_claims,
    outgoing_mail,
    suspicions,
    workflow_claims,
)
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.views import away_summary, shared_status
from tests.namings import NAMINGS

STATEMENTS: dict[str, Callable[[Binding], Statement[Any] | str]] = {
    "upcoming": lambda _: fires.UPCOMING,
    "look again": lambda _: fires.LOOK_AGAIN,
    "fire": fires.fire,
    "set next": fires.set_next,
    "unset next": lambda _: fires.UNSET_NEXT,
    "journal": journal.insertion,
    "journal once": lambda binding: journal.insertion(binding, once=True),
    "beat": liveness.beat,
    "farewell": lambda _: liveness.FAREWELL,
    "peers": lambda _: liveness.PEERS,
    "house": lambda _: liveness.KEEP_HOUSE,
    "give back mails": lambda binding: liveness.give_back("mails", binding) or "",
    "give back workflows": lambda binding: liveness.give_back("workflows", binding) or "",
    "relay": outgoing_mail.health,
    "relay, humbly": lambda binding: outgoing_mail.health(binding, humbly=True),
    "is mail due": lambda binding: outgoing_mail.IS_ANY_DUE,
    "claim mail": lambda binding: outgoing_mail.claim(binding, onward=False),
    "claim mail from a place on": lambda binding: outgoing_mail.claim(binding, onward=True),
    "next mail": lambda _: outgoing_mail.NEXT_DUE,
    "renew mail": lambda _: outgoing_mail.RENEW,
    "renew workflows": lambda _: workflow_claims.RENEW,
    "record": lambda _: suspicions.RECORD,
    "is at work": lambda _: lost_claims.IS_AT_WORK,
    "lost mails": lambda _: lost_claims.GIVE_BACK["mails"],
    "lost workflows": lambda _: lost_claims.GIVE_BACK["workflows"],
    "holding": lambda binding: (
        "WITH claimed AS (SELECT 1 AS id, 2 AS token), written AS ("
        + liveness.holding(binding, "mails", "claimed", worker=1, held=2)
        + ") SELECT FROM claimed"
    ),
    "claim checks": health.claim,
    "load": lambda _: health.LOAD,
    "queue": lambda _: health.QUEUE,
    "punctuality": lambda _: health.PUNCTUALITY,
    "happenings": away_summary.happenings,
    "look around": lambda _: shared_status.LOOK,
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
