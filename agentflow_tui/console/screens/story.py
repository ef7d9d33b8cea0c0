"""The story of a row, or of the mail to an address: a timeline of lines that open their rows."""

from collections.abc import Sequence

from textual.app import ComposeResult

from agentflow_tui import clock
from agentflow_tui.console.catalogue import VIEWS, view_called
from agentflow_tui.console.clipboard import copy
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.console.story_lines import mail_lines, row_lines
from agentflow_tui.console.view import NOT_HERE, View, ViewEntry
from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import Pane, PaneLine, text_line
from agentflow_tui.console.widgets.prompt import Candidate, Mistake, Prompt
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import UsageError
from agentflow_tui.operations.story.gathering import StoryMaterial, gather, gather_mails
from agentflow_tui.operations.story.mails import MailStory, mail_stories
from agentflow_tui.operations.story.timeline import StoryEvent, StoryRules, summary, timeline
from agentflow_tui.schema import TABLES
from agentflow_tui.store.views.by_id import find_ids, public_id
from agentflow_tui.text import shorten_id

EVERY = 5.0
"""Seconds between two readings of the same story."""

_ASK = "A story is of an address, such as ann@acme.test, or of a row: workflows and its id."


@dataclass(frozen=True, slots=True)
class StorySubject:
    """What a story is about: an ``address``, or the row ``id`` of ``table``."""

    table: str = ""
    id: str = ""
    address: str = ""

    @classmethod
    def of(cls, text: str) -> "StorySubject":
        """What was asked for. Raises `UsageError`."""
        words = text.split()
        if len(words) == 1 and "@" in text:
            return cls(address=words[0])
        view = view_called(words[0]) if len(words) == 2 else None
        if view is None or not VIEWS[view].table:
            raise UsageError(_ASK)
        return cls(table=VIEWS[view].table, id=words[1])

    def __str__(self) -> str:
        if self.address:
            return f"mail to {self.address}"
        table = TABLES[self.table]
        return f"{table.one} {shorten_id(public_id(table, self.id))}"


