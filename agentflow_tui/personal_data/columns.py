"""Which columns of a table hold customers' personal data, by what they are called and by how their
values look.

Names, mails, phones, streets, birth dates, licences and the numbers of people, accounts and taxes
are personal by themselves. A city, a ZIP, a VIN, a plate, a note and a bare "Name" are beside one
of those only, or where they are called the customer's. What is a rep's, a store's, a bank's or a
vendor's is not a customer's; neither are ids that only the vendor's program can resolve.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any


class PersonalKind(StrEnum):
    """What personal data a column holds. The words stand in a report's metadata."""

    NAME = "name"
    MAIL = "mail"
    PHONE = "phone"
    ADDRESS = "address"
    BIRTH = "birth date"
    LICENCE = "licence"
    NUMBER = "number of a person"
    ACCOUNT = "account"
    VEHICLE = "vehicle of a person"
    NOTE = "note"


LOOKED_AT = 1_000
"""Values of a column by whose looks it is judged; they are taken from all of it."""

_CUSTOMER = (
    r"customers?|custs?|co ?buyers?|buyers?|clients?|clientes?|guests?|prospects?|purchasers?"
    r"|lessees?|co ?borrowers?|borrowers?|co ?applicants?|applicants?|guarantors?|spouses?|owners?"
    r"|contacts?|drivers?|consumers?|shoppers?|patients?|persons?|kunden?|käufer(?:in)?|halter|acheteur"
    r"|comprador"
)
_STAFF = (
    r"(?:account|lead|deal|opportunity|record|task) owner|reps?|sales ?(?:person|people|man|woman"
    r"|agent|consultant|associate)s?|agents?|advisors?|managers?|mgrs?|technicians?|employees?|staff"
    r"|users?|sellers?|dealers?|dealerships?|stores?|rooftops?|vendors?|suppliers?|banks?"
    r"|lenders?|lienholders?|providers?|company|bdc|verkäufer|vendeur"
)
_THING = (
    r"sources?|campaigns?|models?|makes?|trims?|products?|files?|reports?|vehicles?|groups?|events?"
    r"|templates?|pages?|plans?|brands?"
)
_ROLES = re.compile(rf"\b(?:(?P<staff>{_STAFF})|(?P<customer>{_CUSTOMER})|(?P<thing>{_THING}))\b")
_NAME_WORDS = re.compile(
    rf"(?:{_CUSTOMER}|names?|full|first|last|middle|given|family|maiden|initials?|suffix|leads?"
    r"|primary|secondary|legal|display|registered|vehicles?|the|of|co|and|s|\d|\s)+"
)
_ABOUT = re.compile(
    r"\b(types?|status|counts?|total|opt|flags?|source|campaign|template|sent|opened|clicks?"
    r"|clicked|bounced|attempts?|calls?|verified|valid|preferences?|consent|segment|category|class"
    r"|score|rating|pay|satisfaction|visits?|leads|responses?|rate|share|percent|ip|web|age)\b"
)
"""Words behind which a column tells about mails or customers, and has none."""

_HARD: Mapping[PersonalKind, re.Pattern[str]] = {
    PersonalKind.MAIL: re.compile(r"\b(e ?mails?|mail addr(ess)?|correo|courriel)\b"),
    PersonalKind.PHONE: re.compile(
        r"\b(phones?|tel|telephones?|telefon|teléfono|téléphone|mobile|mobil|cell|cellular|fax"
        r"|handy|whatsapp|sms|cellphone|homephone|workphone)\b"
    ),
    PersonalKind.BIRTH: re.compile(
        r"\b(dob|d o b|births?|birthdays?|birthdates?|born|geburtsdatum|geburtstag|naissance"
        r"|nacimiento)\b"
    ),
    PersonalKind.LICENCE: re.compile(
        r"\b(driv(?:er|ing) ?s? licen[cs]es?|licen[cs]es?( (no|nr|num|number|id|state))?"
        r"|dl|dln|dl (no|num|number)|führerschein|permis)\b"
    ),
    PersonalKind.NUMBER: re.compile(
        r"\b(ssn\d?|s s n|social security|social insurance|tax ?id|itin|passport"
        r"|national id|identity card|steuer ?id|dni|nif)\b"
    ),
    PersonalKind.ACCOUNT: re.compile(
        r"\b(iban|bank account|routing|credit ?card|card (no|num|number)|cc (no|num|number))\b"
    ),
    PersonalKind.ADDRESS: re.compile(
        r"\b(address(es)?|addr|address\d|street\d?|strasse|straße|adresse|anschrift|dirección"
        r"|calle|rue|po box)\b"
    ),
    PersonalKind.NAME: re.compile(
        r"\b((first|last|middle|given|family|maiden|full) ?names?|surname|forename|lead name"
        r"|vorname|nachname|familienname|prénom|nombre|apellidos?)\b"
    ),
}
_SOFT: Mapping[PersonalKind, re.Pattern[str]] = {
    PersonalKind.ADDRESS: re.compile(
        r"\b(city|town|zip|zipcode|zip ?code|postal( code)?|post ?code|postcode|plz|ort|stadt"
        r"|ville|ciudad|county|apt|unit no)\b"
    ),
    PersonalKind.VEHICLE: re.compile(r"\b(vins?|plates?|license plate|licence plate|tag no)\b"),
    PersonalKind.NOTE: re.compile(
        r"\b(notes?|comments?|remarks?|messages?|transcripts?|bemerkung(en)?|notiz(en)?)\b"
    ),
    PersonalKind.NAME: re.compile(r"(names?|first|last|middle|lead|nom)"),
}
_PLATE = re.compile(r"\b(plates?|dealer)\b")

