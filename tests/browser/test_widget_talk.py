"""Talking with the assistant in the widget: sending, streaming, changes, receipts, methods."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.servers.customer_api import CustomerApi

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_session_opens_only_when_it_is_needed(visit: Visit, api: CustomerApi) -> None:
    """Visitors who never open the panel leave no conversation behind."""
    shop = await visit()
    assert api.talks == {}
    await shop.start()
    assert len(api.talks) == 1
    assert api.talk.about["locale"] == "en"
    assert api.talk.about["page_url"] == f"{api.site}/pages/shop"


async def test_what_the_customer_writes_arrives(visit: Visit, api: CustomerApi) -> None:
    """A message is shown at once, sent with a client_id, and stands once when it is confirmed."""
    shop = await visit()
    await shop.start()
    await shop.ask("Where is my order?")
    api.talk.say("assistant", "On its **way**.", "Assistant")
    await expect(shop.bubble("On its way.").locator("strong")).to_have_text("way")
    assert await shop.bubbles() == ["Where is my order?", "On its way."]
    assert len(api.posted("/v1/messages")[-1]["client_id"]) > 16


async def test_an_answer_grows_while_it_is_written(visit: Visit, api: CustomerApi) -> None:
    """Drafts are one busy bubble, which becomes the answer without another element appearing."""
    shop = await visit()
    talk = await shop.start()
    await shop.ask("Hello")
    for text in ("You", "You can **ret", "You can **return** it"):
        talk.tell("draft", {"text": text, "epoch": talk.epoch})
    draft = shop.bubble("You can return it")
    await expect(draft).to_have_attribute("aria-busy", "true")
    await expect(shop.part("[role=log]")).to_have_attribute("aria-busy", "true")
    row = await shop.part(".row.assistant").element_handle(timeout=5000)
    talk.say("assistant", "You can **return** it within 30 days.", "Assistant")
    await expect(shop.bubble("within 30 days")).to_have_attribute("aria-busy", "false")
    await expect(shop.part("[role=log]")).to_have_attribute("aria-busy", "false")
    assert await shop.bubbles() == ["Hello", "You can return it within 30 days."]
    assert await row.evaluate("(row) => row.isConnected && row.innerText.includes('30 days')")


async def test_a_draft_of_an_earlier_epoch_is_not_shown(visit: Visit, api: CustomerApi) -> None:
    """Once a person has the floor, nothing of the assistant's unfinished answer remains."""
    shop = await visit()
    talk = await shop.start()
    talk.tell("draft", {"text": "I think that", "epoch": talk.epoch})
    await expect(shop.bubble("I think that")).to_be_visible()
    old = talk.epoch
    talk.join("Marie")
    await expect(shop.bubble("I think that")).to_have_count(0)
    talk.tell("draft", {"text": "I still think", "epoch": old})
    talk.say("teammate", "Hello!", "Marie")
    await expect(shop.bubble("Hello!")).to_be_visible()
    await expect(shop.bubble("I still think")).to_have_count(0)


async def test_changes_are_shown_in_place(visit: Visit, api: CustomerApi) -> None:
    """An edited message shows its new words and says so; a deleted one leaves a trace only."""
    shop = await visit()
    talk = await shop.start()
    first = talk.say("assistant", "It costs 10 euros.", "Assistant")
    second = talk.say("assistant", "Oops, wrong window", "Assistant")
    talk.change(first, text="It costs 12 euros.", edited_at=talk.tick())
    talk.change(second, text="", deleted=True)
    await expect(shop.bubble("12 euros")).to_be_visible()
    await expect(shop.part(".meta")).to_have_text("edited")
    assert await shop.bubbles() == ["It costs 12 euros.", "Message deleted"]


async def test_unread_messages_are_counted_on_the_launcher(visit: Visit, api: CustomerApi) -> None:
    """With the panel closed the badge counts; opening it reads, and tells the bridge so."""
    shop = await visit()
    talk = await shop.start()
    await shop.ask("Hello")
    await shop.page.keyboard.press("Escape")
    talk.say("assistant", "One", "Assistant")
    talk.say("assistant", "Two", "Assistant")
    await expect(shop.part(".badge")).to_have_text("2")
    await expect(shop.launcher).to_have_accessible_name("How can we help? New messages: 2")
    assert {"count": 2} in await shop.events("unread")
    await shop.launcher.click()
    await expect(shop.part(".badge")).to_be_hidden()
    await api.until(lambda: talk.reads[-1:] == [3])


async def test_typing_is_told_both_ways(visit: Visit, api: CustomerApi) -> None:
    """The customer sees who types; the bridge hears of the customer, not at every key."""
    shop = await visit()
    talk = await shop.start()
    await shop.field.press_sequentially("Hello there")
    await api.until(lambda: talk.typings)
    assert talk.typings == 1
    talk.join("Marie")
    talk.tell("typing", {"role": "teammate", "name": "Marie"})
    await expect(shop.part(".dots")).to_be_visible()
    await expect(shop.part("[role=status].heard")).to_have_text("Marie is typing…")
    talk.say("teammate", "Hi!", "Marie")
    await expect(shop.part(".dots")).to_have_count(0)