class StoryView(View):
    """One story at a time. Stories that are opened from its lines are stepped back from."""

    def __init__(self, env: Environment, entry: ViewEntry) -> None:
        super().__init__(env, entry)
        ascii_only = env.settings.console.ascii
        self.status = Line(id="status", ascii_only=ascii_only)
        self.prompt = Prompt(_complete, placeholder="ann@acme.test   or   workflows ID")
        self.pane = Pane(ascii_only=ascii_only)
        self._asked: list[str] = []
        """The texts that were asked for, the present one last."""
        self._told: list[StoryEvent] | list[MailStory] = []
        self._material: StoryMaterial | None = None
        self._of = ""
        """The text whose story is shown."""
        self._tried = ""
        """The text whose story was read last, or could not be."""
        self._read = 0.0
        self._shown_at = 0

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.prompt
        yield self.pane

    # Reading

    async def refresh_data(self) -> None:
        asked = self._asked[-1] if self._asked else ""
        at = self.env.clock().timestamp()
        if not asked or (asked == self._tried and at - self._read < EVERY):
            self._show(afresh=False)
            return
        self._tried = asked
        try:
            material = await self._gathered(StorySubject.of(asked))
        finally:  # what fails is not asked again at each look either
            self._read = self.env.clock().timestamp()
        if asked != self._asked[-1]:
            return
        rules = StoryRules.of(self.env.settings, self.env.now())
        if material is None:
            self._told = []
        elif StorySubject.of(asked).address:
            self._told = mail_stories(material, rules)
        else:
            self._told = timeline(material, rules)
        afresh, self._material, self._of = asked != self._of, material, asked
        self._show(afresh=afresh)

    async def _gathered(self, subject: StorySubject) -> StoryMaterial | None:
        """What there is around it; None where there is no such row, or more than one."""
        database = await self.env.connected()
        if subject.address:
            return await gather_mails(database, subject.address)
        found = await find_ids(database, TABLES[subject.table], [subject.id])
        ids = found[subject.id]
        return await gather(database, subject.table, ids[0]) if len(ids) == 1 else None

    def _show(self, *, afresh: bool) -> None:
        lines = list(self._lines())
        self._shown_at = self.pane.size.width
        self.pane.show(lines, afresh=afresh)
        if afresh and self._material is not None:
            own = f"{self._material.table} {self._material.id} "
            at_own = (at for at, line in enumerate(lines) if line.key.startswith(own))
            self.pane.go_to(next(at_own, 0))
        self._show_status()

    def _lines(self) -> Sequence[PaneLine]:
        if not self._of and self._asked:
            return ()  # it is being read
        if not self._of:
            return [text_line(_ASK, "dim"), text_line("Type / and say which.", "dim")]
        if self._material is None:
            return [text_line(f"There is no {StorySubject.of(self._of)}.", "warning")]
        zone, now, width = self.env.zone, self.env.now(), max(40, self.pane.size.width)
        events = [told for told in self._told if isinstance(told, StoryEvent)]
        stories = [told for told in self._told if isinstance(told, MailStory)]
        lines = mail_lines(stories, zone, now, width) if stories else []
        lines += row_lines(events, zone, now, width, own=self._material.id) if events else []
        if not lines:
            lines = [text_line(f"There is no mail to {self._material.id}.", "warning")]
        return [*lines, *(text_line(f"▲ {note}", "warning") for note in self._material.notes)]

    def _show_status(self) -> None:
        events = [e for t in self._told for e in (t.events if isinstance(t, MailStory) else [t])]
        about = Piece(f"  {StorySubject.of(self._of)}" if self._of else "", "accent")
        zone = clock.zone(self.env.settings.console.time_zone)
        right = [
            Piece(f"  {summary(events)}  " if events else "  ", "dim"),
            Piece(f"{zone} ", "dim"),
        ]
        self.status.show([Piece(" Story", "strong"), about], right)

    # Coming and going

    def arrive(self, place: Place) -> None:
        if place.filter and (not self._asked or place.filter != self._asked[-1]):
            self._ask(place.filter)

    def _ask(self, text: str) -> None:
        """Tell another story. Raises `UsageError`."""
        StorySubject.of(text)
        self._asked.append(text)
        self.shell.look_again()

    def place(self) -> Place:
        return Place(self.view_name, self._asked[-1] if self._asked else None)

    @property
    def is_settled(self) -> bool:
        return not self._asked or self._of == self._asked[-1]

    def keeps(self, key: str) -> bool:
        return self.prompt.keeps(key)

    def focus_main(self) -> None:
        self.pane.focus()

    def step_back(self) -> bool:
        if len(self._asked) < 2:
            return False
        self._asked.pop()
        self.shell.look_again()
        return True

    def first_keys(self) -> tuple[str, ...]:
        return ("row.open", "list.filter")

    def scopes(self) -> tuple[str, ...]:
        return ("list",)

    def on_resize(self) -> None:
        if self.pane.size.width != self._shown_at:
            self.call_after_refresh(self._show, afresh=False)

    # What keys ask for

    def on_pane_followed(self, event: Pane.Followed) -> None:
        event.stop()
        self.shell.follow(event.link)

    def open_row(self) -> None:
        self.pane.action_follow()

    def show_story(self) -> object:
        line = self.pane.current
        if line is None or line.link is None:
            return NOT_HERE
        self._ask(f"{line.link.table} {line.link.id}")
        return None

    def copy_id(self) -> object:
        line = self.pane.current
        if line is None or line.link is None:
            return NOT_HERE
        copy(self.shell, line.link.id, "the id")
        return None

    def open_filter(self) -> None:
        self.prompt.open("")

    def on_prompt_accepted(self, event: Prompt.Accepted) -> None:
        event.stop()
        try:
            self._ask(event.text.strip())
        except UsageError as error:
            self.prompt.explain(Mistake(str(error), 0, len(event.text)))
            return
        self.prompt.close()
        self.focus_main()

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        event.stop()
        self.focus_main()


def _complete(text: str, _cursor: int) -> list[Candidate]:
    """The tables whose rows have a story."""
    if " " in text:
        return []
    names = (entry.words[0] for entry in VIEWS.values() if entry.table)
    return [Candidate(0, len(text), f"{name} ", name) for name in names if name.startswith(text)]