MAIL = r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)*\.[a-zA-Z]{2,}"
PHONE = (
    r"(?<![\w.-])(?:\+?\d{1,3}[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])"
    r"|(?<![\w.])\+\d(?:[ ()./-]{0,2}\d){7,14}(?![\w-])"
)
SOCIAL = r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"
_WITHIN = {
    PersonalKind.MAIL: re.compile(MAIL),
    PersonalKind.PHONE: re.compile(PHONE),
    PersonalKind.NUMBER: re.compile(SOCIAL),
}
_WHOLE = {
    PersonalKind.ADDRESS: re.compile(
        r"\d{1,6}[a-zA-Z]? [\w .'-]{2,40}\b(?i:st|street|ave|avenue|rd|road|blvd|boulevard|dr|drive"
        r"|ln|lane|ct|court|way|pl|place|pkwy|parkway|ter|terrace|cir|circle|hwy|highway)\b.{0,40}"
    ),
    PersonalKind.VEHICLE: re.compile(r"(?=.*\d)[A-HJ-NPR-Z0-9]{17}"),
    PersonalKind.ACCOUNT: re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?"),
}
_HINTS = re.compile(r"[@\d]")
_SHARE_WITHIN, _SHARE_WHOLE = 0.1, 0.5
"""Shares of the values that hold a mail, a phone or a number, or look wholly like one of a kind,
from which on a column is one of them."""

_WORD_BREAK = re.compile(r"(?<=[a-zà-ÿ0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")


def words_of(name: str) -> str:
    """``CustomerName``, ``customer_name`` and ``Customer / Name`` as ``customer name``."""
    return _WORD_BREAK.sub(" ", name).strip().lower()


def personal_columns(
    names: Sequence[str],
    columns: Sequence[Sequence[Any]],
    *,
    marked: Mapping[str, Any] | None = None,
    within: str = "",
) -> dict[int, PersonalKind]:
    """The columns of a table that hold customers' personal data, by their places.

    ``columns`` are their values, or some of them; ``marked`` names columns that are known to be
    personal, with their kind. ``within`` is what the table is the part of, such as ``customer``.
    """
    known = marked or {}
    prefix = _PREFIXES.get(_role(words_of(within)), "") if within else ""
    found: dict[int, PersonalKind] = {}
    beside: dict[int, PersonalKind] = {}
    for at, (name, values) in enumerate(zip(names, columns, strict=True)):
        if name in known:
            found[at] = _kind(known[name])
            continue
        kind, alone = _judged(prefix + name, values)
        if kind is not None:
            (found if alone else beside)[at] = kind
    return found | beside if found else {}


_PREFIXES = {"customer": "customer ", "staff": "rep "}
"""What the members of an object are called besides, by whose object it is."""


def _kind(word: Any) -> PersonalKind:
    return PersonalKind(word) if word in _KINDS else PersonalKind.NOTE


_KINDS = frozenset(map(str, PersonalKind))


def _judged(name: str, values: Sequence[Any]) -> tuple[PersonalKind | None, bool]:
    """The kind of a column, and whether it is personal by itself, not beside others only."""
    kind, alone = kind_by_name(name)
    filled = [value for value in _some(values) if value is not None and value != ""]
    if kind is not None and filled and not can_be(kind, filled):
        kind = None
    if (kind is None or not alone) and not is_staff(name):
        looks = kind_by_looks([value for value in filled if isinstance(value, str)])
        if looks is not None:
            return looks, looks is not PersonalKind.VEHICLE
    return kind, alone


