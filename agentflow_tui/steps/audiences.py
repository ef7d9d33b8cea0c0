"""To whom insights go: roles with their addresses, and which insights each role gets."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message.addresses import Address, parse
from agentflow_tui.settings import DistributionSettings
from agentflow_tui.text import safe

DEFAULT_RULE = "* >= 50"
"""What a role gets that has recipients and no rule."""

_RULE = re.compile(r"\s*(?P<types>[^<>=]*?)\s*(?:>=\s*(?P<least>\d{1,3})\s*)?")
_BETWEEN = re.compile(r",\s*(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")

ALSO: Mapping[str, frozenset[str]] = {
    "inventory_health": frozenset({"ageing", "benchmark", "data_quality"}),
    "pricing_strategy": frozenset({"benchmark", "outlier"}),
    "lead_performance": frozenset({"funnel", "difference", "concentration"}),
    "conversion_metrics": frozenset({"funnel"}),
    "sales_trends": frozenset({"trend", "change_point", "movers", "common_pattern"}),
    "profitability": frozenset({"difference", "movers", "concentration"}),
}
"""Types of AgentFlow's rules, with those of ours that tell of the same."""


class RuleError(AgentflowError):
    """A rule of distribution that cannot be followed; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The people of a role, and what they get: types (none for all) from a score on."""

    role: str
    addresses: tuple[Address, ...]
    types: frozenset[str] = frozenset()
    least: int = 0

    def wants(self, type_: str, score: int | None) -> bool:
        """Whether an insight of this type and score is for them."""
        return (not self.types or type_ in self.types) and (score or 0) >= self.least


def audiences_of(settings: DistributionSettings) -> list[Audience]:
    """The audiences of the settings. Raises `RuleError`."""
    rules = {_role(role): (role, rule) for role, rule in settings.rules.items()}
    recipients = {_role(role): text for role, text in settings.recipients.items()}
    for role, (written, _) in rules.items():
        if role not in recipients:
            raise RuleError(
                f"[distribution.rules] has {safe(written)!r}, and [distribution.recipients] has "
                "no one of that role."
            )
    found = []
    for role, text in recipients.items():
        types, least = _rule(role, rules.get(role, ("", DEFAULT_RULE))[1])
        addresses = _addresses(role, _BETWEEN.split(text))
        found.append(Audience(role=role, addresses=addresses, types=types, least=least))
    return found


def audiences_of_rules(rules: Mapping[str, Any]) -> list[Audience]:
    """The audiences of rules as AgentFlow writes them: ``{ROLE: {emails, insightTypes}}``, with a
    least score as ``minScore``. Raises `RuleError`."""
    found = []
    for name, rule in rules.items():
        role = _role(name)
        if not isinstance(rule, dict) or not isinstance(rule.get("emails"), list):
            raise RuleError(f"The rule of {safe(name)!r} has no list of emails.")
        types = rule.get("insightTypes") or []
        least = rule.get("minScore") or 0
        if not isinstance(types, list) or not isinstance(least, int):
            raise RuleError(
                f"The rule of {safe(name)!r}: insightTypes is a list, minScore a number."
            )
        addresses = _addresses(role, map(str, rule["emails"]))
        found.append(Audience(role=role, addresses=addresses, types=_types(types), least=least))
    return found


def _role(name: str) -> str:
    """``SALES_MANAGER`` and ``Sales manager`` as ``sales_manager``."""
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def _rule(role: str, text: str) -> tuple[frozenset[str], int]:
    found = _RULE.fullmatch(text)
    if found is None:
        raise RuleError(
            f"[distribution.rules] {safe(role)} = {safe(text)!r} is no rule; one looks like "
            "'trend, movers >= 60' or '* >= 40'."
        )
    names = [name.strip() for name in found["types"].split(",") if name.strip()]
    return _types(names), int(found["least"] or 0)


def _types(names: Iterable[Any]) -> frozenset[str]:
    given = {str(name).strip() for name in names}
    if not given or "*" in given:
        return frozenset()
    return frozenset(given.union(*(ALSO.get(name, frozenset()) for name in given)))


def _addresses(role: str, texts: Iterable[str]) -> tuple[Address, ...]:
    found: dict[str, Address] = {}
    for text in texts:
        if not text.strip():
            continue
        try:
            address = parse(text)
        except MessageError as error:
            raise RuleError(f"The recipients of {safe(role)}: {error}") from None
        found.setdefault(address.spec.lower(), address)
    if not found:
        raise RuleError(f"The role {safe(role)} has no recipients.")
    return tuple(found.values())
