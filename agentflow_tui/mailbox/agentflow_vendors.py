"""AgentFlow's own file of vendors (``configs/multi-vendor.json``), read as rules.

``{"vendors": {NAME: {"emailPatterns": {"fromAddresses", "subjectPatterns", "attachmentTypes"},
"extractorConfig": {…}}}}``, or without ``vendors`` around it. What its extractors name, columns and
sheets, is found out here from each file.
"""

import json
from pathlib import Path
from typing import Any

from agentflow_tui.errors import SettingsError
from agentflow_tui.settings import VendorSettings

LARGEST = 1_000_000
"""Bytes of such a file that are read."""


def read_agentflow_vendors(path: Path) -> list[VendorSettings]:
    """The rules of a file, in its order. Raises `SettingsError`."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST).decode("utf-8-sig")
        document = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(path, f"it cannot be read: {error}") from None
    vendors = document.get("vendors", document) if isinstance(document, dict) else None
    if not isinstance(vendors, dict):
        raise _wrong(path, "it is no object of vendors")
    return [_vendor(path, name, values) for name, values in vendors.items()]


def _vendor(path: Path, name: str, values: Any) -> VendorSettings:
    patterns = values.get("emailPatterns") if isinstance(values, dict) else None
    if not isinstance(patterns, dict):
        raise _wrong(path, f"{name} has no emailPatterns")
    try:
        return VendorSettings(
            name=name,
            vendor=name,
            sender=_joined(path, name, patterns, "fromAddresses"),
            subject=_joined(path, name, patterns, "subjectPatterns"),
            attachment=_joined(path, name, patterns, "attachmentTypes"),
        )
    except ValueError as error:
        raise _wrong(path, f"{name}.emailPatterns: {error}") from None


def _joined(path: Path, name: str, patterns: dict[str, Any], member: str) -> str:
    found = patterns.get(member, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _wrong(path, f"{name}.emailPatterns.{member} must be a list of texts")
    return ", ".join(each.replace(",", "*") for each in found)


def _wrong(path: Path, why: str) -> SettingsError:
    return SettingsError(f"The file of vendors {path} cannot be used: {why}.")
