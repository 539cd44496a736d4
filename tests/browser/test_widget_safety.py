"""The widget on hostile ground: text that wants to be code, strict policies, bad style sheets."""

import json

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.hostile import CODE, HEAVY, HOSTILE
from tests.browser.shop import Shop
from tests.servers.customer_api import CustomerApi

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Runs when hostile text ever does.
TRAP = "window.executed = []; window.pwned = () => window.executed.push(new Error().stack);"

# What the widget is made of; anything else, or an attribute that could run, is odd.
PARTS = (
    "A B BLOCKQUOTE BUTTON CANVAS CODE DETAILS DIV EM FIELDSET H1 HEADER I IMG INPUT LABEL LEGEND "
    "LI OL P PRE S SECTION SMALL SPAN STRONG SUMMARY TEXTAREA UL path svg"
)
INSPECT = """([parts, bridge]) => {
    const odd = [];
    for (const node of document.querySelector("handoff-chat").shadowRoot.querySelectorAll("*")) {
        const {tagName, protocol, rel, src} = node;
        if (!parts.split(" ").includes(tagName)) odd.push(tagName);
        for (const {name} of node.attributes) if (/^on|^srcdoc$/.test(name)) odd.push(name);
        if (tagName === "IMG" && new URL(src).host !== new URL(bridge).host) odd.push(src);
        if (tagName !== "A") continue;
        if (!/^(https?|mailto|tel):$/.test(protocol)) odd.push(node.href);
        if (rel !== "noopener noreferrer nofollow") odd.push(rel);
    }
    return odd;
}"""


async def unharmed(shop: Shop) -> None:
    """Nothing hostile ran, and nothing stands in the widget that could have."""
    assert await shop.page.evaluate("window.executed") == []
    assert await odd_parts(shop) == []


async def odd_parts(shop: Shop) -> list[str]:
    """Return what should not be in the widget."""
    odd: list[str] = await shop.page.evaluate(INSPECT, [PARTS, shop.api.url])
    return odd


async def test_the_trap_works(visit: Visit, api: CustomerApi) -> None:
    """The same strings, given to a careless page, do run: the proof of the tests below."""
    shop = await visit(before=TRAP, expected="")
    listed = json.dumps(HOSTILE)
    await shop.page.evaluate(
        f"for (const text of {listed}) document.querySelector('#buy').innerHTML += text"
    )
    await shop.page.wait_for_function("window.executed.length > 10")


async def test_hostile_text_is_shown_as_text(visit: Visit, api: CustomerApi) -> None:
    """From the assistant, a teammate, the system and the customer nothing is ever executed."""
    shop = await visit(before=TRAP)
    talk = await shop.start()
    for text in HOSTILE:
        for role in ("customer", "assistant", "teammate", "system"):
            talk.say(role, text, "A")
    talk.say("assistant", "the end", "A")
    await expect(shop.bubble("the end")).to_be_visible()
    texts = await shop.bubbles()
    assert len(texts) == 4 * len(HOSTILE) + 1
    assert sum(CODE in text for text in texts) > 3 * len(HOSTILE)
    await unharmed(shop)


async def test_hostile_drafts_are_shown_as_text(visit: Visit, api: CustomerApi) -> None:
    """An answer that is still being written is no other way in."""
    shop = await visit(before=TRAP)
    talk = await shop.start()
    for text in HOSTILE:
        talk.tell("draft", {"text": text + " \u2013 next", "epoch": talk.epoch})
    talk.tell("draft", {"text": "the end", "epoch": talk.epoch})
    await expect(shop.bubble("the end")).to_be_visible()
    await unharmed(shop)


async def test_hostile_names_are_shown_as_text(visit: Visit, api: CustomerApi) -> None:
    """Names of people, of files and of the site, and addresses of pictures, do nothing either."""
    api.config = {"name": f"<img src=x onerror={CODE}>", "accent": "red;}*{display:none", "x": 1}
    shop = await visit(before=TRAP)
    talk = await shop.start()
    for n, text in enumerate(HOSTILE):
        file = {"id": f"f{n}", "name": text, "media_type": "text/html", "size": 5, "url": text}
        author = {"name": text, "avatar_url": text}
        talk.say("teammate", "Hello", attachments=[file], author=author)
        talk.join(text, text)
        talk.tell("typing", {"role": "teammate", "name": text})
    talk.say("teammate", "the end", "A")
    await expect(shop.bubble("the end")).to_be_visible()
    await expect(shop.part("h1")).to_have_text(f"<img src=x onerror={CODE}>")
    await unharmed(shop)