def _some(values: Sequence[Any]) -> Sequence[Any]:
    """At most `LOOKED_AT` of the values, from all of them."""
    step = 1 + (len(values) - 1) // LOOKED_AT if values else 1
    return values if step == 1 else values[::step]


def can_be(kind: PersonalKind, filled: Collection[Any]) -> bool:
    """Whether values can be what their column is called: a name is no number."""
    texts = [value for value in filled if isinstance(value, str)]
    match kind:
        case PersonalKind.NAME:
            return any(text[:1].isalpha() for text in texts)
        case PersonalKind.NOTE | PersonalKind.VEHICLE:
            return bool(texts)
        case PersonalKind.MAIL:
            return any("@" in text for text in texts)
        case PersonalKind.PHONE:
            written = (str(value) for value in filled if not isinstance(value, bool | float))
            return any(sum(map(str.isdigit, text)) > 5 for text in written)
    return not all(isinstance(value, bool) for value in filled)


@lru_cache(maxsize=4_096)
def is_staff(name: str) -> bool:
    """Whether a column of this name is about a rep, a store or a bank, not about customers."""
    return _role(words_of(name)) == "staff"


def _role(words: str) -> str:
    """Whose a column is by the last word that says so: ``staff``, ``customer``, ``thing``."""
    roles = [match.lastgroup or "" for match in _ROLES.finditer(words)]
    return roles[-1] if roles else ""


@lru_cache(maxsize=4_096)
def kind_by_name(name: str) -> tuple[PersonalKind | None, bool]:
    """What a column's name says that it holds, and whether that is personal by itself."""
    words = words_of(name)
    role = _role(words)
    if role == "staff":
        return None, False
    for kind, pattern in _HARD.items():
        if pattern.search(words) and not _is_about(kind, words):
            return kind, True
    if role == "customer" and _NAME_WORDS.fullmatch(words):
        return PersonalKind.NAME, True
    for kind, pattern in _SOFT.items():
        hit = pattern.fullmatch(words) if kind is PersonalKind.NAME else pattern.search(words)
        if hit and not _ABOUT.search(words):
            return kind, role == "customer"
    return None, False


def _is_about(kind: PersonalKind, words: str) -> bool:
    """Whether the words tell about such data, and the column has none of it."""
    if kind is PersonalKind.LICENCE and _PLATE.search(words):
        return True
    return kind is not PersonalKind.BIRTH and _ABOUT.search(words) is not None


@lru_cache(maxsize=4_096)
def looks_personal(name: str) -> bool:
    """Whether what stands in the place of a column's name is itself a person's mail, phone, number
    or street: then it is a value, and is neither stored nor said as a name."""
    kind = kind_by_looks([name])
    if kind is PersonalKind.ADDRESS and _PERIOD.search(name):  # "90 Day Lead Ct" is a count
        return False
    return kind not in (None, PersonalKind.VEHICLE) or _LONG_NUMBER.search(name) is not None


def is_unnamed(name: str) -> bool:
    """Whether a name says nothing of its column: none, or the column's place."""
    return _PLACE.fullmatch(name) is not None


def is_name_above(name: str, values: Sequence[Any]) -> bool:
    """Whether a text is the name of a kind of personal data that the values below it can be, and
    no value among others, as in lists of keys with their values."""
    kind, _ = kind_by_name(name)
    filled = [value for value in values if value is not None and value != ""]
    if kind is None or (filled and not can_be(kind, filled)):
        return False
    texts = [value for value in filled[:_FEW] if isinstance(value, str)]
    return not any(kind_by_name(text)[0] for text in texts)


_FEW = 50
_PLACE = re.compile(r"\s*\d{0,3}\s*")
_PERIOD = re.compile(
    r"(?i)\b\d+ ?-?(?:min|h(?:ou)?r|day|w(?:ee)?k|mo(?:nth)?|qtr|quarter|y(?:ea)?r)"
)
_LONG_NUMBER = re.compile(r"(?<!\d)\d{10,11}(?!\d)")


def kind_by_looks(texts: Sequence[str]) -> PersonalKind | None:
    """What a column's values look like; None for nothing that is personal."""
    if not texts or not any(map(_HINTS.search, texts)):
        return None
    for kind, pattern in _WITHIN.items():
        if sum(pattern.search(text) is not None for text in texts) >= _SHARE_WITHIN * len(texts):
            return kind
    for kind, pattern in _WHOLE.items():
        whole = sum(pattern.fullmatch(text.strip()) is not None for text in texts)
        if whole >= _SHARE_WHOLE * len(texts):
            return kind
    return None
