"""A real Chromium, a stand-in for the bridge, and pages of a shop that embed the widget.

The shop is another origin than the bridge, as it is in life. No test may leave an error on a page.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.shop import Shop
from tests.conftest import CHROMIUM_NAMES
from tests.servers.customer_api import CustomerApi, customer_api

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

# A shared machine stalls now and then; nothing here waits for a time, only for what it shows.
expect.set_options(timeout=20_000)

Visit = Callable[..., Awaitable[Shop]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests; each gets contexts of its own."""
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def api() -> AsyncIterator[CustomerApi]:
    """A bridge that does what the test says."""
    async with customer_api() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser, api: CustomerApi) -> AsyncIterator[Visit]:
    """Opens pages of the shop, each in a browser of somebody else, and looks at them at the end."""
    shops: list[Shop] = []

    async def open_page(**how: Any) -> Shop:
        shop = await Shop.open(chromium, api, **how)
        shops.append(shop)
        return shop

    yield open_page
    for shop in shops:
        await shop.leave()
