"""The customer's side over real HTTP, on a core in memory."""

from collections.abc import AsyncIterator

import pytest

from tests.adapters.web.site import Customer, Site, serve


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A running server with the usual settings, without rate limits."""
    async with serve() as running:
        yield running


@pytest.fixture
async def customer(site: Site) -> Customer:
    """Somebody with a session."""
    return await site.open()
