"""A visit to the running demo: `handoff demo` as a process of its own, and Chromium before it.

`Demo` starts, kills and starts the process again on the same folder and port. `Visit` speaks of
the page as its visitor would: the customer on the left, the team on the right.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import ConsoleMessage, Locator, Page, async_playwright, expect

ADDRESS = re.compile(r"(http://[\w.\[\]:-]+?:(\d+))/")
START_PATIENCE = 60.0
"""Seconds to wait for the process to be ready."""

PATIENCE = 20_000
"""Milliseconds to wait for something to be seen; the machine may be busy with other tests."""


class Demo:
    """The demo's process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._port = "0"
        self.address = ""

    async def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        arguments = ["demo", "--no-open", "--port", self._port, "--data", str(self._folder)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HANDOFF_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bridge",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        self._process = process
        assert process.stdout is not None
        async with asyncio.timeout(START_PATIENCE):
            found = None
            while found is None:
                said = await process.stdout.readline()
                assert said, "the demo ended before it was ready"
                found = ADDRESS.search(said.decode())
        self.address, self._port = found[1], found[2]

    async def kill(self) -> None:
        """End it without a word, as a power cut does."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()


@dataclass(slots=True)
class Visit:
    """One open page, and everything the browser complained of on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    # ── the customer ─────────────────────────────────────────────────────────────────────────

    @property
    def chat(self) -> Locator:
        """The widget."""
        return self.page.locator("handoff-chat")

    @property
    def talk(self) -> Locator:
        """What the customer reads."""
        return self.chat.get_by_role("log").first

    async def asks(self, text: str) -> None:
        """Write in the widget, opening it first where it is shut."""
        words = self.chat.get_by_placeholder("Write a message…").last
        if not await words.is_visible():
            await self.chat.locator("button[aria-expanded=false]").click()
        await words.fill(text)
        await words.press("Enter")

    async def customer_sees(self, text: str) -> None:
        """Wait until a message of the talk holds this."""
        await expect(self.chat.get_by_text(text).last).to_be_visible(timeout=PATIENCE)

    async def customer_does_not_see(self, text: str) -> None:
        """Wait until nothing in the widget holds this."""
        await expect(self.chat.get_by_text(text)).to_have_count(0, timeout=PATIENCE)

    # ── the team ─────────────────────────────────────────────────────────────────────────────

    @property
    def thread(self) -> Locator:
        """The posts of the open thread."""
        return self.page.get_by_role("log", name="Thread")

    @property
    def card(self) -> Locator:
        """The case card on top."""
        return self.page.get_by_role("article")

    def post(self, text: str) -> Locator:
        """The last post that holds this."""
        return self.thread.locator(".post").filter(has_text=text).last

    async def replies(self, text: str) -> None:
        """Answer the customer."""
        await self._write("Reply", text)

    async def notes(self, text: str) -> None:
        """Write a note to the team."""
        await self._write("Note", text)

    async def _write(self, mode: str, text: str) -> None:
        await self.page.get_by_role("radio", name=mode, exact=True).check()
        words = self.page.locator("#words")
        await words.fill(text)
        await words.press("Enter")
        await expect(words).to_have_value("", timeout=PATIENCE)

    async def edits(self, text: str, into: str) -> None:
        """Edit the post that holds `text`."""
        post = self.post(text)
        await post.hover()
        await post.get_by_role("button", name="Edit this post").click()
        field = self.thread.get_by_role("textbox", name="Edit this post")
        await field.fill(into)
        await field.press("Enter")
        await expect(field).to_be_hidden(timeout=PATIENCE)

    async def deletes(self, text: str) -> None:
        """Delete the post that holds `text`, and say yes."""
        post = self.post(text)
        await post.hover()
        await post.get_by_role("button", name="Delete this post").click()
        await post.get_by_role("button", name="Delete for the customer too").click()

    async def team_sees(self, text: str) -> None:
        """Wait until a post of the thread holds this."""
        await expect(self.post(text)).to_be_visible(timeout=PATIENCE)

    async def presses(self, verb: str) -> None:
        """Press a button of the card."""
        await self.card.get_by_role("button", name=verb, exact=True).click()


@asynccontextmanager
async def visit(
    address: str, width: int = 1440, height: int = 900, *, scheme: str = "light"
) -> AsyncIterator[Visit]:
    """Open the demo in a browser of its own."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        page = await browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        made = Visit(page)

        def complain(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                made.complaints.append(message.text)

        page.on("console", complain)
        page.on("pageerror", lambda error: made.complaints.append(str(error)))
        await page.goto(address)
        yield made
        await browser.close()
