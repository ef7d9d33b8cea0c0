"""Which errors are the same error.

Two error texts are the same when they differ only in what belongs to the occasion: ids, numbers,
addresses, host names, paths, times, quoted data. What names the fault is kept: SMTP and HTTP codes,
exception classes, ``ECONNREFUSED``, SQLSTATE, and quoted names of things in code or in the schema,
such as ``constraint "users_email_key"``.

Mail hosts are masked, so that one failure at forty domains is one group; which domains it hits is a
question for the filter. The host of a URL is kept: it names the service that failed.
"""

import hashlib
import re
from functools import lru_cache

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import headline, read
from agentflow_tui.patterns import pattern
from agentflow_tui.text import ELLIPSIS, safe

_HEAD = 4000
_TAIL = 2000
_LINE = 1000
_ROUNDS = 5

LABEL = 200
"""Characters of a label."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``key`` is short, stable across processes and releases; ``label`` is for reading."""

    key: str
    label: str


def fingerprint(error: str) -> Fingerprint:
    """The group an error text belongs to. Harmless text; never raises; bounded in time.

    The first line decides; of a Python traceback the last line; of a JSON error its message. The
    fingerprint of a label is that label's own.
    """
    tail = error[-_TAIL:] if len(error) > _HEAD else ""
    return _of_line(telling_line(error[:_HEAD], tail))


@lru_cache(maxsize=8192)
def _of_line(line: str) -> Fingerprint:
    label = normalised(line)
    for _ in range(_ROUNDS):  # one replacement may complete the pattern of another
        before, label = label, normalised(telling_line(label))
        if label == before:
            break
    key = hashlib.blake2b(label.casefold().encode(), digest_size=6).hexdigest()
    return Fingerprint(key, label)


def telling_line(head: str, tail: str = "") -> str:
    """The line of an error that names it, as harmless text."""
    text = head.strip()
    if text.startswith("Traceback (most recent call last)"):
        text = _exception_line(tail or head)
    elif text.startswith(("{", "[", '"')) and not tail:
        document = read(text)
        text = headline(document, _LINE) if document.value is not None else text
    lines = [line for line in text.splitlines() if line.strip()][:2]
    first = lines[0].strip() if lines else ""
    if len(lines) > 1 and first.endswith(":"):
        first = f"{first} {lines[1].strip()}"
    return safe(first, _LINE).strip() or "(no reason given)"


def _exception_line(traceback: str) -> str:
    """The first line that is not indented below the last frame: the exception."""
    lines = [line for line in traceback.splitlines() if line.strip()]
    frames = [index for index, line in enumerate(lines) if line.startswith('  File "')]
    below = lines[frames[-1] :] if frames else lines[1:] or lines
    return next((line for line in below if not line[0].isspace()), lines[-1])


_CODES = (
    pattern(
        r"\b(?:(?:code|status|errno|signal|https?|smtp|exit)(?:/\d(?:\.\d)?)?[ :=#(\[]{0,3}"
        r"(?:(?:code|status|is|was)[ :=]{0,2})?\d{1,5}\b"
        r"|error[ #(]\d{1,5}\b"
        r"|sqlstate[ :=(\[]{0,2}[0-9A-Z]{5}\b"
        r"|(?:sha(?:1|256|384|512)|md5|x509|utf-?8|base64|ipv[46]|oauth2|tls ?v?1\.[0-3])\b)",
        re.IGNORECASE,
    ),
    pattern(
        r"\b(?:[245]\d\d[ -][245]\.\d{1,3}\.\d{1,3}\b"  # 550 5.1.1
        r"|[245]\.\d\.\d{1,3}\b"  # 5.1.1
        r"|[45]\d\d(?= [A-Z][a-z]))"  # 503 Service Unavailable
        r"|^[245]\d\d(?=[ -]|$)"  # an SMTP answer
        r"|(?<=: )[45]\d\d$"
    ),
)

_HOST_ENDS = (
    "com|net|org|edu|gov|info|biz|io|dev|app|cloud|email|test|example|invalid|local|localhost"
    "|internal|intranet|lan|corp|home|at|au|be|br|ca|ch|cn|cz|de|dk|es|eu|fi|fr|ie|in|it|jp|mx|nl"
    "|no|nz|pl|pt|ru|se|uk|us"
)
_FILE_ENDS = "pdf|csv|tsv|xlsx?|docx?|json|xml|txt|html?|zip|gz|png|jpe?g|eml|log"
_UNITS = "ms|µs|us|ns|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"

