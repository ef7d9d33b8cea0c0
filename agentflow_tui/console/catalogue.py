"""Every view by name (`VIEWS`), each imported when it is first shown, and the screens that have a
digit (`SCREENS`).

A new list is an entry of `VIEWS`: ``:`` and its words reach it. It gets a key when a screen names
it among its ``views``.
"""

from typing import TYPE_CHECKING

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.loading import load
from agentflow_tui.console.view import View, ViewEntry
from agentflow_tui.dataclass import dataclass

if TYPE_CHECKING:
    from agentflow_tui.console.list.declarations import AnyListScreen

_SCREENS = "agentflow_tui.console.screens"
_LIST_VIEW = "agentflow_tui.console.list.list_view:ListView"
_LANED_LIST = f"{_SCREENS}.report_views:LanedListView"
_GROUP_VIEW = "agentflow_tui.console.list.group_view:GroupView"


def _list(
    name: str,
    title: str,
    screen: str,
    table: str,
    *words: str,
    tab: str = "",
    view: str = _LIST_VIEW,
) -> ViewEntry:
    return ViewEntry(
        tab=tab,
        name=name,
        title=title,
        words=words,
        table=table,
        view=view,
        screen=f"{_SCREENS}.{screen}",
    )


def _groups(
    name: str, title: str, screen: str, *words: str, view: str = _GROUP_VIEW, tab: str = ""
) -> ViewEntry:
    return ViewEntry(
        name=name,
        title=title,
        words=words,
        view=view,
        screen=f"{_SCREENS}.{screen}",
        tab=tab,
    )


VIEWS: dict[str, ViewEntry] = {
    entry.name: entry
    for entry in (
        ViewEntry(
            name="overview",
            title="Overview",
            words=("overview",),
            view=f"{_SCREENS}.overview:OverviewView",
        ),
        _list(
            "workflows",
            "Workflows",
            "workflows:WORKFLOWS_SCREEN",
            "workflows",
            "wf",
            "workflows",
            "flows",
        ),
        _list(
            "mail",
            "Email queue",
            "emails:QUEUE_SCREEN",
            "email_queue",
            "mail",
            "queue",
            "email_queue",
            tab="Queue",
        ),
        _list("emails", "Messages", "emails:MESSAGES_SCREEN", "emails", "emails", "messages"),
        _list(
            "schedules",
            "Schedules",
            "schedules:SCHEDULES_SCREEN",
            "schedules",
            "schedules",
            "sched",
            "cron",
        ),
        _list(
            "reports",
            "Reports",
            "reports:REPORTS_SCREEN",
            "reports",
            "reports",
            "rep",
            view=_LANED_LIST,
        ),
        _list(
            "insights",
            "Insights",
            "reports:INSIGHTS_SCREEN",
            "insights",
            "insights",
            "ins",
            view=_LANED_LIST,
        ),
        _list(
            "distributions",
            "Distributions",
            "reports:DISTRIBUTIONS_SCREEN",
            "insight_distributions",
            "distributions",
            "dist",
            "insight_distributions",
            view=_LANED_LIST,
        ),
        _groups(
            "overdue_reports",
            "Overdue reports",
            "overdue_reports:OVERDUE_SCREEN",
            "overdue",
            view=f"{_SCREENS}.report_views:LanedGroupView",
            tab="Overdue",
        ),
        _list("health", "Health", "health:HEALTH_SCREEN", "health_checks", "health", "checks"),
        _list("workers", "Workers", "health:WORKERS_SCREEN", "health_checks", "workers"),
        _list("tasks", "Tasks", "tasks:TASKS_SCREEN", "task_logs", "tasks", "journal", "task_logs"),
        _list("actions", "Actions", "actions:ACTIONS_SCREEN", "task_logs", "actions"),
        _list("users", "Users", "accounts:USERS_SCREEN", "users", "users"),
        _list("sessions", "Sessions", "accounts:SESSIONS_SCREEN", "sessions", "sessions"),
        _list(
            "credentials",
            "Credentials",
            "accounts:CREDENTIALS_SCREEN",
            "credentials",
            "credentials",
            "creds",
        ),
        _list(
            "api_keys",
            "API keys",
            "accounts:API_KEYS_SCREEN",
            "api_keys",
            "api_keys",
            "apikeys",
            "keys_api",
        ),
        ViewEntry(
            name="story",
            title="Story",
            words=("story",),
            view=f"{_SCREENS}.story:StoryView",
        ),
        _groups(
            "errors",
            "Errors",
            "errors:ERRORS_SCREEN",
            "errors",
            "err",
            view=f"{_SCREENS}.errors:ErrorsView",
        ),
        _groups(
            "domains",
            "Mail by domain and age",
            "errors:MATRIX_SCREEN",
            "domains",
            "matrix",
            tab="Domains",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class ScreenEntry:
    """A screen: its key, if it has one, again goes through ``views``, as tab does."""

    name: str
    key: str
    title: str
    short: str
    views: tuple[str, ...]


SCREENS: tuple[ScreenEntry, ...] = (
    ScreenEntry("overview", "1", "Overview", "Over", ("overview",)),
    ScreenEntry("workflows", "2", "Workflows", "Flows", ("workflows",)),
    ScreenEntry("mail", "3", "Mail", "Mail", ("mail", "domains", "emails")),
    ScreenEntry("schedules", "4", "Schedules", "Sched", ("schedules",)),
    ScreenEntry(
        "reports",
        "5",
        "Reports",
        "Reps",
        ("reports", "insights", "distributions", "overdue_reports"),
    ),
    ScreenEntry("health", "6", "Health", "Health", ("health",)),
    ScreenEntry("errors", "7", "Errors", "Errs", ("errors",)),
    ScreenEntry("tasks", "8", "Tasks", "Tasks", ("tasks",)),
    ScreenEntry("workers", "9", "Workers", "Wrkrs", ("workers",)),
    ScreenEntry("actions", "0", "Actions", "Acts", ("actions",)),
    ScreenEntry(
        "accounts", "", "Accounts", "Accts", ("users", "sessions", "credentials", "api_keys")
    ),
)


def make_view(name: str, env: Environment) -> View:
    """A view, not yet shown."""
    entry = VIEWS[name]
    declared = (load(entry.screen),) if entry.screen else ()
    view = load(entry.view)(env, entry, *declared)
    assert isinstance(view, View)
    names = next((s.views for s in SCREENS if name in s.views), (name,))
    view.screen_views = [VIEWS[other] for other in names]
    return view


def list_screen(name: str) -> "AnyListScreen":
    """The declaration of a list."""
    screen: AnyListScreen = load(VIEWS[name].screen)
    return screen


def lists() -> list[ViewEntry]:
    """The views that list a documented table."""
    return [entry for entry in VIEWS.values() if entry.table]


def screen_of(view: str) -> str:
    """The name of the screen that a view belongs to, ``""`` for views without a number."""
    return next((s.name for s in SCREENS if view in s.views), "")


def view_called(word: str) -> str | None:
    """The view that a word of the console's command line means."""
    wanted = word.lower()
    if wanted in VIEWS:
        return wanted
    return next((entry.name for entry in VIEWS.values() if wanted in entry.words), None)


def view_of_table(table: str) -> str:
    """The view that lists a documented table."""
    return next(entry.name for entry in lists() if entry.table == table)
