"""Which workflows use a secret, and when it was last used."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import as_steps, read
from agentflow_tui.steps.references import CREDENTIALS, secrets_named
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views import secret_uses as store
from agentflow_tui.store.views.workflow_names import workflow_title


@dataclass(frozen=True, slots=True)
class SecretUses:
    """By the name of a secret, ``credentials.LABEL`` or ``api_keys.NAME``: when it was last used,
    and the workflows that name it, id and title."""

    last: Mapping[str, datetime] = field(default_factory=dict)
    workflows: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


async def read_uses(database: Database) -> SecretUses:
    """Read both, as far as that costs no scan. Raises `UnreachableError`, `RefusedError`."""
    last: dict[str, datetime] = {}
    journalled = store.journalled(database.binding)
    for use in await database.fetch(journalled) if journalled else ():
        for name in _names(use.names):
            if use.at is not None:
                last[name] = max(use.at, last.get(name, use.at))
    workflows: dict[str, tuple[tuple[str, str], ...]] = {}
    naming = store.naming(database.binding)
    for found in await database.fetch(naming) if naming else ():
        for name in set(_named_by(found.steps)):
            title = workflow_title(found.steps, name=found.name)
            workflows[name] = (*workflows.get(name, ()), (found.id, title))
    return SecretUses(last, workflows)


def _names(text: str | None) -> Iterator[str]:
    """The secrets that a row of the journal names, without their fields."""
    value = read(text).value
    for name in value if isinstance(value, list) else ():
        if isinstance(name, str):
            yield name.rpartition(".")[0] if name.startswith(f"{CREDENTIALS}.") else name


def _named_by(steps: str | None) -> Iterator[str]:
    for step in as_steps(read(steps)):
        yield from (f"{CREDENTIALS}.{label}" for label in secrets_named(step.config))
        key = step.config.get("apiKey")
        if step.type == "api" and isinstance(key, str):
            yield f"api_keys.{key}"