async def test_a_picture_of_a_person_comes_from_the_bridge_only(
    visit: Visit, api: CustomerApi
) -> None:
    """An avatar elsewhere would tell a third party who chats here: the initial is shown instead."""
    shop = await visit()
    talk = await shop.start()
    asked = []
    shop.page.on("request", lambda request: asked.append(request.url))
    talk.join("Marie", "https://elsewhere.example/marie.png")
    await expect(shop.part(".floor .face")).to_have_text("M")
    await expect(shop.part(".floor img")).to_have_count(0)
    talk.join("Paul", f"{api.url}/avatars/paul.png")
    picture = shop.part(".floor img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 1
    assert not [url for url in asked if "elsewhere" in url]


async def test_heavy_text_is_read_quickly(visit: Visit, api: CustomerApi) -> None:
    """No text of the longest allowed length keeps the page busy."""
    shop = await visit()
    talk = await shop.start()
    slow = {}
    for n, text in enumerate(HEAVY):
        began = await shop.page.evaluate("performance.now()")
        talk.say("assistant", text, "A")
        talk.say("assistant", f"end {n}.", "A")
        await expect(shop.bubble(f"end {n}.")).to_be_visible()
        slow[text[:8]] = await shop.page.evaluate("performance.now()") - began
    assert {text: took for text, took in slow.items() if took > 2000} == {}
    assert await odd_parts(shop) == []


async def test_the_strictest_policy_is_kept(visit: Visit, api: CustomerApi) -> None:
    """With nothing but the bridge allowed, and Trusted Types enforced, nothing is violated."""
    policy = (
        f"default-src 'none'; script-src {api.url}; connect-src {api.url}; img-src {api.url}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    shop = await visit(headers={"Content-Security-Policy": policy})
    talk = await shop.start()
    await shop.ask("Hello **you** https://example.com")
    talk.tell("draft", {"text": "Let me", "epoch": talk.epoch})
    talk.say("assistant", "1. one\n2. `two`\n\n> three\n\n```\nfour\n```", "Assistant")
    await shop.person.click()
    talk.join("Marie", f"{api.url}/avatars/marie.png")
    await shop.drop(("note.txt", "text/plain", b"words"))
    await expect(shop.part(".chip[aria-busy=false]")).to_be_visible()
    await shop.ask("See the file")
    await expect(shop.part(".bubble .card")).to_be_visible()
    talk.move("closed")
    await shop.part(".rating").get_by_label("5/5").check()
    await expect(shop.part(".rating textarea")).to_be_visible()
    assert await shop.page.evaluate("violations") == []
    assert await shop.panel.evaluate("(panel) => getComputedStyle(panel).position") == "fixed"


async def test_the_policy_would_have_been_noticed(visit: Visit, api: CustomerApi) -> None:
    """The same policy does catch an inline style and a string taken for markup."""
    policy = f"default-src 'none'; script-src {api.url}; require-trusted-types-for 'script'"
    headers = {"Content-Security-Policy": policy}
    shop = await visit(headers=headers, wait=False, expected="")
    await shop.page.evaluate("document.body.setAttribute('style', 'color: red')")
    caught = "() => { try { document.body.innerHTML = '<b>'; } catch { return true; } }"
    assert await shop.page.evaluate(caught)
    violated = " ".join(await shop.page.evaluate("violations"))
    assert "style-src" in violated
    assert "trusted-types" in violated


HOSTILE_STYLES = """<style>
    * { all: unset !important; }
    html, body { display: block !important; font-size: 3px !important; }
    body * { display: none !important; position: static !important; visibility: hidden !important; }
    body * { opacity: 0 !important; font: 60px/3 cursive !important; color: lime !important; }
    body * { direction: rtl !important; z-index: -1 !important; pointer-events: none !important; }
    body * { transform: scale(2) !important; filter: blur(9px) !important; zoom: 2 !important; }
</style>"""


async def test_hostile_styles_of_the_page_change_nothing(visit: Visit, api: CustomerApi) -> None:
    """Whatever the page says about everything, the widget looks and works as it should."""
    plain = await visit()
    hostile = await visit(head=HOSTILE_STYLES)
    for shop in (plain, hostile):
        await shop.start()
        await shop.ask("Hello")
    look = """(node) => {
        const style = getComputedStyle(node);
        const {x, y, width, height} = node.getBoundingClientRect();
        const names = ["color", "fontSize", "fontFamily", "display", "direction", "opacity",
            "visibility", "backgroundColor", "lineHeight", "pointerEvents"];
        return [x, y, width, height, ...names.map((name) => style[name])];
    }"""
    for selector in (".panel", ".launcher", ".person", ".customer .bubble", ".box textarea"):
        expected = await plain.part(selector).evaluate(look)
        assert await hostile.part(selector).evaluate(look) == expected, selector


async def test_two_scripts_make_one_widget(visit: Visit, api: CustomerApi) -> None:
    """A page that includes the script twice, in its head too, has one launcher."""
    twice = f'<script src="{api.url}/widget.js"></script>'
    shop = await visit(head=twice)
    await expect(shop.page.locator("handoff-chat")).to_have_count(1)


async def test_an_element_of_the_page_is_used(visit: Visit, api: CustomerApi) -> None:
    """Who writes the element oneself gets that one, with its attributes, and no second."""
    shop = await visit(body='<handoff-chat data-locale="fr" data-position="left"></handoff-chat>')
    await expect(shop.page.locator("handoff-chat")).to_have_count(1)
    await expect(shop.launcher).to_have_accessible_name("Comment pouvons-nous aider ?")
    box = await shop.launcher.bounding_box()
    assert box
    assert box["x"] == 20


async def test_attributes_of_the_script_are_taken_over(visit: Visit, api: CustomerApi) -> None:
    """The one line on the page can say language, colour and corner; they may change later."""
    shop = await visit(attributes='data-locale="de" data-accent="#ffd400"')
    await shop.start()
    await expect(shop.person).to_have_text("Mit Menschen sprechen")
    assert await shop.launcher.evaluate("(n) => getComputedStyle(n).backgroundColor") == (
        "rgb(255, 212, 0)"
    )
    await shop.call("setAttribute('data-locale', 'it')")
    await expect(shop.person).to_have_text("Parla con una persona")
    await expect(shop.panel).to_be_visible()
    await shop.call("setAttribute('data-position', 'left')")
    box = await shop.launcher.bounding_box()
    assert box
    assert box["x"] == 20


async def test_wrong_use_is_told_by_event_only(visit: Visit, api: CustomerApi) -> None:
    """Bad values given by the page throw nothing at it; the event says what is wrong."""
    shop = await visit(expected="of the page itself")
    await shop.call("send('   ')")
    await shop.call("send()")
    await shop.call("send(42)")
    await shop.call("setContext(null)")
    await shop.page.evaluate(
        "addEventListener('handoff:state', () => { throw new Error('of the page itself') })"
    )
    errors = await shop.events("error")
    assert errors[0]["message"] == "send: text is empty; give what the customer says"
    assert len(errors) == 4
    await shop.call("escalate()")
    await expect(shop.launcher).to_be_visible()
    await api.until(lambda: api.talks and api.talk.floor == "waiting")
    # The page hears its own mistakes, as with every event; the widget goes on.
    await shop.launcher.click()
    await expect(shop.state).to_contain_text("Looking for someone…")


async def test_a_method_called_too_early_throws_nothing(visit: Visit, api: CustomerApi) -> None:
    """An element that stands on no page (yet) answers no call, and is no error."""
    early = "<script>for (const name of ['open', 'close', 'send', 'escalate', 'reset'])"
    early += " document.createElement('handoff-chat')[name]()</script>"
    shop = await visit(head=f'<script src="{api.url}/widget.js"></script>{early}')
    await shop.start()
    await shop.ask("Hello")


async def test_the_page_keeps_its_globals(visit: Visit, api: CustomerApi) -> None:
    """The script leaves no global behind and touches nothing of the page's."""
    before = "window.names = Object.getOwnPropertyNames(window);"
    shop = await visit(before=before)
    await shop.start()
    left = await shop.page.evaluate(
        "Object.getOwnPropertyNames(window).filter((name) => !names.includes(name))"
    )
    assert set(left) <= {"names", "seen", "violations"}
    assert await shop.page.evaluate("document.cookie") == ""
