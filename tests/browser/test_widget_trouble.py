"""What the widget does when the bridge refuses, stalls, loses an answer, or is gone."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.servers.customer_api import CustomerApi

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SOON = 30_000
"""Milliseconds in which a widget has come back, waits spread by chance included."""


def sent(api: CustomerApi, text: str) -> list[str]:
    """Return the client_id of every attempt at sending this text."""
    return [body["client_id"] for body in api.posted("/v1/messages") if body.get("text") == text]


async def test_a_refused_attempt_is_repeated_with_the_same_id(
    visit: Visit, api: CustomerApi
) -> None:
    """After a 503 the customer sees that it was not sent; the next attempt is the same message."""
    shop = await visit()
    await shop.start()
    api.fail("/v1/messages", 503)
    await shop.write("Are you there?")
    await expect(shop.part(".meta.bad")).to_contain_text("Not sent")
    await expect(shop.part(".meta [role=alert]")).to_have_text("Not sent")
    await shop.part(".meta button").first.click()
    await expect(shop.part(".meta")).to_have_text("✓")
    first, second = sent(api, "Are you there?")
    assert first == second
    assert await shop.bubbles() == ["Are you there?"]


async def test_the_bridge_says_when_to_come_again(visit: Visit, api: CustomerApi) -> None:
    """Within Retry-After nothing is sent, not even by hand; after it the message goes by itself."""
    shop = await visit()
    await shop.start()
    api.fail("/v1/messages", 429, retry_after=3)
    await shop.write("Quickly!")
    await expect(shop.part(".meta.bad")).to_be_visible()
    refused_at = await shop.page.evaluate("performance.now()")
    await shop.part(".meta button").first.click()
    await api.until(lambda: api.talk.messages)
    waited = await shop.page.evaluate("performance.now()") - refused_at
    assert waited > 2000
    assert len(sent(api, "Quickly!")) == 2


async def test_a_lost_answer_makes_no_double(visit: Visit, api: CustomerApi) -> None:
    """The bridge took the message but its answer got lost: one bubble, one message."""
    shop = await visit()
    await shop.start()
    api.fail("/v1/messages", lost=True)
    await shop.write("Once only")
    await api.until(lambda: len(sent(api, "Once only")) == 2)
    await expect(shop.part(".meta")).to_have_text("✓")
    assert await shop.bubbles() == ["Once only"]
    assert [message["text"] for message in api.talk.messages] == ["Once only"]


async def test_two_equal_messages_are_two(visit: Visit, api: CustomerApi) -> None:
    """Saying the same thing twice is shown and sent twice."""
    shop = await visit()
    await shop.start()
    await shop.write("Hello?")
    await shop.write("Hello?")
    await api.until(lambda: len(api.talk.messages) == 2)
    await expect(shop.bubble("Hello?")).to_have_count(2)
    assert len(set(sent(api, "Hello?"))) == 2


async def test_messages_wait_their_turn(visit: Visit, api: CustomerApi) -> None:
    """While the first is stuck the second is not sent: they arrive in the order written."""
    shop = await visit()
    await shop.start()
    for _ in range(2):
        api.fail("/v1/messages", 503)
    await shop.write("First")
    await shop.write("Second")
    await api.until(lambda: len(api.talk.messages) == 2)
    assert [message["text"] for message in api.talk.messages] == ["First", "Second"]
    assert await shop.bubbles() == ["First", "Second"]


async def test_what_can_never_be_sent_blocks_nothing(visit: Visit, api: CustomerApi) -> None:
    """A message the bridge will not take is marked and can be put away; the next one goes."""
    shop = await visit()
    await shop.start()
    api.fail("/v1/messages", 422)
    await shop.write("Unwanted")
    await expect(shop.part(".meta.bad")).to_be_visible()
    await shop.ask("Wanted")
    await shop.part(
        ".meta.bad button",
    ).last.click()
    await expect(shop.bubble("Unwanted")).to_have_count(0)
    assert await shop.bubbles() == ["Wanted"]
    assert len(sent(api, "Unwanted")) == 1


async def test_an_unsent_message_survives_a_reload(visit: Visit, api: CustomerApi) -> None:
    """What could not be sent is there after a reload and is sent then, with its id."""
    shop = await visit()
    await shop.start()
    api.fail("/v1/messages", 503, retry_after=60)
    await shop.write("Do not lose me")
    await expect(shop.part(".meta.bad")).to_be_visible()
    await shop.reload()
    await api.until(lambda: api.talk.messages)
    assert len(set(sent(api, "Do not lose me"))) == 1
    await shop.launcher.click()
    await expect(shop.part(".meta")).to_have_text("✓")
    assert await shop.bubbles() == ["Do not lose me"]
    kept = await shop.page.evaluate("Object.keys(localStorage).join()")
    assert " out " not in kept
    assert " token" in kept


async def test_offline_messages_are_sent_when_the_network_is_back(
    visit: Visit, api: CustomerApi
) -> None:
    """Without network the message is kept; the browser's word that it is back sends it."""
    shop = await visit()
    await shop.start()
    await shop.context.set_offline(offline=True)
    await shop.write("From the tunnel")
    await expect(shop.part(".meta.bad")).to_contain_text("Not sent")
    await shop.context.set_offline(offline=False)
    await expect(shop.part(".meta")).to_have_text("✓", timeout=SOON)
    assert [message["text"] for message in api.talk.messages] == ["From the tunnel"]


