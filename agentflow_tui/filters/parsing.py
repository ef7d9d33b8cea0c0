"""The parser that makes a filter of tokens: which column, which comparison, which values."""

from collections.abc import Callable, Iterable
from dataclasses import field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from re import ASCII
from re import compile as pattern

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import FilterError
from agentflow_tui.filters.filter import Filter, Notice
from agentflow_tui.filters.scanning import Item, Token, scan, shown
from agentflow_tui.filters.terms import (
    FALSE,
    ORDERINGS,
    TRUE,
    Comparison,
    Condition,
    Flag,
    Match,
    Number,
    Period,
    Presence,
    Relative,
    Text,
    Value,
    Word,
    quoted,
)
from agentflow_tui.filters.times import UNITS, read_distance, read_span
from agentflow_tui.filters.vocabulary import AGE, Field, Vocabulary
from agentflow_tui.schema import Kind, spelling

_PRESENCE = {"none": Presence(False), "null": Presence(False), "any": Presence(True)}
_NUMBER = pattern(r"([+-]?)0*([0-9]{1,40}?)(?:\.([0-9]{0,40}?)0*)?", ASCII)
_DIGITS = pattern(r"[0-9]+", ASCII)


def parse(text: str, vocabulary: Vocabulary, *, now: datetime, tz: tzinfo = UTC) -> Filter:
    """The filter that ``text`` asks for.

    ``now`` (aware) and ``tz`` give ``today``, clock times and dates without an offset their
    meaning; lengths of time stay relative, see `Filter.expires`. Raises `FilterError` with the
    span of the mistake, whatever the text.
    """
    reading = _Reading(text, vocabulary, now, tz)
    terms = tuple(reading.term(token) for token in scan(text))
    return Filter(
        terms=terms,
        searched=vocabulary.searched,
        notices=tuple(reading.notices),
    )


@dataclass(slots=True)
class _Reading:
    text: str
    vocabulary: Vocabulary
    now: datetime
    tz: tzinfo
    notices: list[Notice] = field(default_factory=list)

    def term(self, token: Token) -> Word | Condition:
        if token.name is None:
            (item,) = token.items
            pattern = "*" in item.text and not item.quoted
            return Word(text=item.text, pattern=pattern, negated=token.negated)
        as_age = self.vocabulary.means_age(token.name)
        subject = self._field(token, as_age)
        operator, negated = _operator(token.operator)
        place = _Subject(self, token, subject, operator, as_age)
        if token.path and subject.kind is not Kind.JSON:
            raise place.name_mistake(
                f"{subject.name} holds no JSON, so it has no parts. Ask for {subject.name} itself."
            )
        if operator in ORDERINGS and len(token.items) > 1:
            raise self.mistake("Only one value can be compared with.", *_whole(token.items))
        values = tuple(dict.fromkeys(_READERS[subject.kind](place)))
        if operator is Comparison.EXACTLY and subject.kind not in _TEXTUAL:
            operator = Comparison.IS
        return Condition(
            field=subject.name,
            kind=subject.kind,
            operator=operator,
            values=values,
            path=token.path,
            negated=token.negated != negated,
            as_age=as_age,
        )

    def _field(self, token: Token, as_age: bool) -> Field:
        name = self.vocabulary.age if as_age else token.name
        assert name is not None, "a condition has a name"
        found = self.vocabulary.find(name)
        start = token.name_end - len(token.name or "")
        if found is None:
            raise self.mistake(self._unknown(token, start), start, token.name_end)
        if found.secret:
            raise self.mistake(
                f"{found.name} is secret: lists cannot be filtered by it.", start, token.name_end
            )
        return found

    def _unknown(self, token: Token, start: int) -> str:
        name = token.name or ""
        names = [f.name for f in self.vocabulary.fields if not f.secret]
        if self.vocabulary.age is not None:
            names.append(AGE)
        near = did_you_mean(name, names)
        if near:
            return f"There is no column {shown(name)} here. {near}"
        whole = self.text[start : token.items[-1].end]
        return (
            f"There is no column {shown(name)} here. "
            f"To look for it as text, quote it: {shown(quoted(whole))}"
        )

    def mistake(self, message: str, start: int, end: int) -> FilterError:
        return FilterError(message, self.text, start, end)