# Each repetition is bounded or cannot overlap with what follows, and a line has at most a thousand
# characters, so that no text makes this slow. The order matters: the long before its parts. The
# middle column holds what a match must contain; most lines skip most rules by it.
_OCCASIONS = tuple(
    (pattern(f"[{needed}]"), pattern(expression), name)
    for name, needed, expression in (
        ("<address>", "@", r"<?[^\s<>\"'(),:;@\[\]]{1,64}@[\w.-]{1,253}>?"),
        (
            "<time>",
            r"\d",
            (
                r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?"
                r"(?: ?(?:Z|[+-]\d\d:?\d\d)\b)?"
            ),
        ),
        (
            "<time>",
            r"\d",
            (
                rf"\b(?:[A-Z][a-z]{{2}}, )?\d{{1,2}} (?:{_MONTHS})[a-z]{{0,6}} \d{{4}}\b"
                r"(?: \d\d:\d\d:\d\d)?(?: [+-]\d{4}| GMT)?"
            ),
        ),
        ("<time>", r"\d", r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?\b"),
        ("<id>", r"\d", r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"),
        (
            "<host>",
            ":",
            (
                r"\[?(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![\w:])\]?"
                r"(?::\d{1,5}\b)?"
            ),
        ),
        ("<host>", ".", r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?:[:/]\d{1,5}\b)?"),
        (
            "<host>",
            ".",
            (
                rf"\b(?:[A-Za-z0-9_-]{{1,63}}\.){{1,8}}(?:{_HOST_ENDS})(?![\w-]|\.\w)"
                r"(?:\[[0-9A-Fa-f.:]{2,45}\]|\[<host>\])?(?::\d{1,5}\b)?"
            ),
        ),
        ("<host>", r"\d", r"(?<![\w.-])[a-z][a-z0-9-]{0,62}:(?:\d{4,5}|25|80|443|465|587|993)\b"),
        ("<path>", "/", r"(?<![\w<…])(?:~|\.{1,2})?(?:/[\w.@%+~-]{1,255}){2,40}/?"),
        ("<path>", r"\\", r"\b[A-Za-z]:\\[^\s:'\"<>|]{1,300}"),
        ("<file>", ".", rf"\b[\w%+~-]{{1,200}}\.(?:{_FILE_ENDS})\b"),
        ("<duration>", r"\d", rf"(?<![\w.])\d{{1,20}}(?:[.,]\d{{1,20}})? ?(?:{_UNITS})\b"),
        ("<size>", r"\d", r"(?<![\w.])\d{1,20}(?:[.,]\d{1,20})? ?(?:[kKMGT]i?B|bytes?|B)\b"),
        (
            "<id>",
            r"\d",
            r"(?<![\w-])(?=[A-Za-z_-]{0,99}\d)(?=[\d_-]{0,99}[A-Za-z])[\w-]{8,}(?![\w-])",
        ),
        ("<n>", r"\d", r"(?:(?<!\w)[+-])?\b\d+(?:[.,]\d+)*\b"),
        ("<n>", r"\d", r"\d{3,}"),
    )
)

_URL = pattern(
    r"\b([a-z][a-z0-9+.-]{1,20}://)(?:[^\s/@'\"<>]{0,200}@)?([^\s/'\"<>()?#@]{1,200})[^\s'\"<>()]*"
)
_QUOTED = pattern(
    r"(?<!\w)(?:'([^'\n]{0,300})'|\"([^\"\n]{0,300})\"|`([^`\n]{0,300})`|“([^”\n]{0,300})”)(?!\w)"
)
_DIGIT = pattern(r"\d")
_IDENTIFIER = pattern(r"[A-Za-z_][A-Za-z_]{0,62}")
_NAMING = pattern(
    r"(?:attribute|column|constraint|field|function|index|keyerror:|module|named|parameter|property"
    r"|reading|relation|table|type|variable) \(?$",
    re.IGNORECASE,
)
_REPEATED = pattern(r"(<[a-z]{1,8}>)(?:(?:[-._:/]|, ?| )\1)+")

_WHOM = re.compile(r"^(?:<n> of <n> have it\. )?(?:<address>: )+(?=\S)")
"""For whom something failed, in front of why: one error at one recipient and at some of several."""

# What is kept is spelled in private-use characters while the rules run; no harmless text has them.
_PLAIN = "0123456789.:-"
_KEPT = "".join(chr(0xE000 + index) for index in range(len(_PLAIN)))
_KEEP = str.maketrans(_PLAIN, _KEPT)
_RELEASE = str.maketrans(_KEPT, _PLAIN)


def normalised(line: str) -> str:
    """A line of harmless text with everything that belongs to the occasion replaced."""
    if _DIGIT.search(line):
        for codes in _CODES:
            line = codes.sub(lambda found: found[0].translate(_KEEP), line)
    line = _URL.sub(_service, line)
    line = _QUOTED.sub(_data, line)
    for needed, expression, name in _OCCASIONS:
        if needed.search(line):
            line = expression.sub(name, line)
    line = _REPEATED.sub(r"\1", line)
    line = _WHOM.sub("", line)
    return safe(" ".join(line.translate(_RELEASE).split()), LABEL)


def _service(url: re.Match[str]) -> str:
    scheme, host = url.groups()
    named = any(character.isalpha() for character in host)
    return f"{scheme}{host.translate(_KEEP) if named else host}/{ELLIPSIS}"


def _data(quoted: re.Match[str]) -> str:
    inside = next(group for group in quoted.groups() if group is not None)
    before = quoted.string[max(0, quoted.start() - 20) : quoted.start()]
    is_name = _IDENTIFIER.fullmatch(inside) and ("_" in inside or _NAMING.search(before))
    return quoted[0] if is_name or not inside else f"{quoted[0][0]}{ELLIPSIS}{quoted[0][-1]}"
