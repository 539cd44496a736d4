"""What stands on the case card as the customer's words: theirs, or nothing."""

import pytest

from bridge.domain.delivery import Answer
from bridge.domain.facts import BotWrote, CustomerWrote, PersonAsked, TeammateActed, TeammateWrote
from bridge.domain.facts import Verb as Do
from bridge.domain.ids import PostRef, ThreadRef
from tests.reactions.test_offers import Table
from tests.world import ANN

THREAD = ThreadRef("slack:T1:C1:1")


def evidence(table: Table) -> str:
    """Return what the latest handoff shows as the customer's words."""
    assert table.conversation.handoff is not None
    return table.conversation.handoff.reason.evidence


def test_the_words_that_asked_are_shown() -> None:
    """What the customer said stands there letter for letter."""
    table = Table()
    table.take(CustomerWrote, text="Can I talk to a human?")
    assert evidence(table) == "talk to a human"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("One moment.", escalate="refund over my limit"),
        Answer("Let me transfer you to a human agent now."),
        Answer("One moment. [[handoff]]"),
    ],
)
def test_an_assistants_words_are_not_the_customers(answer: Answer) -> None:
    """An assistant that calls a person, by its tool, in words or by a marker, quotes nobody."""
    table = Table()
    table.asked("refund 900", answer)
    assert evidence(table) == ""


def test_an_evasive_answer_is_not_the_customers() -> None:
    """Two answers that do not help bring in a person, and neither was the customer's."""
    table = Table()
    table.asked("How do I reset the door code?", Answer("I'm sorry, I didn't understand that."))
    table.asked("The code of the door, how?", Answer("Could you rephrase your question?"))
    assert evidence(table) == ""


def test_a_bot_outside_is_not_the_customer_either() -> None:
    """A bot's reason is its own; what it gives as the customer's words is shown as theirs."""
    table = Table()
    table.take(BotWrote, role="customer", text="I want my money back")
    table.take(PersonAsked, source="bot", reason="the refund failed twice")
    assert evidence(table) == ""
    told = Table()
    told.take(PersonAsked, source="bot", reason="failed", evidence="I want my money back")
    assert evidence(told) == "I want my money back"


def test_the_buttons_reason_is_the_customers() -> None:
    """What is written with the button is in the customer's own words."""
    table = Table()
    table.take(PersonAsked, source="button", reason="nobody answers")
    assert evidence(table) == "nobody answers"


def test_a_reply_after_the_end_quotes_nobody() -> None:
    """A handoff that a teammate's line began shows no words, and nothing of ours."""
    table = Table()
    table.take(PersonAsked, source="button")
    table.take(TeammateActed, verb=Do.RESOLVE, author=ANN)
    post = PostRef("slack:T1:C1:2")
    table.take(TeammateWrote, thread=THREAD, post=post, author=ANN, text="One more thing")
    assert evidence(table) == ""
