"""The settings: options with their manual, and the directories that they name.

The help text of each option below is its manual: the command line and the documentation print it.
Their values are read in `settings_file`.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import SettingsError
from agentflow_tui.patterns import pattern

COLOURS = ("primary", "secondary", "accent", "success", "warning", "error")
"""Colours of the theme that a context's title bar may have."""

POOLERS = ("auto", "none", "session", "transaction")
"""What can be said of a pooler before a database."""

SECRET_FORMATS = ("compatible", "bound")
"""The formats that new secrets can be written in."""

NAME = pattern(r"\w[\w.-]*")
"""What a context may be called: it is typed behind ``:ctx``, and files are called after it."""


def option(default: Any, about: str, *, secret: bool = False, least: float = 0) -> Any:
    """A setting with its built-in value and its manual. A secret one stays out of every repr, a
    number may not be below ``least``."""
    metadata = {"about": about, "secret": secret, "least": least}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One database: ``[contexts.NAME]``, or one without a name that was given as a URL."""

    name: str = option("", "set by the section's name")
    database_url: str = option(
        "", "postgresql://user@host:5432/name; empty: the embedded server", secret=True
    )
    read_only: bool = option(False, "open every session read-only and disable every change")
    production: bool = option(False, "mark it unmistakably, and ask more before a change")
    colour: str = option("", f"colour of the title bar: {', '.join(COLOURS)}; production: error")
    workers: bool = option(False, "start background workers together with the console")
    pooler: str = option(
        "auto", "how a pooler lends sessions: none, session, transaction; auto: by looking"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """How the console looks and how often it looks: ``[console]``."""

    theme: str = option("agentflow-dark", "agentflow-dark, agentflow-light or agentflow-contrast")
    refresh: float = option(
        1.0, "seconds between two looks at the database while in focus", least=0.2
    )
    refresh_idle: float = option(
        5.0, "the same without focus, or after minutes without a key", least=0.2
    )
    time_zone: str = option("", "zone for the times shown, such as Europe/Berlin; empty: local")
    ascii: bool = option(False, "draw with ASCII only; set by itself where UTF-8 is not spoken")
    start: str = option("overview", "the screen to open first")
    lease_minutes: float = option(5.0, "a workflow lock older than this is called stale")
    keys: dict[str, str] = option({}, "remapped keys: id = 'key,key'; ':keys' shows the ids")


CONNECTIONS = 5
"""Connections to the database with which a worker is at its best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How the background workers behave: ``[workers]``."""

    time_zone: str = option("UTC", "zone in which cron expressions are read")
    missed: str = option("coalesce", "slots missed during a pause: 'coalesce' into one, or 'skip'")
    lease: float = option(300.0, "seconds a claim is honoured without a sign of life", least=0.1)
    poll: float = option(
        15.0, "seconds between two looks when nothing wakes a worker earlier", least=0.01
    )
    runner_slots: int = option(100, "workflows in flight in one process", least=1)
    max_attempts: int = option(
        0,
        "answers 'later' of the relay after which a mail fails; 0: none, its age decides",
        least=0,
    )
    give_up_after: float = option(5.0, "days after which a mail that is put off fails", least=0)
    retry_base: float = option(30.0, "seconds before the second attempt; doubled for each further")
    retry_limit: float = option(3600.0, "longest wait between two attempts, in seconds")
    hold: float = option(10.0, "seconds that requeued mail waits, in which undo is certain")
    connections: int = option(8, "connections to the mail relay from one process", least=1)
    database_connections: int = option(
        CONNECTIONS, "connections to the database from one worker; fewer are slower", least=2
    )
    rate: float = option(0.0, "mails per second to the relay from all processes; 0: no limit")
    domain_rate: float = option(0.0, "the same to one recipient domain; 0: no limit")
    attachments: str = option("", "the folder that attachment paths must stay inside")
    sender: str = option("", "address that mail is sent from; empty: the relay's user")
    reply_to: str = option("", "address that answers go to; empty: the sender's")
    unsubscribe: str = option("", "List-Unsubscribe address or URL; empty: no such header")
    checks: dict[str, str] = option(
        {}, "further checks: name = 'http://…', 'tcp://host:port' or 'tls://host:port'"
    )
    log_json: bool = option(False, "log JSON lines instead of text")


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """How new secrets are written: ``[vault]``."""

    format: str = option(
        "",
        "'compatible', which AgentFlow reads, or 'bound' to its row, which only this program does; "
        "empty: compatible where rows of AgentFlow's are, else bound",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightSettings:
    """What counts as worth telling: ``[insights]``. Texts name each of these where it is used."""

    monthly_gross: float = option(
        0.0, "a rooftop's gross a month, against which money is weighed; 0: shares are"
    )
    least_score: int = option(25, "insights below this score are not stored")
    aged_days: int = option(60, "days in stock from which on a vehicle is aged", least=1)
    aged_share: float = option(20.0, "per cent of aged vehicles that are too many")
    transit_days: int = option(10, "days after which an unfunded contract is late", least=1)
    response_minutes: float = option(30.0, "minutes to the first answer to a lead that are usual")
    price_to_market: float = option(101.0, "per cent of the market's price that are too much …")
    price_days: int = option(45, "… from so many days in stock on")
    supply_days: float = option(50.0, "days' supply that are too many")
    concentrated: float = option(50.0, "per cent of a total in one place that are told")
    empty_share: float = option(20.0, "per cent of empty cells in a column that are told")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """Reports that are brought in: ``[reports]``."""

    personal_days: int = option(
        365, "age in days from which on 'report forget-personal' removes customers' data", least=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingSettings:
    """A language model that words summaries of insights: ``[wording]``. Off without a URL."""

    url: str = option("", "base URL of an OpenAI-compatible service; empty: no model is asked")
    model: str = option("", "the model's name there")
    api_key: str = option("", "name of the row of api_keys with the service's key")
    calls: int = option(3, "insights of a report that are worded, the best ones", least=0)
    seconds: float = option(20.0, "time for all insights of a report", least=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionSettings:
    """To whom insights go by mail: ``[distribution]``."""

    recipients: dict[str, str] = option(
        {}, "role = 'ann@dealer.example, Bob <bob@dealer.example>'; AgentFlow's roles or others"
    )
    rules: dict[str, str] = option(
        {}, "role = 'trend, movers >= 60': types ('*' for all) and the least score"
    )
    subject: str = option(
        "{count} for {vendor}: {title}", "subject of a digest; {count}, {vendor} and {title}"
    )
    priority: int = option(0, "priority of digests in the queue; higher leaves first", least=-1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorSettings:
    """Which mail brings a vendor's reports, and how its files are read: ``[vendors.NAME]``."""

    name: str = option("", "set by the section's name")
    vendor: str = option("", "whose reports they are; empty: the section's name")
    type: str = option("", "what they report, such as sold_log; empty: the subject's words")
    sender: str = option("", "'reports@vendor.example, @vendor.example': addresses, domains")
    subject: str = option("", "words in the subject; * stands for anything; empty: any subject")
    attachment: str = option(
        "*.csv, *.tsv, *.xlsx, *.xlsm, *.xls, *.xlsb, *.ods", "names of the files that are reports"
    )
    encoding: str = option("", "of their text; empty: found out")
    separator: str = option("", "between their cells, one character; empty: found out")
    sheet: str = option("", "the sheet of a workbook; empty: the largest")
    zone: str = option("UTC", "time zone of their times")
    day_first: bool = option(False, "3/4/2026 is in April")

    def __post_init__(self) -> None:
        """Raises `ValueError`: who may send is never left open."""
        if not self.senders or any(set(each) & set(' <>"') for each in self.senders):
            raise ValueError(
                "sender must name addresses, such as 'reports@vendor.example', or "
                "'@vendor.example' for all of a domain"
            )

    @property
    def senders(self) -> list[str]:
        """The words of ``sender``."""
        return [word for each in self.sender.split(",") if (word := each.strip())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, with the context in use."""

    context: Context = field(default_factory=Context)
    contexts: dict[str, Context] = field(default_factory=dict)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    vault: VaultSettings = field(default_factory=VaultSettings)
    reports: ReportSettings = field(default_factory=ReportSettings)
    insights: InsightSettings = field(default_factory=InsightSettings)
    distribution: DistributionSettings = field(default_factory=DistributionSettings)
    wording: WordingSettings = field(default_factory=WordingSettings)
    vendors: dict[str, VendorSettings] = field(default_factory=dict)
    vendors_file: str = ""
    """AgentFlow's own file of vendors, whose rules come after those of ``vendors``."""
    read_only: bool = False
    """``--read-only`` was given: it holds for whichever context is in use."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    path: Path = Path()

    @property
    def home(self) -> Path:
        """Where data and the embedded server live: ``AGENTFLOW_HOME``, else the XDG data home."""
        return home(self.environ)

    @property
    def embedded(self) -> bool:
        """No database is configured, so the embedded one serves."""
        return not self.context.database_url

    @property
    def read_only_because(self) -> str:
        """Why nothing may be written as far as settings go; empty when it may."""
        if self.read_only:
            return "started with --read-only"
        return "the settings of this context say so" if self.context.read_only else ""

    def kept(self, what: str) -> Path:
        """The file in the data directory where something is kept for the context in use."""
        return self.home / what / f"{self.context.name or 'default'}.json"

    def using(self, name: str) -> "Settings":
        """The same settings with another context in use. Raises `SettingsError`."""
        if name not in self.contexts:
            known = ", ".join(sorted(self.contexts)) or "none"
            raise SettingsError(f"There is no context {name!r} in {self.path}; known: {known}.")
        return self.on(self.contexts[name])

    def on(self, context: Context) -> "Settings":
        """The same settings with this context in use."""
        read_only = context.read_only or self.read_only
        return replace(self, context=replace(context, read_only=read_only))


def home(environ: Mapping[str, str]) -> Path:
    """``AGENTFLOW_HOME``, else ``agentflow`` under the XDG data home."""
    if environ.get("AGENTFLOW_HOME"):
        return Path(environ["AGENTFLOW_HOME"]).expanduser()
    return _xdg(environ, "XDG_DATA_HOME", ".local/share") / "agentflow"


def config_path(environ: Mapping[str, str]) -> Path:
    """``$XDG_CONFIG_HOME/agentflow/config.toml``."""
    return _xdg(environ, "XDG_CONFIG_HOME", ".config") / "agentflow" / "config.toml"


def _xdg(environ: Mapping[str, str], name: str, fallback: str) -> Path:
    """The directory that a variable names; a relative one counts for none, as XDG has it."""
    given = Path(environ.get(name, ""))
    return given if given.is_absolute() else _user_home(environ, name) / fallback


def _user_home(environ: Mapping[str, str], instead: str) -> Path:
    """The user's directory. Raises `SettingsError` for a user that the system does not know."""
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path.home()
    except RuntimeError:
        raise SettingsError(
            f"This user has no home directory; set HOME, or AGENTFLOW_HOME and {instead}."
        ) from None
