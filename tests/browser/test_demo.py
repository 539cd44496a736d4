"""The demo as its visitor sees it: the whole way of a handoff, through a kill in the middle."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.demo_visit import PATIENCE, Demo, Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

QUESTION = "How long does delivery take?"
ANSWER = "3 to 5 working days"


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo, running on an empty folder."""
    started = Demo(tmp_path / "data")
    try:
        await started.start()
        yield started
    finally:
        await started.stop()


async def _handed_over(seen: Visit) -> None:
    """Ask, ask for a person, and wait until the thread stands."""
    await seen.asks(QUESTION)
    await seen.customer_sees(ANSWER)
    await seen.asks("I want to talk to a person, please.")
    await expect(seen.card).to_be_visible(timeout=PATIENCE)


async def _history_is_on_top(seen: Visit) -> None:
    """The card says which words fired; under it stands all that was said."""
    await expect(seen.card.locator(".evidence")).to_contain_text("person")
    history = seen.thread.locator(".transcript")
    await expect(history).to_contain_text(QUESTION, timeout=PATIENCE)
    await expect(history).to_contain_text(ANSWER)
    await expect(seen.card).to_contain_text("Pinned")


async def _talk(seen: Visit) -> None:
    """A reply, an answer to it, and the mark on the reply."""
    await seen.replies("Hello, I am looking into it.")
    await seen.customer_sees("Hello, I am looking into it.")
    await expect(seen.card).to_contain_text("With Support", timeout=PATIENCE)
    await seen.asks("My order is **48213, *not* 48214**, how long will delivery take now?")
    await seen.team_sees("My order is 48213, not 48214")
    reply = seen.post("Hello, I am looking")
    await expect(reply).to_contain_text("by the customer", timeout=PATIENCE)


async def _changes(seen: Visit) -> None:
    """An edit, a note, and a deletion."""
    await seen.replies("It is at the deopt.")
    await seen.customer_sees("It is at the deopt.")
    await seen.edits("It is at the deopt.", "It is at the depot.")
    await seen.customer_sees("It is at the depot.")
    await seen.notes("He has called twice already")
    await seen.replies("This one was for somebody else.")
    await seen.customer_sees("This one was for somebody else.")
    await seen.deletes("This one was for somebody else.")
    await seen.customer_does_not_see("This one was for somebody else.")
    await seen.customer_does_not_see("called twice")


async def test_a_handoff_from_question_to_hand_back(demo: Demo) -> None:
    """The thread opens with its history, words pass both ways and change, the note stays, the
    assistant is silent until it is given its turn back; a killed process loses nothing of it.
    """
    async with visit(demo.address) as seen:
        await _handed_over(seen)
        await _history_is_on_top(seen)
        await _talk(seen)
        await demo.kill()
        await demo.start()
        await _changes(seen)
        assert await seen.talk.get_by_text(ANSWER).count() <= 1, "the assistant spoke as well"
        await seen.presses("Hand back")
        await expect(seen.card).to_contain_text("Handed back", timeout=PATIENCE)
        await seen.asks("How do I wash my jumper?")
        await seen.customer_sees("wool programme")


async def test_the_strip_alone_leads_to_a_relayed_reply_within_a_minute(demo: Demo) -> None:
    """Who only follows the strip's buttons has a person's answer in the widget in no time."""
    async with visit(demo.address) as seen, asyncio.timeout(60):
        steps = seen.page.get_by_role("region", name="What to try")
        await steps.get_by_role("button").click()
        await seen.customer_sees(ANSWER)
        await steps.get_by_role("button", name="Ask for a person").click()
        await steps.get_by_role("button", name="Write a reply for me").click()
        await expect(steps).to_contain_text("Press Enter")
        await steps.get_by_role("button", name="Send it").click()
        await seen.customer_sees("I can see what you asked")
        await steps.get_by_role("button", name="Hand back").click()
        await steps.get_by_role("button", name="Begin again").click()
        await expect(steps.locator("[aria-current=step]")).to_contain_text("Ask", timeout=PATIENCE)
        await seen.customer_does_not_see("I can see what you asked")


async def test_the_page_keeps_to_its_own_policy(demo: Demo) -> None:
    """During a whole handoff nothing is refused by the browser and nothing is complained of."""
    async with visit(demo.address) as seen:
        await _handed_over(seen)
        await seen.replies("Hello **you**, see <https://example.org/x> and `code`.")
        await seen.customer_sees("Hello you")
        assert seen.complaints == []


async def test_hostile_words_stay_words_on_both_sides(demo: Demo) -> None:
    """Markup from the customer and from the team is shown as written, and runs nowhere."""
    hostile = "<img src=x onerror=document.title=1> [a](javascript:document.title=2)"
    async with visit(demo.address) as seen:
        title = await seen.page.title()
        await _handed_over(seen)
        await seen.asks(hostile)
        await seen.team_sees("<img src=x onerror")
        await seen.replies("I see " + hostile)
        await seen.customer_sees("I see <img")
        assert await seen.page.title() == title
        assert await seen.page.locator("img[src=x]").count() == 0
        assert await seen.page.locator('a[href^="javascript:"]').count() == 0


