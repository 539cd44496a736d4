"""What the outgoing webhooks are told of: all that the customer sees, in order, and no note."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from bridge.domain.conversation import Conversation, Customer
from bridge.domain.delivery import Answer, Ask, CallWebhook, Leg, Receipt, TellMessage
from bridge.domain.facts import (
    BotWrote,
    CustomerWrote,
    Delivered,
    PersonAsked,
    TeammateActed,
    TeammateAmended,
    TeammateWrote,
    Verb,
)
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.messages import Author, Message
from bridge.domain.policy import default_policy
from bridge.domain.rules import Place, Rules
from bridge.reactions import react
from bridge.reactions.outcome import Outcome

C = ConversationId("c")
RULES = Rules(default_policy(), (Place("memory", "support"),), webhooks=True)
ANN = Author("Ann", None, "u-ann")
THREAD, POST = ThreadRef("memory:1"), PostRef("memory:2")


@dataclass
class Table:
    """One talk, and what the webhooks were told of it: the event, and of a message its seq."""

    rules: Rules = RULES
    conversation: Conversation = field(
        default_factory=lambda: Conversation(C, Customer("Mia"), 0.0, version=1, thread=THREAD)
    )
    told: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def take(self, kind: type[Any], about: Message | None = None, **told: Any) -> Outcome:
        """Let a fact happen and return what follows from it."""
        number = next(self.numbers)
        fact = kind(key=f"k{number}", at=1_000.0 + number, conversation_id=C, **told)
        outcome = react(self.conversation, fact, self.rules, about)
        self.conversation = outcome.conversation()
        for delivery in outcome.deliveries:
            payload = delivery.payload
            if isinstance(payload, TellMessage):
                self.told.append(f"{payload.event} {payload.seq}")
            elif isinstance(payload, CallWebhook):
                self.told.append(payload.event)
        return outcome

    def replies(self, text: str) -> Message:
        """A teammate writes; returns what the customer sees of it."""
        said = self.take(TeammateWrote, thread=THREAD, post=POST, author=ANN, text=text)
        return said.messages[-1]

    def amends(self, about: Message, text: str | None, *, note: bool = False) -> Outcome:
        """A teammate edits or deletes what they wrote."""
        return self.take(TeammateAmended, about, thread=THREAD, post=POST, text=text, note=note)


def test_the_line_and_the_answer_are_told() -> None:
    """The customer's words, then the assistant's."""
    table = Table()
    asks = table.take(CustomerWrote, text="Where is it?").deliveries
    ask = next(delivery for delivery in asks if isinstance(delivery.payload, Ask))
    table.take(Delivered, delivery=ask, receipt=Receipt(answer=Answer("On its way.")))
    assert table.told == ["message.created 1", "message.created 2"]


def test_words_and_handoff_are_told_as_they_happen() -> None:
    """Our own words are told too, each before or behind the event that it belongs to."""
    table = Table()
    table.take(CustomerWrote, text="I want to talk to a human")
    assert table.told == ["message.created 1", "handoff.requested", "message.created 2"]
    table.told.clear()
    table.replies("Hello")
    assert table.told == ["message.created 3", "handoff.claimed", "message.created 4"]


def test_edits_and_deletions_are_told() -> None:
    """Each change once; one that changes nothing not at all."""
    table = Table()
    reply = table.replies("Hello")
    table.told.clear()
    edited = table.amends(reply, "Hello Mia").amended[0]
    table.amends(edited, "Hello Mia")
    deleted = table.amends(edited, None).amended[0]
    table.amends(deleted, "back again")
    assert table.told == [f"message.updated {reply.seq}"] * 2


def test_a_note_is_told_to_nobody() -> None:
    """Neither one in the thread nor one by the verb; an edit into a note withdraws the words."""
    table = Table()
    reply = table.replies("Hello")
    table.told.clear()
    post = PostRef("memory:3")
    table.take(TeammateWrote, thread=THREAD, post=post, author=ANN, text="rude", note=True)
    table.take(TeammateActed, verb=Verb.NOTE, author=ANN, thread=THREAD, text="rude")
    assert table.told == []
    table.amends(reply, "rude", note=True)
    assert table.told == [f"message.updated {reply.seq}"]


def test_a_bot_knows_its_own_words_again() -> None:
    """What it put in carries the id it gave, whoever's words they are; others carry none."""
    table = Table()
    outcomes = [
        table.take(BotWrote, role="customer", text="Where is it?", client_id="b1"),
        table.take(BotWrote, role="assistant", text="On its way.", client_id="b2"),
        table.take(PersonAsked, source="button"),
    ]
    told = [
        (payload.seq, payload.client_id)
        for outcome in outcomes
        for payload in (delivery.payload for delivery in outcome.deliveries)
        if isinstance(payload, TellMessage)
    ]
    assert told == [(1, "b1"), (2, "b2"), (3, "")]


def test_without_an_address_nothing_is_stored_for_it() -> None:
    """A bridge without webhooks has no delivery more for them."""
    table = Table(replace(RULES, webhooks=False))
    outcomes = [
        table.take(CustomerWrote, text="I want to talk to a human"),
        table.take(TeammateWrote, thread=THREAD, post=POST, author=ANN, text="Hello"),
    ]
    legs = {delivery.leg for outcome in outcomes for delivery in outcome.deliveries}
    assert Leg.DESK in legs
    assert Leg.WEBHOOK not in legs