async def test_a_server_that_went_away_is_found_again(visit: Visit, api: CustomerApi) -> None:
    """The outage is told; what was said and written meanwhile arrives on both sides."""
    shop = await visit()
    talk = await shop.start()
    await shop.ask("Before")
    await api.stop()
    await expect(shop.part(".note")).to_have_text(["No connection. Messages are sent later.", ""])
    await shop.write("Meanwhile")
    await expect(shop.part(".meta.bad")).to_contain_text("Not sent")
    talk.say("assistant", "Said during the outage", "Assistant")
    await api.start()
    await expect(shop.bubble("Said during the outage")).to_be_visible(timeout=SOON)
    await expect(shop.part(".note").first).to_have_text("", timeout=SOON)
    await api.until(lambda: talk.messages[-1]["text"] == "Meanwhile", SOON / 1000)
    assert await shop.bubbles() == ["Before", "Said during the outage", "Meanwhile"]


async def test_a_cut_stream_goes_on_where_it_was(visit: Visit, api: CustomerApi) -> None:
    """The next stream begins after the last message seen and brings what was missed, once."""
    shop = await visit()
    talk = await shop.start()
    talk.say("assistant", "One", "Assistant")
    await expect(shop.bubble("One")).to_be_visible()
    for n in range(4):
        talk.tell("end", {})
        await api.until(lambda: not talk.streams)
        talk.say("assistant", f"More {n}", "Assistant")
        await shop.page.evaluate("dispatchEvent(new Event('online'))")
        await api.until(lambda: talk.streams)
        await expect(shop.bubble(f"More {n}")).to_be_visible()
    assert await shop.bubbles() == ["One", *(f"More {n}" for n in range(4))]


@pytest.mark.fault("F73")
async def test_without_streams_the_widget_asks(visit: Visit, api: CustomerApi) -> None:
    """Where no stream can be had, messages and states come by polling, and nothing is said."""
    shop = await visit()
    api.streaming = False
    await shop.launcher.click()
    await shop.ask("Hello")
    api.talk.say("assistant", "Hello without a stream", "Assistant")
    await expect(shop.bubble("Hello without a stream")).to_be_visible(timeout=SOON)
    await api.until(lambda: len(api.posted("/v1/stream")) == 3, SOON / 1000)
    api.talk.join("Marie")
    await expect(shop.state).to_contain_text("Marie joined", timeout=SOON)
    asked = len(api.posted("/v1/messages"))
    await api.until(lambda: len(api.posted("/v1/messages")) > asked + 1, SOON / 1000)
    assert len(api.posted("/v1/stream")) == 3
    await expect(shop.part(".note").first).to_have_text("")


async def test_a_dead_server_leaves_the_page_alone(visit: Visit, api: CustomerApi) -> None:
    """Without a bridge there is no launcher, nothing over the page, and no error on it."""
    api.fail("/healthz", 503)
    shop = await visit(wait=False)
    await api.until(lambda: api.posted("/healthz"))
    await shop.page.locator("handoff-chat").wait_for(state="attached")
    await expect(shop.launcher).to_be_hidden()
    assert await shop.call("open()") is None
    await expect(shop.panel).to_be_hidden()
    await shop.page.locator("#buy").click()
    # It comes by itself when the bridge does, opened as the page had wished.
    await expect(shop.panel).to_be_visible(timeout=SOON)


