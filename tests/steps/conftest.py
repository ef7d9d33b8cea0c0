"""A service on loopback, and what handlers may reach."""

from collections.abc import AsyncIterator

import pytest

from agentflow_tui.steps.calls import Services
from agentflow_tui.steps.requests import make_client
from tests.steps.calling import KEY
from tests.steps.services import Service, serving


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with serving() as running:
        yield running


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    client = make_client()

    async def api_key(name: str) -> str | None:
        return {"maps": KEY, "broken": "a\r\nX-Evil: 1"}.get(name)

    yield Services(api_key=api_key, http=lambda: client)
    await client.aclose()
