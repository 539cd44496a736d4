"""How the widget shows that a conversation passes to people and back."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.shop import Shop
from tests.servers.customer_api import CustomerApi, Talk

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


FLOORS = dict.fromkeys(("assistant", "closed"), "assistant")
FLOORS |= {"waiting": "waiting", "teammate": "teammate"}
"""Which look each state has; who writes in a closed chat is answered by the assistant."""


async def with_marie(visit: Visit, api: CustomerApi) -> tuple[Shop, Talk]:
    """Lead a customer through the assistant to a person."""
    shop = await visit()
    talk = await shop.start()
    await shop.ask("Hello")
    talk.say("assistant", "Hello, how can I help?", "Assistant")
    await shop.ask("I want a person")
    talk.say("assistant", "Of course.", "Assistant")
    await shop.person.click()
    await api.until(lambda: talk.floor == "waiting")
    await shop.ask("It is about my jumper")
    talk.join("Marie Dupont")
    talk.say("teammate", "Hi, this is Marie.", "Marie Dupont")
    await expect(shop.bubble("Hi, this is Marie.")).to_be_visible()
    return shop, talk


async def test_the_way_to_a_person_keeps_its_place(visit: Visit, api: CustomerApi) -> None:
    """In every state the control stands in the same corner; it says what it does there."""
    shop = await visit()
    talk = await shop.start()
    places = []

    async def place(text: str) -> None:
        await expect(shop.person).to_have_text(text)
        box = await shop.person.bounding_box()
        assert box
        places.append((round(box["x"] + box["width"]), round(box["y"] + box["height"] / 2)))

    await place("Talk to a person")
    await shop.person.click()
    await expect(shop.state).to_contain_text("Looking for someone…")
    await expect(shop.state).to_contain_text("You are number 2")
    await place("Back to the assistant")
    talk.join("Marie")
    await expect(shop.state).to_contain_text("Marie joined")
    await place("Marie")
    talk.move("assistant")
    await expect(shop.state).to_contain_text("Back with the assistant")
    await place("Talk to a person")
    talk.move("closed")
    await place("Talk to a person")
    assert len(set(places)) == 1


async def test_the_customer_can_go_back_while_waiting(visit: Visit, api: CustomerApi) -> None:
    """Waiting is no dead end: the same control leads back to the assistant."""
    shop = await visit()
    talk = await shop.start()
    await shop.person.click()
    await expect(shop.person).to_have_text("Back to the assistant")
    await shop.person.click()
    await api.until(lambda: talk.floor == "assistant")
    await expect(shop.person).to_have_text("Talk to a person")


async def test_asking_for_a_person_works_before_any_message(visit: Visit, api: CustomerApi) -> None:
    """The control works right after opening, and a failure is told, not swallowed."""
    shop = await visit()
    await shop.start()
    api.fail("/v1/escalate", 503)
    await shop.person.click()
    await expect(shop.part("[role=alert]")).to_have_text("Not sent. Try again")
    await shop.person.click()
    await expect(shop.state).to_contain_text("Looking for someone…")


async def test_the_talk_before_is_pinned_on_top(visit: Visit, api: CustomerApi) -> None:
    """When a person joins, the talk with the assistant is folded above the log, marked as seen."""
    shop, talk = await with_marie(visit, api)
    fold = shop.part("details")
    await expect(fold.locator("summary")).to_contain_text("Earlier with the assistant · 4 messages")
    await expect(fold.locator("summary")).to_contain_text("Seen by Marie Dupont")
    await expect(fold.locator(".bubble")).to_have_count(0)
    log = [text for text in await shop.bubbles() if text]
    assert log[0] == "It is about my jumper"
    assert log[-1] == "Hi, this is Marie."
    await fold.locator("summary").click()
    await expect(fold.locator(".bubble")).to_have_count(4)
    await expect(fold.locator(".bubble").last).to_have_text("Of course.")
    await fold.locator("summary").click()
    talk.move("assistant")
    await expect(fold).to_be_hidden()
    assert (await shop.bubbles())[0] == "Hello"


async def test_a_person_is_told_from_the_assistant(visit: Visit, api: CustomerApi) -> None:
    """Names and role labels say who is an AI and who is a person."""
    shop, talk = await with_marie(visit, api)
    await shop.part("summary").click()
    assert await shop.part("details .who").all_inner_texts() == ["Assistant AI assistant"] * 2
    await expect(shop.part(".talk .teammate .who")).to_have_text("Marie Dupont Support team")
    talk.move("assistant")
    await expect(shop.part(".floor .state")).to_contain_text("AI assistant")


async def test_a_resumed_page_shows_who_has_the_floor(visit: Visit, api: CustomerApi) -> None:
    """After a reload the state, the fold and the log are as they were."""
    shop, _ = await with_marie(visit, api)
    before = await shop.bubbles()
    await shop.reload()
    await shop.launcher.click()
    await expect(shop.state).to_contain_text("Marie Dupont joined")
    await expect(shop.part("summary")).to_contain_text("4 messages")
    assert await shop.bubbles() == before


async def test_the_help_of_a_person_can_be_rated(visit: Visit, api: CustomerApi) -> None:
    """When the handoff is over the customer is asked; stars and a word go to the bridge, once."""
    shop, talk = await with_marie(visit, api)
    await expect(shop.part(".rating")).to_have_count(0)
    talk.move("closed", state="resolved")
    await expect(shop.part(".rating legend")).to_have_text("How was the help?")
    await shop.part(".rating").get_by_label("4/5").check()
    await shop.part(".rating textarea").fill("Very kind")
    await shop.part(".rating .main").click()
    await api.until(lambda: talk.ratings)
    assert talk.ratings == [{"about": "teammate", "score": 4, "comment": "Very kind"}]
    await expect(shop.part(".rating")).to_have_count(0)
    assert await shop.events("rating") == talk.ratings
    await shop.reload()
    await shop.launcher.click()
    await expect(shop.bubble("Hi, this is Marie.")).to_be_visible()
    await expect(shop.part(".rating")).to_have_count(0)


async def test_a_talk_that_ended_while_away_can_be_rated_too(
    visit: Visit, api: CustomerApi
) -> None:
    """Who was away when the handoff ended is asked on coming back, and may decline."""
    shop, talk = await with_marie(visit, api)
    await shop.page.goto("about:blank")
    talk.move("assistant", state="handed_back")
    await shop.page.go_back()
    await shop.launcher.click()
    await shop.part(".rating .icon").click()
    await expect(shop.part(".rating")).to_have_count(0)
    assert talk.ratings == []


async def test_being_passed_to_a_colleague_asks_for_no_rating(
    visit: Visit, api: CustomerApi
) -> None:
    """Waiting for another person is part of the same handoff."""
    shop, talk = await with_marie(visit, api)
    talk.move("waiting", teammate=None, position=1)
    await expect(shop.state).to_contain_text("You are number 1")
    talk.join("Paul")
    await expect(shop.state).to_contain_text("Paul joined")
    await expect(shop.part(".rating")).to_have_count(0)


async def test_time_is_shown_where_some_has_passed(visit: Visit, api: CustomerApi) -> None:
    """A pause of half an hour gets the time written above what follows."""
    shop = await visit()
    talk = await shop.start()
    talk.say("assistant", "One", "Assistant")
    talk.say("assistant", "Two", "Assistant")
    talk.clock += timedelta(hours=3)
    talk.say("assistant", "Three", "Assistant")
    await expect(shop.bubble("Three")).to_be_visible()
    await expect(shop.part(".time")).to_have_count(2)


async def test_no_internal_word_is_shown(visit: Visit, api: CustomerApi) -> None:
    """Whatever the state, the customer reads sentences, never the names of states."""
    shop, talk = await with_marie(visit, api)
    words = await shop.panel.inner_text()
    for floor in ("waiting", "teammate", "assistant", "closed"):
        talk.move(floor, state=floor)
        await expect(shop.part(f".floor.{FLOORS[floor]}")).to_be_visible()
        words += await shop.panel.inner_text()
    for internal in ("waiting", "teammate", "closed", "requested", "epoch", "handoff"):
        assert internal not in words.lower()
