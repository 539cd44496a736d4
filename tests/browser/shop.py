"""A page of a shop with the widget on it, and the customer in front of it."""

import json
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.servers.customer_api import CustomerApi, Talk

PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Shop</title>{head}</head>
<body><button id="buy">Buy</button>{body}{script}</body></html>"""

SCRIPT = '<script src="{url}/widget.js" async {attributes}></script>'

# What happens on the page is kept where a test can read it.
WATCH = """
window.seen = [];
window.violations = [];
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) =>
  violations.push(violatedDirective + " " + blockedURI));
for (const name of ["ready", "open", "close", "message", "state", "unread", "rating", "error"])
  addEventListener("handoff:" + name, ({detail}) =>
    seen.push([name, detail instanceof Error ? {...detail, message: detail.message} : detail]));
"""

# Chromium says so in the console when the network or the server fails; that is no error of ours.
EXPECTED = ("Failed to load resource", "net::ERR")


class Shop:
    """The page, and what the customer can see and do."""

    def __init__(self, context: BrowserContext, page: Page, api: CustomerApi) -> None:
        self.context = context
        self.page = page
        self.api = api
        self.errors: list[str] = []
        self.expected: tuple[str, ...] = EXPECTED
        page.on("pageerror", lambda error: self._heard("error", str(error)))
        page.on("console", lambda line: self._heard(line.type, line.text))

    @classmethod
    async def open(
        cls,
        browser: Browser,
        api: CustomerApi,
        *,
        lang: str = "en",
        head: str = "",
        body: str = "",
        attributes: str = "",
        headers: dict[str, str] | None = None,
        before: str = "",
        expected: str = EXPECTED[0],
        wait: bool = True,
        **context: Any,
    ) -> Self:
        """Open a page; errors that hold what is `expected` are part of the test."""
        context.setdefault("reduced_motion", "reduce")
        opened = await browser.new_context(locale="en-GB", **context)
        await opened.add_init_script(WATCH + before)
        shop = cls(opened, await opened.new_page(), api)
        shop.expected = (*EXPECTED, expected)
        script = SCRIPT.format(url=api.url, attributes=attributes)
        html = PAGE.format(lang=lang, head=head, body=body, script=script)
        api.pages["shop"] = (html, headers or {})
        await shop.page.goto(f"{api.site}/pages/shop")
        if wait:
            await expect(shop.launcher).to_be_visible()
        return shop

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and not any(part in text for part in self.expected):
            self.errors.append(text)

    async def leave(self) -> None:
        """Close the page; nothing may have gone wrong on it."""
        await self.context.close()
        assert self.errors == []

    # ── what one sees ────────────────────────────────────────────────────────────────────────

    def part(self, selector: str) -> Locator:
        """Something inside the widget."""
        return self.page.locator(f"handoff-chat {selector}")

    @property
    def launcher(self) -> Locator:
        """The round button."""
        return self.part(".launcher")

    @property
    def panel(self) -> Locator:
        """The dialog."""
        return self.part(".panel")

    @property
    def field(self) -> Locator:
        """Where one writes."""
        return self.part(".box textarea")

    @property
    def person(self) -> Locator:
        """The way to a person."""
        return self.part(".person")

    @property
    def state(self) -> Locator:
        """Who has the floor."""
        return self.part(".state")

    def bubble(self, text: str) -> Locator:
        """The bubble with this text."""
        return self.part(".talk .bubble").filter(has_text=text)

    async def bubbles(self) -> list[str]:
        """Every text in the log, from top to bottom."""
        return await self.part(".talk .bubble:not(.dots)").all_inner_texts()

    async def focused(self) -> str:
        """Tag and class of what has the focus, inside the widget or on the page."""
        text: str = await self.page.evaluate("""() => {
            let at = document.activeElement;
            while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
            return (at.tagName + " " + at.className + " " + at.id).trim();
        }""")
        return text

    async def events(self, name: str) -> list[Any]:
        """The details of all public events of this name so far."""
        seen = await self.page.evaluate("window.seen")
        return [detail for what, detail in seen if what == name]

    # ── what one does ────────────────────────────────────────────────────────────────────────

    async def call(self, code: str) -> Any:
        """Call a method of the element, as the shop's own code would."""
        return await self.page.evaluate(f"document.querySelector('handoff-chat').{code}")

    async def start(self) -> Talk:
        """Open the panel and wait until the conversation is followed."""
        before = len(self.api.talks)
        await self.launcher.click()
        await self.api.until(lambda: len(self.api.talks) > before and self.api.talk.streams)
        return self.api.talk

    async def write(self, text: str) -> None:
        """Write and send something."""
        await self.field.fill(text)
        await self.field.press("Enter")

    async def ask(self, text: str) -> None:
        """Write something and wait until the bridge has it."""
        await self.write(text)
        await self.api.until(lambda: text in [said["text"] for said in self.api.talk.messages])

    async def reload(self) -> None:
        """Load the page anew and wait until the launcher shows."""
        await self.page.reload()
        await expect(self.launcher).to_be_visible()

    async def drop(self, *files: tuple[str, str, bytes]) -> None:
        """Drop files ({name, media type, content}) on the panel."""
        listed = [{"name": name, "type": kind, "text": body.decode()} for name, kind, body in files]
        await self.panel.evaluate(f"""(panel) => {{
            const dataTransfer = new DataTransfer();
            for (const {{name, type, text}} of {json.dumps(listed)})
                dataTransfer.items.add(new File([text], name, {{type}}));
            panel.dispatchEvent(new DragEvent("drop", {{dataTransfer, bubbles: true}}));
        }}""")
