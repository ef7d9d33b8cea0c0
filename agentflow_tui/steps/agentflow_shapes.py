"""Steps that are written for AgentFlow's own backend, told by their config.

Some of its step types have the names of ours and another config. What it says of them is done here
where it is plain (``delay`` with ``duration``, ``custom`` with ``operation``, ``api`` with a
``body`` of JSON); the others are left to it. Imports nothing heavy, for the console.
"""

from collections.abc import Callable, Mapping
from typing import Any

PLAIN_AUTH = (None, "", "none")
"""What ``authType`` says where nothing is to be added to the request."""


def is_our_request(config: Mapping[str, Any]) -> bool:
    """Whether an ``api`` step names no way of signing in that only AgentFlow's backend knows."""
    return config.get("authType") in PLAIN_AUTH


def is_our_table(config: Mapping[str, Any]) -> bool:
    """Whether a ``dataProcessing`` step says in our words what it does."""
    return not isinstance(config.get("operation"), str) and "inputKey" not in config


def is_our_analysis(config: Mapping[str, Any]) -> bool:
    """Whether an ``insightGeneration`` step says which reports."""
    return "reports" in config


def is_our_ingestion(config: Mapping[str, Any]) -> bool:
    """Whether an ``emailIngestion`` step says whose reports."""
    return "vendors" in config


_OURS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "api": is_our_request,
    "dataProcessing": is_our_table,
    "emailIngestion": is_our_ingestion,
    "insightGeneration": is_our_analysis,
}


def is_left_to_agentflow(step_type: str, config: Mapping[str, Any] | None) -> bool:
    """Whether a step of a type that both programs have is written for AgentFlow's own backend.

    `workflow_claims.claim` says the same in SQL.
    """
    return config is not None and step_type in _OURS and not _OURS[step_type](config)