async def test_a_refusal_is_told_to_the_one_who_asked_only(demo: Demo) -> None:
    """A command that cannot be done is answered in the thread, and never in the widget."""
    async with visit(demo.address) as seen, visit(demo.address) as other:
        await _handed_over(seen)
        await expect(other.card).to_be_visible(timeout=PATIENCE)
        await seen.page.locator("#words").fill("!frobnicate")
        await seen.page.locator("#words").press("Enter")
        await seen.team_sees("there is no !frobnicate")
        await seen.replies("And now an answer.")
        await other.team_sees("And now an answer.")
        await other.customer_does_not_see("frobnicate")
        await expect(other.thread.get_by_text("Only you can see this")).to_have_count(0)


async def test_two_teammates_see_each_other_and_change_only_their_own(demo: Demo) -> None:
    """The colleague reads the reply, and has no tools on it."""
    async with visit(demo.address) as seen, visit(demo.address) as other:
        await _handed_over(seen)
        await other.page.get_by_role("radio", name="A colleague (workshop)").check()
        await seen.replies("From the support desk.")
        await other.team_sees("From the support desk.")
        assert await other.post("From the support desk.").get_by_role("button").count() == 0
        await other.replies("From the workshop.")
        await seen.customer_sees("From the workshop.")


async def test_a_file_from_the_desk_reaches_the_customer(demo: Demo, tmp_path: Path) -> None:
    """What is attached to a reply is offered in the widget under its name."""
    label = tmp_path / "label.txt"
    label.write_text("return label 48213")
    async with visit(demo.address) as seen:
        await _handed_over(seen)
        await seen.page.locator("#desk input[type=file]").set_input_files(label)
        await seen.replies("Here is the label.")
        await seen.customer_sees("label.txt")


async def test_the_desk_works_by_keyboard_alone(demo: Demo) -> None:
    """From the skip link to the reply, and an edit begun and left with Escape, without a mouse."""
    async with visit(demo.address) as seen:
        await _handed_over(seen)
        await seen.page.locator(".skip").focus()
        await seen.page.keyboard.press("Enter")
        for _ in range(30):
            await seen.page.keyboard.press("Tab")
            if await seen.page.evaluate("document.activeElement.id") == "words":
                break
        await seen.page.keyboard.type("By keyboard.")
        await seen.page.keyboard.press("Enter")
        await seen.customer_sees("By keyboard.")
        await seen.post("By keyboard.").get_by_role("button", name="Edit this post").focus()
        await seen.page.keyboard.press("Enter")
        await expect(seen.thread.get_by_role("textbox")).to_be_focused(timeout=PATIENCE)
        await seen.page.keyboard.press("Escape")
        edit = seen.post("By keyboard.").get_by_role("button", name="Edit this post")
        await expect(edit).to_be_focused(timeout=PATIENCE)


@pytest.mark.parametrize(("width", "height"), [(320, 640), (820, 1000), (1024, 700), (1920, 1080)])
async def test_nothing_is_cut_off_at_any_width(demo: Demo, width: int, height: int) -> None:
    """The page never scrolls sideways, and the reply box can be reached."""
    async with visit(demo.address, width, height) as seen:
        await seen.page.evaluate("document.querySelector('handoff-chat').escalate()")
        await expect(seen.card).to_be_visible(timeout=PATIENCE)
        await seen.page.locator("#words").scroll_into_view_if_needed()
        await expect(seen.page.locator("#words")).to_be_in_viewport()
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await seen.page.evaluate(wide) <= 0


async def test_everything_that_can_be_pressed_has_a_name(demo: Demo) -> None:
    """No button, field or link of the page is nameless to a screen reader."""
    async with visit(demo.address) as seen:
        await _handed_over(seen)
        await seen.replies("Hello.")
        nameless = await seen.page.evaluate(
            """() => [...document.querySelectorAll("button, a[href], input, textarea")]
              .filter((node) => node.checkVisibility())
              .filter((node) => !(node.ariaLabel || node.textContent.trim()))
              .filter((node) => !node.labels?.length)
              .map((node) => node.outerHTML.slice(0, 80))"""
        )
        assert nameless == []


async def test_a_draft_stays_with_its_thread(demo: Demo) -> None:
    """Words begun for one customer are not in the box when another's thread is opened."""
    async with visit(demo.address) as seen, visit(demo.address) as other:
        await _handed_over(seen)
        words = seen.page.locator("#words")
        await words.fill("Only for the first")
        await _handed_over(other)
        threads = seen.page.get_by_role("navigation", name="Threads").get_by_role("button")
        await expect(threads).to_have_count(2, timeout=PATIENCE)
        await expect(words).to_have_value("Only for the first")
        await threads.first.click()
        await expect(words).to_have_value("", timeout=PATIENCE)
        await threads.last.click()
        await expect(words).to_have_value("Only for the first", timeout=PATIENCE)
        await words.press("Enter")
        await seen.customer_sees("Only for the first")
        await other.customer_does_not_see("Only for the first")