async def test_a_reload_resumes_the_conversation(visit: Visit, api: CustomerApi) -> None:
    """The token brings the whole talk back, what was said meanwhile and what was being written."""
    shop = await visit()
    talk = await shop.start()
    await shop.ask("Hello")
    talk.say("assistant", "Hi!", "Assistant")
    await expect(shop.bubble("Hi!")).to_be_visible()
    await shop.field.fill("half a tho")
    await shop.page.goto("about:blank")
    talk.say("assistant", "Good morning!", "Assistant")
    await shop.page.go_back()
    await expect(shop.part(".badge")).to_have_text("1")
    await shop.launcher.click()
    await expect(shop.bubble("Good morning!")).to_be_visible()
    await expect(shop.field).to_have_value("half a tho")
    assert len(api.talks) == 1


async def test_a_long_history_opens_at_its_end(visit: Visit, api: CustomerApi) -> None:
    """A thousand messages come in pages, in order, and the newest is in sight."""
    shop = await visit()
    talk = await shop.start()
    await shop.ask("Hello")
    await shop.page.goto("about:blank")
    for n in range(1000):
        talk.say("assistant" if n % 2 else "customer", f"Line {n}", "Assistant" if n % 2 else "")
    await shop.page.go_back()
    await shop.launcher.click()
    await expect(shop.bubble("Line 999")).to_be_in_viewport()
    texts = await shop.bubbles()
    assert texts == ["Hello", *(f"Line {n}" for n in range(1000))]


async def test_who_reads_further_up_is_left_in_peace(visit: Visit, api: CustomerApi) -> None:
    """A new message does not scroll away what is being read; a button leads to it."""
    shop = await visit()
    talk = await shop.start()
    for n in range(30):
        talk.say("assistant", f"Line {n}", "Assistant")
    await expect(shop.bubble("Line 29")).to_be_in_viewport()
    await shop.part(".scroller").evaluate("(node) => { node.scrollTop = 0; }")
    await expect(shop.bubble("Line 29")).not_to_be_in_viewport()
    talk.say("assistant", "The newest", "Assistant")
    await expect(shop.part(".jump")).to_be_visible()
    assert await shop.part(".scroller").evaluate("(node) => node.scrollTop") == 0
    await shop.part(".jump").click()
    await expect(shop.bubble("The newest")).to_be_in_viewport()
    await expect(shop.part(".jump")).to_be_hidden()


async def test_the_page_drives_the_widget_by_methods(visit: Visit, api: CustomerApi) -> None:
    """open, send, escalate, close and reset do what their names say; events tell of it."""
    shop = await visit()
    await shop.call("open()")
    await expect(shop.panel).to_be_visible()
    await shop.call("send('  Hello  ')")
    await api.until(lambda: api.talks and api.talk.messages)
    assert api.talk.messages[0]["text"] == "Hello"
    await shop.call("escalate()")
    await expect(shop.state).to_contain_text("Looking for someone…")
    await shop.call("close()")
    await expect(shop.panel).to_be_hidden()
    await shop.call("reset()")
    assert await shop.page.evaluate("Object.keys(localStorage)") == []
    seen = {name for name, _ in await shop.page.evaluate("window.seen")}
    assert seen == {"ready", "open", "close", "state", "message"}


async def test_reset_begins_a_new_conversation(visit: Visit, api: CustomerApi) -> None:
    """After reset nothing of the old conversation is shown, also with the panel open."""
    shop = await visit()
    await shop.start()
    await shop.ask("Hello")
    await shop.call("reset()")
    await api.until(lambda: len(api.talks) == 2 and api.talk.streams)
    await expect(shop.part(".talk .bubble")).to_have_count(0)
    await shop.ask("Hello again")
    assert await shop.bubbles() == ["Hello again"]


async def test_the_site_can_say_who_the_customer_is(visit: Visit, api: CustomerApi) -> None:
    """A signed identity and what the site knows are told when the session opens, and later."""
    shop = await visit(attributes='data-identity="anna"')
    await api.until(lambda: api.talks)
    assert api.talk.about["identity"] == "anna"
    await shop.call("setContext({name: 'Anna', plan: 'gold'})")
    await api.until(lambda: api.talk.about.get("name") == "Anna")
    assert api.talk.about["attributes"] == {"plan": "gold"}
    await shop.launcher.click()
    await shop.ask("Hello from Anna")
    api.new_talk("token-berta").say("customer", "Hello from Berta")
    await shop.call("identify('berta')")
    await expect(shop.bubble("Hello from Berta")).to_be_visible()
    await expect(shop.bubble("Hello from Anna")).to_have_count(0)


async def test_an_identity_that_ran_out_is_told_and_left_away(
    visit: Visit, api: CustomerApi
) -> None:
    """The customer can chat all the same; the page hears why nobody is known."""
    shop = await visit(attributes='data-identity="expired"')
    await shop.launcher.click()
    await shop.ask("Hello")
    assert "identity" not in api.talk.about
    [error] = await shop.events("error")
    assert error["kind"] == "session"
    assert error["message"] == "the identity has expired"