async def test_an_unknown_token_begins_anew(visit: Visit, api: CustomerApi) -> None:
    """When the bridge does not know the token any more, the next message opens a conversation."""
    shop = await visit()
    await shop.start()
    await shop.ask("Hello")
    api.talks.clear()
    asked = len(api.posted("/v1/conversation"))
    await shop.write("Still there?")
    await api.until(lambda: api.talks and api.talk.messages)
    assert len(set(sent(api, "Still there?"))) == 1
    await expect(shop.bubble("Still there?")).to_have_count(1)
    await expect(shop.bubble("Hello")).to_have_count(0)
    await api.until(lambda: len(api.posted("/v1/conversation")) > asked)
    await api.until(lambda: api.talk.streams)
    api.talk.say("assistant", "Welcome", "Assistant")
    await expect(shop.bubble("Welcome")).to_be_visible()
    api.talk.say("assistant", "Nice to meet you", "Assistant")
    await expect(shop.bubble("Nice to meet you")).to_be_visible()
    assert "Nice to meet you" in [said["text"] for said in await shop.events("message")]


async def test_blocked_storage_is_no_hindrance(visit: Visit, api: CustomerApi) -> None:
    """Where the browser denies storage everything works, for as long as the page is open."""
    shop = await visit(
        before="""Object.defineProperty(window, "localStorage",
            {get() { throw new DOMException("denied", "SecurityError"); }});"""
    )
    talk = await shop.start()
    await shop.ask("Hello")
    talk.say("assistant", "Hi!", "Assistant")
    await expect(shop.bubble("Hi!")).to_be_visible()
    await shop.call("reset()")
    await api.until(lambda: len(api.talks) == 2)


async def test_a_page_left_and_shown_again_listens_again(visit: Visit, api: CustomerApi) -> None:
    """The stream is closed on pagehide and opened on pageshow."""
    shop = await visit()
    talk = await shop.start()
    await shop.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    await api.until(lambda: not talk.streams)
    talk.say("assistant", "Wake up", "Assistant")
    await shop.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow'))")
    await api.until(lambda: talk.streams)
    await expect(shop.bubble("Wake up")).to_be_visible()


async def test_a_removed_element_is_silent_and_can_come_back(
    visit: Visit, api: CustomerApi
) -> None:
    """A site that swaps its pages may take the element out and put it in again."""
    shop = await visit()
    talk = await shop.start()
    await shop.page.evaluate("window.kept = document.querySelector('handoff-chat'); kept.remove()")
    talk.say("assistant", "Anybody?", "Assistant")
    await shop.page.evaluate("document.body.append(kept)")
    await expect(shop.bubble("Anybody?")).to_be_visible()


async def test_what_the_page_tells_wrongly_hinders_nobody(visit: Visit, api: CustomerApi) -> None:
    """A refused name, address or language is told to the page; the customer can chat."""
    shop = await visit()
    await shop.call("setContext({email: 'nonsense'})")
    api.fail("/v1/sessions", 422)
    await shop.launcher.click()
    await shop.ask("Hello")
    first, second = api.posted("/v1/sessions")
    assert first["email"] == "nonsense"
    assert second == {"locale": "en"}
    [error] = await shop.events("error")
    assert error["status"] == 422


async def test_a_rating_that_fails_can_be_sent_again(visit: Visit, api: CustomerApi) -> None:
    """The customer hears that it was not sent; stars and words are still there."""
    shop = await visit()
    talk = await shop.start()
    talk.join("Marie")
    await expect(shop.state).to_contain_text("Marie joined")
    talk.move("closed")
    await shop.part(".rating").get_by_label("2/5").check()
    api.fail("/v1/rating", 503)
    await shop.part(".rating .main").click()
    await expect(shop.part(".note.bad")).to_have_text("Not sent. Try again")
    await shop.part(".rating .main").click()
    await api.until(lambda: talk.ratings)
    assert talk.ratings == [{"about": "teammate", "score": 2}]


async def test_opening_often_while_the_bridge_is_gone_asks_no_more(
    visit: Visit, api: CustomerApi
) -> None:
    """However often the panel is opened meanwhile, one loop tries to reach the bridge."""
    shop = await visit()
    for _ in range(50):
        api.fail("/v1/sessions", 503)
    for _ in range(10):
        await shop.launcher.click()
        await shop.page.keyboard.press("Escape")
    await shop.launcher.click()
    await api.until(lambda: len(api.posted("/v1/sessions")) > 1)
    assert len(api.posted("/v1/sessions")) < 5
    await expect(shop.part(".note").first).to_have_text("No connection. Messages are sent later.")
