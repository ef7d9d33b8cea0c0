"""Summaries worded by a language model, where the settings name one; within a budget, and never at
the price of an insight."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field, replace
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights import wording
from agentflow_tui.settings import WordingSettings
from agentflow_tui.store.changes.new_insights import NewInsight

TOKENS = 220
"""Tokens that an answer may have."""

_LARGEST = 200_000
"""Bytes of an answer that are read."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A model behind an OpenAI-compatible endpoint. ``http`` makes the client, ``api_key`` answers
    with the value of a row of ``api_keys``."""

    settings: WordingSettings
    http: Callable[[], Any] = field(repr=False)
    api_key: Callable[[str], Awaitable[str | None]] = field(repr=False)

    @property
    def is_on(self) -> bool:
        """Whether the settings name a model."""
        return bool(self.settings.url and self.settings.model)


async def worded(insights: Sequence[NewInsight], by: Wording | None) -> list[NewInsight]:
    """The insights, the best of them with summaries by the model where those are accepted.

    The computed one is kept beside it. What goes wrong, or takes too long, leaves the computed
    text; nothing is raised but a bug.
    """
    found = list(insights)
    if by is None or not by.is_on or not found:
        return found
    try:
        async with asyncio.timeout(by.settings.seconds):
            for at in range(min(by.settings.calls, len(found))):
                found[at] = await _one(found[at], by)
    except TimeoutError:
        _log.warning("wording took longer than %g s; the rest is as computed", by.settings.seconds)
    return found


async def _one(insight: NewInsight, by: Wording) -> NewInsight:
    facts = wording.facts_of(insight.insight_type, insight.content)
    if facts is None:
        return insight
    text = wording.accepted(await _asked(facts, by), facts)
    if not text:
        return insight
    content = {**insight.content, "summary": text, "computed": insight.content["summary"]}
    metadata = {**insight.metadata, "worded": by.settings.model}
    return replace(insight, content=content, metadata=metadata)


async def _asked(facts: dict[str, Any], by: Wording) -> str:
    """What the model answers; nothing where there is no answer."""
    import httpx  # with the client that is shared

    settings = by.settings
    key = await by.api_key(settings.api_key) if settings.api_key else None
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"{settings.url.rstrip('/')}/chat/completions"
    body = wording.request_of(settings.model, facts, TOKENS)
    try:
        async with by.http().stream("POST", url, json=body, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                _log.warning("the model answered with status %s", response.status_code)
                return ""
            content = b""
            async for part in response.aiter_bytes():
                content += part
                if len(content) > _LARGEST:
                    return ""
        return wording.answer_of(json.loads(content))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        _log.warning("the model did not answer: %s", type(error).__name__)
        return ""
