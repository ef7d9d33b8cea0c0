"""The keys of the console as the framework takes them."""

from textual.binding import Binding, BindingType

from agentflow_tui.console.catalogue import SCREENS
from agentflow_tui.console.keys import SCOPES, in_scope


def bindings() -> list[BindingType]:
    """The keys of the table, and one for each screen."""
    own = [
        Binding(
            e.keys,
            f"app.perform('{e.id}')",
            e.title,
            id=e.id,
            tooltip=e.about,
            show=False,
            priority=e.everywhere,
        )
        for scope in SCOPES
        for e in in_scope(scope)
        if e.keys
    ]
    screens = [
        Binding(s.key, f"screen_key('{s.name}')", s.title, id=f"screen.{s.name}", show=False)
        for s in SCREENS
        if s.key
    ]
    return [*own, *screens]
