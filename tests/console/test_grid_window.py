"""The window of a list, against a model that holds everything."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow_tui.console.list.marks import Marks
from agentflow_tui.console.list.viewport import Viewport, unmoved
from agentflow_tui.console.list.window import PageRequest, RowWindow
from agentflow_tui.store.reading.pages import Page
from tests.console.grid_table import Endless, Item, Table, numbered

HEIGHT = 7
ROWS = 700
"""More than a window of this height holds."""

Steps = list[tuple[str, int]]

moves = st.one_of(
    st.tuples(st.just("step"), st.integers(-30, 30)),
    st.tuples(st.just("shift"), st.sampled_from([-3, 3, -7, 7, -60, 60, -300, 300])),
    st.tuples(st.sampled_from(["to_start", "to_end"]), st.just(0)),
)
looks = st.one_of(
    moves,
    st.tuples(st.just("scroll"), st.integers(-40, 40)),
    st.tuples(st.just("point"), st.integers(0, HEIGHT)),
    st.tuples(st.just("resize"), st.integers(1, 30)),
)
changes = st.one_of(
    st.tuples(st.just("insert"), st.integers(-50, 10 * ROWS + 50)),
    st.tuples(st.just("flood"), st.integers(-50, 10 * ROWS + 50)),
    st.tuples(st.just("delete"), st.integers(0, 10**6)),
    st.tuples(st.just("purge"), st.integers(0, 10**6)),
    st.tuples(st.just("move"), st.integers(0, 10**6)),
    st.tuples(st.just("edit"), st.integers(0, 10**6)),
)
answers = st.tuples(st.sampled_from(["ask", "deliver", "again", "renew"]), st.just(0))


@dataclass
class Desk:
    """A window, its table, and an answer that is on its way."""

    window: RowWindow[Item]
    table: Table
    made: int = 0
    kept: frozenset[str] = frozenset()
    on_its_way: tuple[PageRequest[Item], Page[Item]] | None = None

    @classmethod
    def of(cls, table: Table, height: int = HEIGHT) -> "Desk":
        desk = cls(RowWindow(height), table)
        desk.window.renew()
        desk.settle()
        return desk

    def settle(self) -> None:
        """Answer everything that is wanted, as the table is now."""
        self.deliver()
        for _ in range(1000):
            request = self.window.wanted()
            if request is None:
                return
            self.window.receive(request, self.table.answer(request))
        raise AssertionError(f"never content: {request}")

    def deliver(self) -> None:
        if self.on_its_way is not None:
            self.window.receive(*self.on_its_way)
            self.on_its_way = None

    def ask(self) -> None:
        request = self.window.wanted()
        if self.on_its_way is None and request is not None:
            self.on_its_way = request, self.table.answer(request)

    def do(self, name: str, amount: int) -> None:
        own: dict[str, Callable[[], None]] = {
            "ask": self.ask,
            "deliver": self.deliver,
            "again": self.window.read_again,
            "renew": lambda: self.window.renew(self.window.current),
        }
        if name in own:
            own[name]()
        elif name in {"to_start", "to_end"}:
            getattr(self.window, name)()
        elif hasattr(self.window, name):
            getattr(self.window, name)(amount)
        else:
            self.change(name, amount)

    def change(self, name: str, amount: int) -> None:
        if name in {"insert", "flood"}:
            for number in range(1 if name == "insert" else 4 * HEIGHT):
                self.made += 1
                self.table.put(Item(amount + number % 3, f"new{self.made}"))
            return
        items = self.table.items
        for offset in range(3 * HEIGHT if name == "purge" else 1):
            loose = [item for item in items if item.key not in self.kept]
            if not loose:
                return
            item = loose[(amount + offset) % len(loose)]
            if name in {"delete", "purge"}:
                self.table.remove(item.key)
            elif name == "move":
                self.table.put(replace(item, rank=(item.rank * 7 + amount) % (10 * ROWS)))
            else:
                self.table.put(replace(item, text=f"{item.text}!"))
            items = self.table.items

    def check(self) -> None:
        """What is true at any moment, whatever is on its way."""
        window = self.window
        keys = [row.key for row in window.rows]
        assert len(set(keys)) == len(keys)
        if keys:
            assert 0 <= window.top <= window.cursor < min(window.top + window.height, len(keys))
            assert window.top == 0 or window.top + window.height <= len(keys)
        assert len(keys) <= 1000

    def check_shown(self) -> None:
        """What is shown is a piece of the table without gaps, and all that there is room for."""
        shown, items = self.window.visible, self.table.items
        assert len(shown) == min(self.window.height, len(items))
        if shown:
            start = items.index(shown[0])
            assert shown == items[start : start + len(shown)]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, ROWS), st.lists(st.one_of(looks, changes, answers), max_size=30))
def test_what_is_shown_is_a_piece_of_the_list(total: int, steps: Steps) -> None:
    desk = Desk.of(numbered(total))
    for name, amount in steps:
        desk.do(name, amount)
        desk.check()
    desk.settle()
    desk.window.read_again()
    desk.settle()
    desk.check()
    desk.check_shown()


def keeps_its_place(total: int, steps: Steps, meanwhile: Steps) -> None:
    desk = Desk.of(numbered(total))
    for name, amount in steps:
        desk.do(name, amount)
    desk.settle()
    current, first = desk.window.current, desk.window.visible[0]
    assert current is not None
    at_very_start = desk.table.items[0].key == first.key
    desk.kept = frozenset({current.key, first.key})
    for name, amount in meanwhile:
        desk.do(name, amount)
    desk.window.read_again()
    desk.settle()
    desk.check_shown()
    assert desk.window.current is not None
    assert desk.window.current.key == current.key
    keys = [item.key for item in desk.table.items]
    anchor = 0 if at_very_start else keys.index(first.key)
    if keys.index(current.key) - anchor < HEIGHT and len(keys) - anchor >= HEIGHT:
        assert desk.window.visible[0].key == keys[anchor]


@settings(max_examples=150, deadline=None)
@given(st.integers(1, ROWS), st.lists(moves, max_size=12), st.lists(changes, max_size=12))
def test_the_cursor_keeps_its_row_and_the_view_its_first(
    total: int, steps: Steps, meanwhile: Steps
) -> None:
    keeps_its_place(total, steps, meanwhile)


def test_rows_are_read_to_fill_the_view_below_its_first_row() -> None:
    keeps_its_place(8, [("step", 7)], [("flood", 0), ("purge", 0), ("insert", 70), ("move", 3)])


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, ROWS),
    st.lists(st.one_of(moves, st.tuples(st.sampled_from(["ask", "deliver"]), st.just(0)))),
)
def test_no_key_is_lost_however_late_the_rows_come(total: int, steps: Steps) -> None:
    desk = Desk.of(numbered(total))
    model: Viewport[Item] = Viewport(HEIGHT)
    model.rows = list(desk.table.items)
    for name, amount in steps:
        desk.do(name, amount)
        if name == "step":
            model.move_cursor(amount)
        elif name == "shift":
            model.move_both(amount)
        elif name in {"to_start", "to_end"}:
            model.move_cursor(len(model.rows) * (1 if name == "to_end" else -1))
    desk.settle()
    assert desk.window.current == model.current
    assert desk.window.visible == model.visible


def test_a_row_that_vanished_leaves_the_cursor_in_its_place() -> None:
    desk = Desk.of(numbered(100))
    desk.do("shift", 30)
    desk.do("step", 3)
    for gone in ("k0000033", "k0000031"):
        desk.table.remove(gone)
    desk.window.read_again()
    desk.settle()
    assert desk.window.current == desk.table.items[32]
    assert desk.window.current.key == "k0000034"


def test_rows_that_are_new_at_the_start_appear_there() -> None:
    desk = Desk.of(numbered(100))
    desk.do("step", 2)
    desk.table.put(Item(-1, "new"))
    desk.window.read_again()
    desk.settle()
    assert [row.key for row in desk.window.visible[:2]] == ["new", "k0000000"]
    assert desk.window.cursor == 3


def test_another_list_keeps_the_row_on_its_line() -> None:
    desk = Desk.of(numbered(500))
    desk.do("shift", 200)
    desk.settle()
    desk.do("step", 4)
    kept = desk.window.current
    desk.table = Table(item for item in desk.table.items if item.rank % 40 == 0 or item == kept)
    desk.window.renew(kept)
    desk.settle()
    assert desk.window.current == kept
    assert desk.window.cursor - desk.window.top == 4
    desk.check_shown()


def test_a_stale_answer_is_dropped() -> None:
    desk = Desk.of(numbered(500))
    desk.do("shift", 80)
    desk.ask()
    stale = desk.on_its_way
    assert stale is not None
    desk.window.to_end()
    assert not desk.window.receive(*stale)
    desk.on_its_way = None
    desk.settle()
    assert desk.window.position() == "end"


def test_a_page_held_down_never_misses_and_asks_once_in_three_pages() -> None:
    for height in (20, 58):
        window: RowWindow[Item] = RowWindow(height)
        table, asked = Endless(), 0
        window.renew()
        on_its_way = window.wanted()
        for page in range(1200):
            if on_its_way is not None:  # asked at the last key, here before this one
                asked += 1
                window.receive(on_its_way, _answer(table, on_its_way))
            window.shift(height)
            on_its_way = window.wanted()
            assert not window.is_behind
            assert window.visible[0].rank == (page + 1) * height
        assert asked <= 1200 / 3


def _answer(table: Endless, request: PageRequest[Item]) -> Page[Item]:
    start = request.row.rank + 1 if request.row else 0
    return table.between(start, start + request.count)


@given(st.lists(st.integers(0, 200), unique=True))
def test_rows_that_kept_their_order_are_as_many_as_can_be(places: list[int]) -> None:
    pairs = unmoved([None if place % 5 == 0 else place for place in places])
    assert pairs == sorted(pairs)
    assert all(one[1] < other[1] for one, other in pairwise(pairs))
    left = [place for place in places if place % 5]
    best = [1] * len(left)
    for i, place in enumerate(left):
        best[i] = 1 + max((best[j] for j in range(i) if left[j] < place), default=0)
    assert len(pairs) == max(best, default=0)


def test_a_range_takes_back_what_the_cursor_takes_back() -> None:
    rows = numbered(10).items
    marks: Marks[Item] = Marks()
    marks.start_range(rows[4])
    marks.extend_range(rows[4:8])
    marks.extend_range(reversed(rows[2:8]))
    assert list(marks.rows) == [rows[4].key, rows[3].key, rows[2].key]
    marks.end_range()
    marks.toggle(rows[3])
    assert rows[3].key not in marks
    marks.step_back()
    assert not marks
