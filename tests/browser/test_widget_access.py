"""Everybody can use the widget: by keyboard, by ear, on small screens, from right to left."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.servers.customer_api import CustomerApi

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE = {"viewport": {"width": 375, "height": 667}, "is_mobile": True, "has_touch": True}
NARROW = {"viewport": {"width": 320, "height": 568}}

# What has less contrast than 4.5 : 1 (WCAG 2.2, definitions of relative luminance and contrast
# ratio), over all themes and accents, computed from what is really drawn.
UNREADABLE = """([themes, accents, selectors]) => {
    const chat = document.querySelector("handoff-chat");
    const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
    function light(rgb) {
        const [r, g, b] = rgb.map((value) =>
            value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    }
    function behind(node) {
        const [r, g, b, share = 1] = numbers(getComputedStyle(node).backgroundColor);
        const under = share < 1 ? behind(node.parentElement) : [0, 0, 0];
        return [r, g, b].map((part, n) => part * share + under[n] * (1 - share));
    }
    function contrast(node) {
        const ink = numbers(getComputedStyle(node).color).slice(0, 3);
        const ratio = light(ink) / light(behind(node));
        return Math.max(ratio, 1 / ratio);
    }
    const found = [];
    for (const theme of themes) for (const accent of accents) {
        Object.assign(chat.dataset, {theme, accent});
        for (const selector of selectors) {
            const ratio = contrast(chat.shadowRoot.querySelector(selector));
            if (ratio < 4.5) found.push([theme, accent, selector, ratio].join(" "));
        }
    }
    return found;
}"""
THEMES = ("light", "dark")
ACCENTS = ("#ffd400", "#ffffff", "#000000", "#808080", "#e11d48", "nonsense")


async def test_everything_can_be_done_by_keyboard(visit: Visit, api: CustomerApi) -> None:
    """Open, ask for a person, write, send and close without a pointer; focus is never lost."""
    shop = await visit()
    keys = shop.page.keyboard
    await keys.press("Tab")
    assert await shop.focused() == "BUTTON  buy"
    await keys.press("Tab")
    assert await shop.focused() == "BUTTON launcher"
    await keys.press("Enter")
    assert await shop.focused() == "TEXTAREA"
    await api.until(lambda: api.talks and api.talk.streams)
    await keys.type("Hello")
    await keys.press("Shift+Enter")
    await keys.type("there")
    await keys.press("Enter")
    await api.until(lambda: api.talk.messages)
    assert api.talk.messages[0]["text"] == "Hello\nthere"
    for expected in ("BUTTON icon", "DIV scroller", "BUTTON person", "BUTTON icon"):
        await keys.press("Shift+Tab")
        assert await shop.focused() == expected
    await keys.press("Tab")
    await keys.press("Space")
    await expect(shop.person).to_have_text("Back to the assistant")
    api.talk.join("Marie")
    await expect(shop.person).to_have_text("Marie")
    assert await shop.focused() == "BUTTON person"
    await keys.press("Escape")
    await expect(shop.panel).to_be_hidden()
    assert await shop.focused() == "BUTTON launcher"


async def test_rating_works_by_keyboard(visit: Visit, api: CustomerApi) -> None:
    """The stars are radio buttons: arrows choose, and the choice is in sight."""
    shop = await visit()
    talk = await shop.start()
    talk.join("Marie")
    await expect(shop.state).to_contain_text("Marie joined")
    talk.move("closed")
    await shop.part(".rating").get_by_label("1/5").focus()
    await shop.page.keyboard.press("ArrowRight")
    await shop.page.keyboard.press("ArrowRight")
    await expect(shop.part(".rating").get_by_label("3/5")).to_be_checked()
    await shop.page.keyboard.press("Tab")
    await shop.page.keyboard.press("Tab")
    await shop.page.keyboard.press("Enter")
    await api.until(lambda: talk.ratings)
    assert talk.ratings == [{"about": "teammate", "score": 3}]


async def test_focus_is_never_stolen(visit: Visit, api: CustomerApi) -> None:
    """Messages, states and a closing panel leave the focus where the customer put it."""
    shop = await visit()
    talk = await shop.start()
    buy = shop.page.locator("#buy")
    await buy.focus()
    talk.say("assistant", "One", "Assistant")
    talk.join("Marie")
    talk.say("teammate", "Two", "Marie")
    talk.move("closed")
    await expect(shop.bubble("Two")).to_be_visible()
    await expect(buy).to_be_focused()
    await shop.call("close()")
    await expect(buy).to_be_focused()


async def test_the_panel_is_a_dialog_that_leaves_the_page_usable(
    visit: Visit, api: CustomerApi
) -> None:
    """On wide screens the dialog is not modal: the page behind can still be used."""
    shop = await visit()
    await expect(shop.launcher).to_have_attribute("aria-expanded", "false")
    await shop.start()
    await expect(shop.panel).to_have_role("dialog")
    await expect(shop.panel).to_have_accessible_name("How can we help?")
    await expect(shop.panel).not_to_have_attribute("aria-modal", "true")
    await expect(shop.launcher).to_have_attribute("aria-expanded", "true")
    await expect(shop.launcher).to_have_attribute("aria-controls", "panel")
    await shop.page.locator("#buy").click()


async def test_on_a_phone_the_panel_fills_the_screen(visit: Visit, api: CustomerApi) -> None:
    """There the dialog is modal and the page behind inert, until it is closed again."""
    shop = await visit(**PHONE)
    await shop.start()
    box = await shop.panel.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 375, "height": 667}
    await expect(shop.panel).to_have_attribute("aria-modal", "true")
    assert await shop.page.locator("#buy").evaluate("(node) => node.inert")
    assert await shop.field.evaluate("(node) => getComputedStyle(node).fontSize") == "16px"
    await shop.part("header .icon").click()
    await expect(shop.panel).to_be_hidden()
    assert not await shop.page.locator("#buy").evaluate("(node) => node.inert")
    await expect(shop.launcher).to_be_visible()


async def test_nothing_is_cut_off_at_320_pixels(visit: Visit, api: CustomerApi) -> None:
    """At the width of 400 % zoom, in the language with the longest words, all is in reach."""
    shop = await visit(lang="de", **NARROW)
    talk = await shop.start()
    talk.say("assistant", "Donaudampfschifffahrtsgesellschaftskapitän " * 3, "Assistent")
    talk.say("assistant", "https://example.com/" + "a" * 300, "Assistent")
    talk.say("assistant", "```\n" + "x" * 300 + "\n```", "Assistent")
    talk.join("Marie-Antoinette von Habsburg-Lothringen")
    talk.say("teammate", "Guten Tag", "Marie-Antoinette von Habsburg-Lothringen")
    await expect(shop.bubble("Guten Tag")).to_be_visible()
    await shop.part("summary").click()
    wide = await shop.panel.evaluate("""(panel) => [...panel.querySelectorAll("*")]
        .filter((node) => !node.closest("pre, .heard, svg"))
        .filter((node) => node.getBoundingClientRect().right > 320.5 && node.offsetParent)
        .map((node) => node.className + " " + node.tagName)""")
    assert wide == []
    for part in (shop.person, shop.field, shop.part(".go"), shop.part("header .icon")):
        await expect(part).to_be_in_viewport(ratio=1)


async def test_targets_are_large_enough(visit: Visit, api: CustomerApi) -> None:
    """Buttons measure at least 44 pixels, those within text 24 (WCAG 2.2, 2.5.8)."""
    shop = await visit()
    await shop.start()
    api.fail("/v1/messages", 422)
    await shop.write("Unwanted")
    await expect(shop.part(".meta.bad")).to_be_visible()
    sizes = await shop.panel.evaluate("""(panel) => [...panel.querySelectorAll("button")]
        .filter((node) => node.offsetParent).map((node) =>
            [node.className, node.offsetWidth, node.offsetHeight, !!node.closest(".meta")])""")
    assert len(sizes) > 4
    for name, width, height, is_in_text in sizes:
        assert min(width, height) >= (24 if is_in_text else 44), name


async def test_messages_are_announced_once(visit: Visit, api: CustomerApi) -> None:
    """The log is polite, tells authors, and is silent about the history it begins with."""
    shop = await visit()
    talk = await shop.start()
    talk.say("assistant", "Old", "Assistant")
    await shop.reload()
    await shop.page.evaluate("""() => {
        window.lives = [];
        const root = document.querySelector("handoff-chat").shadowRoot;
        const log = root.querySelector("[role=log]");
        new MutationObserver((changes) => changes.forEach(({addedNodes}) =>
            addedNodes.length && lives.push(log.ariaLive))).observe(log, {childList: true});
    }""")
    await shop.launcher.click()
    await expect(shop.bubble("Old")).to_be_visible()
    await expect(shop.part("[role=log]")).to_have_attribute("aria-live", "polite")
    assert set(await shop.page.evaluate("lives")) == {"off"}
    await shop.page.evaluate("window.lives = []")
    talk.say("assistant", "New", "Assistant")
    await expect(shop.bubble("New")).to_be_visible()
    assert await shop.page.evaluate("lives") == ["polite"]
    await shop.ask("Mine")
    heard = await shop.part(".customer").first.text_content()
    assert heard
    assert heard.startswith("You")


async def test_arabic_is_written_from_the_right(visit: Visit, api: CustomerApi) -> None:
    """On an Arabic page the widget is mirrored; each message has its own direction."""
    shop = await visit(lang="ar")
    launcher = await shop.launcher.bounding_box()
    talk = await shop.start()
    await expect(shop.person).to_have_text("التحدث إلى شخص")
    await shop.ask("مرحبا")
    talk.say("assistant", "English words", "Assistant")
    await expect(shop.bubble("English words")).to_be_visible()
    mine = shop.bubble("مرحبا")
    assert launcher
    assert launcher["x"] == 20
    direction = "(node) => getComputedStyle(node).direction"
    assert await mine.evaluate(direction) == "rtl"
    assert await shop.bubble("English words").evaluate(direction) == "ltr"
    left, right = await mine.bounding_box(), await shop.bubble("English words").bounding_box()
    assert left
    assert right
    assert left["x"] < right["x"]


async def test_text_can_be_read_whatever_the_accent(visit: Visit, api: CustomerApi) -> None:
    """The site's colour is corrected where needed: 4.5 : 1 for every text, in light and dark."""
    shop = await visit()
    talk = await shop.start()
    await shop.ask("Hello [link](https://example.com)")
    talk.say("assistant", "Hello [link](https://example.com) `code`", "Assistant")
    await expect(shop.bubble("code")).to_be_visible()
    parts = [".person", ".state b", ".customer .bubble", ".assistant .bubble", ".assistant small"]
    parts += [".customer .bubble a", ".assistant .bubble a", ".assistant code", "h1", ".time"]
    assert await shop.page.evaluate(UNREADABLE, [THEMES, ACCENTS, parts]) == []
    talk.join("Marie")
    talk.say("teammate", "Hi [link](https://example.com)", "Marie")
    await expect(shop.bubble("Hi")).to_be_visible()
    parts = [".person", "summary small", ".teammate .bubble", ".teammate .bubble a", ".state small"]
    assert await shop.page.evaluate(UNREADABLE, [THEMES, ACCENTS, [*parts, ".named"]]) == []


async def test_the_theme_follows_the_system_unless_told(visit: Visit, api: CustomerApi) -> None:
    """Dark where the system is dark; data-theme overrules it at any time."""
    shop = await visit(color_scheme="dark")
    await shop.start()
    ground, night, day = "background-color", "rgb(25, 28, 34)", "rgb(255, 255, 255)"
    await expect(shop.panel).to_have_css(ground, night)
    await shop.call("setAttribute('data-theme', 'light')")
    await expect(shop.panel).to_have_css(ground, day)
    await shop.call("removeAttribute('data-theme')")
    await expect(shop.panel).to_have_css(ground, night)
    await shop.page.emulate_media(color_scheme="light")
    await expect(shop.panel).to_have_css(ground, day)


async def test_motion_is_kept_from_those_who_do_not_want_it(visit: Visit, api: CustomerApi) -> None:
    """With reduced motion nothing is animated; without, opening is."""
    moving = "(node) => getComputedStyle(node).animationName"
    still = await visit()
    await still.start()
    assert await still.panel.evaluate(moving) == "none"
    lively = await visit(reduced_motion="no-preference")
    await lively.start()
    assert await lively.panel.evaluate(moving) == "arrive"
