"""Saved views: a filter and a sort of a list, under a name, in the data directory."""

import contextlib
import json

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.settings import Settings


@dataclass(frozen=True, slots=True)
class SavedView:
    """What was saved under ``name`` for a list."""

    view: str
    name: str
    filter: str
    sort: str | None = None


def read_views(settings: Settings) -> list[SavedView]:
    """Every saved view of this context; none when the file is missing.

    Raises `AgentflowError` when it cannot be read: it is left as it is.
    """
    path = settings.kept("views")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [SavedView(e["view"], e["name"], e["filter"], e.get("sort")) for e in entries]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AgentflowError(
            f"{path} cannot be read ({type(error).__name__}). Mend it or move it away."
        ) from None


def save_view(settings: Settings, view: SavedView) -> None:
    """Add a view, or replace the one of the same name. Raises `AgentflowError`."""
    _write(settings, [*_others(settings, view), view])


def delete_view(settings: Settings, view: SavedView) -> None:
    """Delete a view. Raises `AgentflowError`."""
    _write(settings, _others(settings, view))


def _others(settings: Settings, view: SavedView) -> list[SavedView]:
    return [v for v in read_views(settings) if (v.view, v.name) != (view.view, view.name)]


def _write(settings: Settings, views: list[SavedView]) -> None:
    entries = [{"view": v.view, "name": v.name, "filter": v.filter, "sort": v.sort} for v in views]
    path = settings.kept("views")
    partial = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(entries, indent=1, ensure_ascii=False), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # nothing half written is left behind
            partial.unlink()
        raise AgentflowError(f"{path} cannot be written: {error.strerror}.") from None
