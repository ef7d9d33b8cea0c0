"""Finds the rows and the entries of the journal that belong to the story of a row.

What led to a row is looked for upwards, what came of it downwards: mail, distribution, insight,
report, workflow, schedule. What has other children in common with it is not part of its story. Each
hop is one statement for all rows that it starts from, so their number is bounded whatever is found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.operations.story import entries as of
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views import story_journal as journal
from agentflow_tui.store.views import story_links as links
from agentflow_tui.store.views.by_id import read_rows
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.reports import Insight
from agentflow_tui.store.views.story_journal import ATTEMPTS, FIRES, LATEST, STEPS
from agentflow_tui.store.views.tasks import Mention
from agentflow_tui.text import number

ROWS = 300
"""Rows of one table that are read for one story."""

RUNS = 3
"""Runs of a workflow, the latest, that its own story tells."""

FEW = 10
"""Steps and fires that are read around each of many runs."""

SLOTS = 10
"""Fires of a schedule, the latest, that its own story tells."""

_WHOLE = frozenset({"emails", "insights"})
"""Tables whose documents are read whole: they name rows, or say what the row is called."""

_ACCELERATE = "'agentflow db accelerate' makes the index that finds all"


@dataclass(slots=True, kw_only=True)
class StoryMaterial:
    """What was found around the row ``id`` of ``table``: rows by table and id, entries of the
    journal by id, and ``notes`` about what may be missing."""

    table: str
    id: str
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[str, Mention] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    siblings: list[Insight] = field(default_factory=list)
    """All insights of the reports, among which those of the story have their places."""
    until: datetime | None = None
    """When the last step ended of the one run that the story is about; None where it is about the
    workflow as it stands now."""

    def of(self, table: str) -> list[Any]:
        """The rows of a table."""
        return list(self.rows.get(table, {}).values())


async def gather(database: Database, table: str, id_: str) -> StoryMaterial | None:
    """Everything around a row; None where there is no such row.

    Raises `UnreachableError`, `RefusedError`.
    """
    gathering = _Gathering(database, StoryMaterial(table=table, id=id_))
    if not await gathering.read(table, [id_]):
        return None
    if table == "task_logs":
        await gathering.from_entry(id_)
    elif table == "users":
        gathering.add(await journal.entries_of_user(database, id_))
    else:
        gathering.seeds[table] = [id_]
        await gathering.downward()
        await gathering.upward()
    await gathering.happenings()
    return gathering.material


async def gather_mails(database: Database, address: str) -> StoryMaterial:
    """The newest mails to an address, and what led to them. Raises `UnreachableError`,
    `RefusedError`."""
    gathering = _Gathering(database, StoryMaterial(table="emails", id=address))
    gathering.note_partial(links.is_mail_partial(database.binding), "Mail", links.LOOKED_THROUGH)
    emails = (await links.mails_with(database, [address]))[:MAILS]
    queued = await links.queued_to(database, address)
    gathering.seeds["emails"] = emails
    gathering.seeds["email_queue"] = [*await gathering.pointing("email_queue", "emailId", emails)]
    gathering.seeds["email_queue"] += queued[: MAILS - len(emails)]
    await gathering.upward(to=address)
    await gathering.happenings()
    return gathering.material


MAILS = 10
"""Mails to one address, the newest, that are told of."""


class _Gathering:
    """One search. ``seeds`` are the rows that the search goes on from, by table; ``runs`` are the
    only ones of their workflows that the story is about, None for the latest ones."""

    def __init__(self, database: Database, material: StoryMaterial) -> None:
        self.database = database
        self.material = material
        self.seeds: dict[str, list[str]] = {}
        self.runs: set[str | None] | None = None
        self.at: datetime = LATEST
        self.steps: list[Mention] = []
        self._named: set[str] = set()

    def add(self, entries: Iterable[Mention]) -> None:
        self.material.entries.update((entry.id, entry) for entry in entries)

    def note_partial(self, partial: bool, what: str, most: int) -> None:
        """Say that not all of a large table was looked through."""
        note = f"{what} was looked for among the newest {number(most)} rows: {_ACCELERATE}."
        if partial and note not in self.material.notes:
            self.material.notes.append(note)

    async def read(self, table: str, ids: Iterable[str | None]) -> list[Any]:
        """Read rows that are not read yet, and give all of these that are there."""
        known = self.material.rows.setdefault(table, {})
        wanted = [id_ for id_ in dict.fromkeys(ids) if id_ and id_ not in known]
        if wanted and self.database.binding.tables[table].oid is not None:
            listing = LISTINGS[table]
            if table in _WHOLE:
                listing = listing.whole
            async for rows in read_rows(self.database, listing, wanted[:ROWS]):
                known.update((row.key, row) for row in rows)
        return [known[id_] for id_ in dict.fromkeys(ids) if id_ in known]

    async def pointing(self, table: str, column: str, ids: Sequence[str]) -> list[str]:
        """The ids of rows that point at these."""
        partial = bool(ids) and links.is_link_partial(self.database.binding, table, column)
        self.note_partial(partial, f"What is in {table}", links.LOOKED_THROUGH)
        return await links.pointing_at(self.database, table, column, ids)

    async def about(
        self,
        link: journal.JournalLink,
        around: Sequence[tuple[str, datetime]],
        each: int = journal.EACH,
    ) -> list[Mention]:
        """The journal's entries of a link, by ids and moments."""
        partial = bool(around) and journal.is_partial(self.database.binding, link.index)
        self.note_partial(partial, "What the journal says", journal.LOOKED_THROUGH)
        return await journal.entries_about(self.database, link, around, each)

    async def naming(self, *tables: str) -> list[Mention]:
        """The entries that name rows of these tables, asked once for each row."""
        ids = [id_ for table in tables for id_ in self.material.rows.get(table, ())]
        new = [id_ for id_ in ids if id_ not in self._named][: 3 * ROWS]
        self._named.update(new)
        partial = bool(new) and journal.is_naming_partial(self.database.binding)
        self.note_partial(partial, "What the journal says", journal.LOOKED_THROUGH)
        found = await journal.entries_naming(self.database, new)
        self.add(entry for entry in found if not of.is_step(entry))
        return found

    # Upwards: what led to it

    async def upward(self, *, to: str = "") -> None:
        """From the seeds to the schedule. ``to``: only what mails carry to this address."""
        seeds = self.seeds
        queued = await self.read("email_queue", seeds.get("email_queue", ()))
        mails = [row.email_id for row in queued] + seeds.get("emails", [])
        messages = await self.read("emails", mails)
        carried = [id_ for row in messages for id_ in carried_by(row.recipients, to)]
        ways = await self.read(
            "insight_distributions", [*carried, *seeds.get("insight_distributions", ())]
        )
        found = [row.insight_id for row in ways] + seeds.get("insights", [])
        insights = await self.read("insights", found)
        await self.read("reports", [*(i.report_id for i in insights), *seeds.get("reports", ())])
        await self._to_siblings()
        if "workflows" not in seeds and "schedules" not in seeds:
            await self._to_run()
        await self._to_schedules()

    async def _to_siblings(self) -> None:
        """All insights of the reports, told or not."""
        reports = list(self.material.rows.get("reports", {}))
        ids = await self.pointing("insights", "reportId", reports)
        known = self.material.rows.get("insights", {})
        if known.keys() >= set(ids):
            self.material.siblings = list(known.values())
        else:
            async for rows in read_rows(self.database, LISTINGS["insights"], ids[:ROWS]):
                self.material.siblings += rows

    async def _to_run(self) -> None:
        """The steps whose result names what was found, and all of their runs."""
        named = await self.naming("reports", "insights", "emails")
        makers = [entry for entry in named if of.is_step(entry)]
        workflows = list(dict.fromkeys(w for each in makers if (w := of.workflow_of(each))))
        if not workflows:
            return
        await self.read("workflows", workflows)
        self.runs = {of.run_of(entry) for entry in makers}
        around = {
            (workflow, of.run_of(entry)): (workflow, entry.created_at or LATEST)
            for entry in makers
            if (workflow := of.workflow_of(entry))
        }
        each = max(FEW, journal.EACH // len(around))
        steps = await self.about(STEPS, list(around.values()), each)
        self._take_steps([*makers, *of.steps_of_runs(steps, self.runs)])

    def _take_steps(self, steps: Iterable[Mention]) -> None:
        self.steps = list({entry.id: entry for entry in [*self.steps, *steps]}.values())
        self.add(self.steps)
        if self.runs is not None:
            ends = (entry.end_time or entry.created_at for entry in self.steps)
            self.material.until = max((at for at in ends if at), default=None)

    async def _to_schedules(self) -> None:
        """The schedules of the workflows, and the fires of their runs."""
        workflows = list(self.material.rows.get("workflows", {}))
        ids = await self.pointing("schedules", "workflowId", workflows)
        schedules = await self.read("schedules", [*ids, *self.seeds.get("schedules", ())])
        keys = [row.key for row in schedules]
        if self.runs is None:
            fires = await self.about(FIRES, [(key, LATEST) for key in keys])
            newest = sorted(fires, key=lambda entry: str(entry.created_at), reverse=True)
            self.add(newest[: SLOTS * max(1, len(keys))])
            return
        runs = of.by_run(self.steps)
        began = [(workflow, at) for (workflow, _), steps in runs.items() if (at := of.first(steps))]
        around = [
            (row.key, at + of.SLACK)
            for workflow, at in began
            for row in schedules
            if row.workflow_id == workflow
        ]
        fires = await self.about(FIRES, around, FEW)
        for steps in runs.values():
            self.add(of.fire_of(fires, steps))

    # Downwards: what came of it

    async def downward(self) -> None:
        """From the seeds to the mail."""
        seeds = self.seeds
        schedules = await self.read("schedules", seeds.get("schedules", ()))
        workflows = await self.read(
            "workflows", [*seeds.get("workflows", ()), *(row.workflow_id for row in schedules)]
        )
        made = await self._made_by([row.key for row in workflows])
        reports = await self.read("reports", [*made, *seeds.get("reports", ())])
        found = await self.pointing("insights", "reportId", [row.key for row in reports])
        insights = await self.read("insights", [*found, *made, *seeds.get("insights", ())])
        ways = await self.pointing(
            "insight_distributions", "insightId", [row.key for row in insights]
        )
        ways += seeds.get("insight_distributions", [])
        await self.read("insight_distributions", ways)
        mails = await self._carrying(ways)
        messages = await self.read("emails", [*mails, *made, *seeds.get("emails", ())])
        queued = await self.pointing("email_queue", "emailId", [row.key for row in messages])
        await self.read("email_queue", [*queued, *made, *seeds.get("email_queue", ())])

    async def _made_by(self, workflows: list[str]) -> list[str]:
        """The ids of what the runs of workflows gave, by the journal and by their contexts."""
        if not workflows:
            return []
        steps = await self.about(STEPS, [(id_, self.at) for id_ in workflows])
        if self.runs is None:
            kept = of.steps_of_runs(steps, of.latest_runs(steps, RUNS))
            held = await links.ids_in_contexts(self.database, workflows)
        else:
            kept, held = of.steps_of_runs(steps, self.runs), []
        self._take_steps(kept)
        said = [id_ for entry in kept for id_ in links.uuids_in(entry.output)]
        return [*said, *held]

    async def _carrying(self, distributions: list[str]) -> list[str]:
        """The mails that carry distributions."""
        partial = bool(distributions) and links.is_mail_partial(self.database.binding)
        self.note_partial(partial, "Mail", links.LOOKED_THROUGH)
        return await links.mails_with(self.database, distributions[:ROWS])

    # What else happened to all of them

    async def happenings(self) -> None:
        """Attempts of mail, and what else the journal says about the rows."""
        queued = list(self.material.rows.get("email_queue", ()))
        self.add(await self.about(ATTEMPTS, [(id_, LATEST) for id_ in queued]))
        await self.naming(*(table for table in self.material.rows if table != "task_logs"))

    # From the journal

    async def from_entry(self, id_: str) -> None:
        """Go on from the rows that an entry of the journal names."""
        entry = await journal.entry_whole(self.database, id_)
        if entry is None:
            return
        self.add([entry])
        workflow = of.workflow_of(entry)
        if (of.is_step(entry) or of.is_fire(entry)) and workflow:
            await self._from_run(entry, workflow)
            return
        for table, ids in subjects(entry).items():
            rows = await self.read(table, ids[:ROWS])
            self.seeds[table] = [row.key for row in rows]
        await self.downward()
        await self.upward()

    async def _from_run(self, entry: Mention, workflow: str) -> None:
        """Go on from the run that an entry is of, or that it started."""
        self.at = entry.created_at or LATEST
        self.runs = {of.run_of(entry)}
        if of.is_fire(entry):
            steps = await self.about(STEPS, [(workflow, self.at)])
            self.runs = of.run_after(steps, entry.created_at)
        self.seeds["workflows"] = [workflow]
        await self.downward()
        await self.upward()


def carried_by(recipients: str | None, to: str = "") -> list[str]:
    """The ids of the distributions that a mail carries, only those ``to`` an address if one is
    given."""
    value = read(recipients).value
    found: list[str] = []
    for entry in value if isinstance(value, list) else ():
        carried = entry.get("distributions") if isinstance(entry, dict) else None
        if isinstance(carried, list) and to.lower() in ("", str(entry.get("email", "")).lower()):
            found += [id_ for id_ in carried if isinstance(id_, str)]
    return found


def subjects(entry: Mention) -> dict[str, list[str]]:
    """The rows that an entry is about, by table."""
    members = {**of.said(entry), **of.given(entry)}
    ids = members.get("ids")
    table = str(members.get("table"))
    if isinstance(ids, list) and table in LISTINGS:
        return {table: [id_ for id_ in ids if isinstance(id_, str)]}
    lists = {t: v for t in ("reports", "insights") if isinstance(v := members.get(t), list)}
    if lists:
        return {t: [id_ for id_ in each if isinstance(id_, str)] for t, each in lists.items()}
    if entry.task_type == "report.import" and isinstance(members.get("id"), str):
        return {"reports": [members["id"]]}
    for name, table in _SUBJECTS.items():
        if isinstance(members.get(name), str):
            return {table: [members[name]]}
    return {}


_SUBJECTS = {
    "queueId": "email_queue",
    "emailId": "emails",
    "report": "reports",
    "schedule": "schedules",
    "workflow": "workflows",
    "worker": "health_checks",
}