@dataclass(frozen=True, slots=True)
class _Subject:
    """One condition while its values are being read."""

    reading: _Reading
    token: Token
    field: Field
    operator: Comparison
    as_age: bool

    @property
    def items(self) -> tuple[Item, ...]:
        return self.token.items

    def mistake(self, item: Item, message: str) -> FilterError:
        return self.reading.mistake(message, item.start, item.end)

    def name_mistake(self, message: str) -> FilterError:
        start = self.token.name_end - len(self.token.name or "")
        return self.reading.mistake(message, start, self.token.head_end)

    def presence(self, item: Item) -> Presence | None:
        asks = self.operator in (Comparison.IS, Comparison.EXACTLY) and not item.quoted
        return _PRESENCE.get(item.text.lower()) if asks else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the most similar of the ``known``, or nothing."""
    from difflib import get_close_matches  # only mistakes pay for it

    spellings = {spelling(name): name for name in known}
    near = get_close_matches(spelling(word)[:60], spellings, n=1, cutoff=0.6)
    return f"Did you mean {spellings[near[0]]}?" if near else ""


def _operator(written: str) -> tuple[Comparison, bool]:
    bare = written.removeprefix(":") or ":"
    return (Comparison.EXACTLY, True) if bare == "!=" else (Comparison(bare), False)


def _whole(items: tuple[Item, ...]) -> tuple[int, int]:
    return items[0].start, items[-1].end


def _texts(place: _Subject) -> list[Value]:
    if place.operator in ORDERINGS:
        name = place.field.name
        raise place.name_mistake(
            f"{name} is not a number or a time. It can be {name}:value, or contain: {name}~part."
        )
    return [place.presence(item) or _text(place, item) for item in place.items]


def _text(place: _Subject, item: Item) -> Text:
    if place.operator is Comparison.EXACTLY:
        _notice_unknown_word(place, item)
        return Text(item.text, Match.EXACT)
    if "*" in item.text and not item.quoted:
        return Text(item.text, Match.PATTERN)
    if place.operator is Comparison.CONTAINS:
        if not item.text:
            raise place.mistake(item, "There is nothing between these quotes to look for.")
        return Text(item.text)
    known = next((word for word in place.field.words if word == item.text.lower()), None)
    if known is not None:
        return Text(known, Match.WORD)
    _notice_unknown_word(place, item)
    return Text(item.text)


def _notice_unknown_word(place: _Subject, item: Item) -> None:
    words = place.field.words
    if not words or item.text in words:
        return
    hint = did_you_mean(item.text, words) or f"Usual are {', '.join(words)}."
    message = f"{shown(item.text)} is not a usual {place.field.name}. {hint}"
    place.reading.notices.append(Notice(message, item.start, item.end))


def _numbers(place: _Subject) -> list[Value]:
    if place.operator is Comparison.CONTAINS:
        name = place.field.name
        raise place.name_mistake(f"{name} is a number. Compare it: {name}:3 or {name}:>3.")
    return [place.presence(item) or _number(place, item) for item in place.items]


def _number(place: _Subject, item: Item) -> Number:
    match = _NUMBER.fullmatch(item.text)
    if match is None:
        raise place.mistake(item, _no_number(place.field.name, item.text))
    sign, whole, fraction = match[1], match[2], match[3]
    exact = Decimal(f"{whole}.{fraction}" if fraction else whole)
    return Number(-exact if sign == "-" and exact else exact)


def _no_number(name: str, text: str) -> str:
    digits = _DIGITS.search(text)
    if digits is None:
        return f"{shown(text)} is not a number, and {name} is one, as in {name}:3 or {name}:>3."
    if len(digits[0]) > 40:
        return f"{shown(text)} has more than 40 digits."
    return f"{shown(text)} is not a number. Did you mean {digits[0]}?"


def _times(place: _Subject) -> list[Value]:
    if place.operator is Comparison.CONTAINS:
        name = place.field.name
        raise place.name_mistake(f"{name} is a time. Compare it: {name}:today or {name}:>1h.")
    if place.as_age:
        return [_age(place, item) for item in place.items]
    return [place.presence(item) or _time(place, item) for item in place.items]


def _age(place: _Subject, item: Item) -> Relative:
    found = _time(place, item)
    if isinstance(found, Relative) and not found.distance.ahead:
        return found
    time = place.field.name
    raise place.mistake(
        item, f"age is a length of time, such as age:>10m. For a moment, say {time}:<2026-11-01."
    )


def _time(place: _Subject, item: Item) -> Relative | Period:
    try:
        distance = read_distance(item.text)
        if distance is not None:
            return Relative(distance)
        span = read_span(item.text, place.reading.now, place.reading.tz)
    except ValueError as error:
        raise place.mistake(item, str(error)) from None
    if span is None:
        raise place.mistake(item, _no_time(place, item.text))
    is_date = item.text[0].isdigit()
    written = item.text.replace(" ", "T").upper() if is_date else item.text.lower()
    return Period(span.start, span.end, written, span.until)


def _no_time(place: _Subject, text: str) -> str:
    digits = text.removeprefix("+")
    if _DIGITS.fullmatch(digits):
        units = ", ".join(f"{unit} ({word})" for unit, word in UNITS.items())
        return f"{shown(text)} needs a unit: {units}."
    count = _DIGITS.match(digits)
    if count and digits[count.end() :][:1].lower() in UNITS:
        unit = digits[count.end()].lower()
        return f"{shown(text)} is not a time. Did you mean {count[0][:12]}{unit}?"
    if place.as_age:
        return f"{shown(text)} is not a length of time. age is one, such as age:>10m."
    name = place.field.name
    near = did_you_mean(text, ("today", "yesterday", "tomorrow", "now", "none", "any"))
    return f"{shown(text)} is not a time. " + (
        near or f"{name} takes 2026-11-01, 12:30, today, or a length of time such as >10m."
    )


def _flags(place: _Subject) -> list[Value]:
    name = place.field.name
    if place.operator not in (Comparison.IS, Comparison.EXACTLY):
        raise place.name_mistake(f"{name} is yes or no. Ask for {name}:yes.")
    return [place.presence(item) or _flag(place, item) for item in place.items]


def _flag(place: _Subject, item: Item) -> Flag:
    word = item.text.lower()
    if word not in TRUE | FALSE:
        name = place.field.name
        raise place.mistake(item, f"{shown(item.text)} is neither yes nor no. Ask for {name}:yes.")
    return Flag(word in TRUE)


def _documents(place: _Subject) -> list[Value]:
    if place.token.path:
        return [place.presence(item) or _part(place, item) for item in place.items]
    if place.operator is Comparison.CONTAINS:
        return [_text(place, item) for item in place.items]
    found = [place.presence(item) for item in place.items]
    values: list[Value] = [value for value in found if value is not None]
    if len(values) < len(found):
        name = place.field.name
        raise place.name_mistake(
            f"{name} holds JSON. Ask for a part of it, {name}.part:value, or look in all of it, "
            f"{name}~text."
        )
    return values


def _part(place: _Subject, item: Item) -> Text:
    if place.operator in ORDERINGS:
        return Text(item.text, Match.EXACT)
    return _text(place, item)


_TEXTUAL = frozenset({Kind.TEXT, Kind.ID, Kind.JSON})

_READERS: dict[Kind, Callable[[_Subject], list[Value]]] = {
    Kind.TEXT: _texts,
    Kind.ID: _texts,
    Kind.NUMBER: _numbers,
    Kind.TIME: _times,
    Kind.FLAG: _flags,
    Kind.JSON: _documents,
}
