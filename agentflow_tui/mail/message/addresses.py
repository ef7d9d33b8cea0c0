"""Mail addresses: checked, made ready for the wire, named.

RFC 5321 (mailboxes), 6531 (letters outside ASCII before the ``@``), 5890 (domains outside ASCII).
"""

import re
from functools import lru_cache

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message import headers

_PLAIN = re.compile(
    r"([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)@([a-z0-9.-]+)"
)
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_UNQUOTED = re.compile(r"[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,\"\u2028\u2029\ud800-\udfff]+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LITERAL = re.compile(r"\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]")

LONGEST = 254
"""Octets of a whole address (RFC 5321 4.5.3.1.3, less the angle brackets)."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. ``spec`` is ready for the wire: domain in ASCII, local part quoted if needed."""

    spec: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.spec.rpartition("@")[2]

    def header(self, *, utf8: bool = False) -> str:
        """As it stands in From, To and Cc; ``utf8`` in a message that needs SMTPUTF8 anyway."""
        if not self.name:
            return self.spec
        name = headers.phrase(self.name, utf8=utf8)
        gap = "\r\n " if len(name) + len(self.spec) > headers.LINE - 6 else " "
        return f"{name}{gap}<{self.spec}>"


def parse(text: str, name: str = "") -> Address:
    """The address in ``text``, which may be ``Name <address>``. Raises `MessageError`."""
    text = text.strip()
    if text.endswith(">") and "<" in text:
        before, _, inner = text[:-1].rpartition("<")
        name = name or unquoted(before)
        text = inner.strip()
    return Address(_spec(text), headers.one_line(name))


def unquoted(name: str) -> str:
    """``"Doe, \\"Joe\\""`` as ``Doe, "Joe"``."""
    name = name.strip()
    if len(name) >= 2 and name.startswith('"') and name.endswith('"'):
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name


@lru_cache(maxsize=10_000)
def _spec(text: str) -> str:
    plain = _PLAIN.fullmatch(text)
    if plain and len(plain[1]) <= 64:
        spec = f"{plain[1]}@{_domain(text, plain[2])}"
    else:
        local, at, domain = text.rpartition("@")
        if not (at and local and domain):
            raise MessageError(f"{shown(text)} is not a mail address: it has no name@domain.")
        spec = f"{_local(text, local)}@{_domain(text, domain)}"
    if len(spec.encode()) > LONGEST:
        raise MessageError(f"{shown(text)} is not a mail address: longer than {LONGEST} bytes.")
    return spec


def _local(text: str, local: str) -> str:
    quoted = _QUOTED.fullmatch(local)
    if not quoted and not _UNQUOTED.fullmatch(local):
        raise MessageError(f"{shown(text)} is not a mail address: not allowed before the @.")
    if len(local.encode()) > 64:
        raise MessageError(f"{shown(text)} is not a mail address: over 64 bytes before the @.")
    loose_dots = local.startswith(".") or local.endswith(".") or ".." in local
    return f'"{local}"' if loose_dots and not quoted else local


def _domain(text: str, domain: str) -> str:
    if _LITERAL.fullmatch(domain):
        return domain
    ascii_domain = domain.lower() if domain.isascii() else _to_ascii(text, domain)
    if not _is_domain(ascii_domain):
        raise MessageError(f"{shown(text)} is not a mail address: {shown(domain)} is no domain.")
    return ascii_domain


@lru_cache(maxsize=10_000)
def _is_domain(domain: str) -> bool:
    return len(domain) <= 253 and all(map(_LABEL.fullmatch, domain.split(".")))


def _to_ascii(text: str, domain: str) -> str:
    import idna  # 15 ms, and few domains need it

    try:
        return idna.encode(domain[:255], uts46=True).decode()
    except idna.IDNAError:
        problem = f"{shown(text)} is not a mail address: {shown(domain)} is no domain."
        raise MessageError(problem) from None


def shown(text: str) -> str:
    """A wrong value as it may stand in a sentence: one line, quoted, cut."""
    text = headers.one_line(text)
    return f"'{text if len(text) <= 60 else text[:59] + '…'}'"
