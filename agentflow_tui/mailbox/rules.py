"""Which vendor's report an attachment is: by sender, subject and name."""

import re
from collections.abc import Sequence
from fnmatch import translate

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import SettingsError
from agentflow_tui.settings import VendorSettings

ANY_TYPE = "report"
"""What a report is called whose rule names no type and no subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorRule:
    """A rule, ready to be asked. ``subjects`` are patterns with the type that each means."""

    settings: VendorSettings
    senders: tuple[re.Pattern[str], ...]
    subjects: tuple[tuple[re.Pattern[str], str], ...]

    @property
    def vendor(self) -> str:
        """Whose reports it brings."""
        return self.settings.vendor or self.settings.name

    def type_of(self, sender: str, subject: str) -> str | None:
        """The type of the reports in a message; None where it is not this rule's."""
        if not any(pattern.fullmatch(sender) for pattern in self.senders):
            return None
        for pattern, type_ in self.subjects:
            if pattern.search(subject):
                return type_
        return None


def vendor_rule(settings: VendorSettings) -> VendorRule:
    """Make a rule ready. Raises `SettingsError`."""
    if not settings.vendor and not settings.name:
        raise SettingsError("A rule names no vendor.")
    subjects = _words(settings.subject) or ["*"]
    return VendorRule(
        settings=settings,
        senders=tuple(_pattern(_address(word)) for word in settings.senders),
        subjects=tuple(
            (_pattern(f"*{word}*"), settings.type or type_of_words(word)) for word in subjects
        ),
    )


def rules_for(
    rules: Sequence[VendorRule], sender: str, subject: str
) -> list[tuple[VendorRule, str]]:
    """The rules that a message is for, in their order, with the type of its reports."""
    found = ((rule, rule.type_of(sender, subject)) for rule in rules)
    return [(rule, type_) for rule, type_ in found if type_ is not None]


def attachment_patterns(text: str) -> re.Pattern[str]:
    """The names of files that a rule takes, as its ``attachment`` says."""
    patterns = [_translated(_file_name(word)) for word in _words(text) or ["*"]]
    return re.compile("|".join(patterns), re.IGNORECASE)


def type_of_words(words: str) -> str:
    """``F&I Report`` as ``f_i_report``."""
    return re.sub(r"[\W_]+", "_", words.lower()).strip("_") or ANY_TYPE


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _address(word: str) -> str:
    """An address; of ``vendor.example`` and ``@vendor.example`` any address there."""
    return word if "@" in word[1:] else f"*@{word.lstrip('@')}"


def _file_name(word: str) -> str:
    """A pattern of names; ``csv`` and ``.csv`` are endings."""
    return word if "*" in word or "." in word[1:] else f"*.{word.lstrip('.')}"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(_translated(text), re.IGNORECASE)


def _translated(text: str) -> str:
    """An expression for a text in which ``*`` stands for anything; no other sign has a meaning."""
    return translate(text.replace("[", "[[]").replace("?", "[?]"))
