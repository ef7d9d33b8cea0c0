"""What a workflow is called: by its context, else by what its schedule is for, else by its first
step. The first two are asked of the database, for lists have no room for contexts."""

import json
from functools import lru_cache

from agentflow_tui.documents import Step, as_steps, read
from agentflow_tui.patterns import pattern
from agentflow_tui.store.reading.listings import Computed

LARGEST = 65_536
"""Bytes of a context, as it is stored, beyond which it is not unpacked for a name."""

_NAME = pattern(r'"name":\s*"([^"\\]{1,200})"')


def given_name(alias: str = "q", intent: str = "") -> Computed:
    """The name that a workflow, the row ``alias``, was given; NULL where its first step names it.

    ``intent`` is SQL for what its schedule is for, where that is at hand. Of a context that is not
    stored as jsonb, and may hold anything, a name is found that stands first.
    """
    context = f"{{{alias}.workflows.context}}"
    of_schedule = (
        f"(SELECT {{s.schedules.intent}}::text FROM {{schedules?}} s "
        f"WHERE {{s.schedules.workflowId}} = {{{alias}.workflows.id}} "
        "AND {s.schedules.intent} <> '' LIMIT 1)"
    )
    found = (
        f"CASE WHEN pg_column_size({context}) > {LARGEST} THEN NULL "
        f"WHEN pg_typeof({context})::text <> 'jsonb' "
        f"THEN substring(left({context}::text, 1000) from "
        r"""'^\s*\{\s*"name"\s*:\s*"([^"\\]{1,200})"') """
        f"WHEN jsonb_typeof(to_jsonb({context}) -> 'name') = 'string' "
        f"THEN left(to_jsonb({context}) ->> 'name', 200) END"
    )
    return Computed(
        f"coalesce(nullif(btrim({found}), ''), nullif({intent or of_schedule}, ''))",
        joined=alias != "q",
        needs_index=None if intent else "schedules.workflowId",
    )


@lru_cache(maxsize=2048)
def steps_of(text: str | None) -> tuple[Step, ...]:
    """The steps of a workflow's definition, as far as it can be read."""
    return tuple(as_steps(read(text)))


def titled(alias: str = "q", intent: str = "") -> str:
    """SQL for what `title_of` tells the name of a workflow by, the row ``alias``: its name as JSON,
    else the head of its steps."""
    name = given_name(alias, intent).value
    return f"coalesce(to_json({name})::text, left({{{alias}.workflows.steps}}::text, 1000))"


def title_of(text: str | None, fallback: str = "") -> str:
    """What a workflow is called by what `titled` has given."""
    try:
        name = json.loads(text) if text and text.startswith('"') else ""
    except ValueError:  # the head of steps that were encoded twice
        name = ""
    if name and not name.lstrip().startswith(("[", "{")):  # else it is steps, encoded twice
        return str(name)
    return workflow_title(text, fallback)


def workflow_title(steps: str | None, fallback: str = "", *, name: str | None = None) -> str:
    """What a workflow is called: ``name``, as `given_name` finds it, or what its first step is."""
    if name:
        return name
    first = steps_of(steps)[:1]
    if first:
        return first[0].name or first[0].id or first[0].type
    named = _NAME.search(steps or "")  # the head of a definition too long to fetch whole
    return named.group(1) if named else fallback
