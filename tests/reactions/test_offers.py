"""Offers of a person: one at most for one line of the customer's, whoever the assistant is."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bridge.domain.conversation import Conversation, Customer
from bridge.domain.delivery import Answer, Ask, Receipt
from bridge.domain.facts import BotWrote, CustomerWrote, Delivered, Fact
from bridge.domain.handoff import Floor
from bridge.domain.ids import ConversationId
from bridge.domain.messages import Role
from bridge.domain.policy import default_policy
from bridge.domain.policy.judge import Verdict
from bridge.domain.rules import Place, Rules
from bridge.domain.texts import TEXTS
from bridge.reactions import react
from bridge.reactions.outcome import Outcome

C = ConversationId("c")
RULES = Rules(default_policy(), (Place("memory", "support"),))
OFFER = TEXTS["offer"]["en"]
UNKNOWN = "I do not know the answer to that."


@dataclass
class Table:
    """One talk, and what we said in it."""

    conversation: Conversation = field(
        default_factory=lambda: Conversation(C, Customer("Mia"), 0.0, version=1)
    )
    ours: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def take(self, kind: type[Any], **told: Any) -> Outcome:
        """Let a fact happen and return what follows from it."""
        number = next(self.numbers)
        fact: Fact = kind(key=f"k{number}", at=1_000.0 + number, conversation_id=C, **told)
        outcome = react(self.conversation, fact, RULES)
        self.conversation = outcome.conversation()
        self.ours += [m.text for m in outcome.messages if m.role is Role.SYSTEM]
        return outcome

    def asked(self, text: str, answer: Answer) -> None:
        """The customer writes and the assistant answers."""
        asks = self.take(CustomerWrote, text=text).deliveries
        ask = next(delivery for delivery in asks if isinstance(delivery.payload, Ask))
        self.take(Delivered, delivery=ask, receipt=Receipt(answer=answer))


def test_one_line_is_met_with_one_offer() -> None:
    """Angry words bring an offer; that the assistant then knows nothing brings no second one."""
    table = Table()
    table.asked("this is useless", Answer(UNKNOWN, failed=True))
    assert table.ours == [OFFER]
    assert table.conversation.floor is Floor.ASSISTANT


def test_a_bot_that_answers_twice_makes_one_offer() -> None:
    """A bot outside may write several messages on one line; a person is offered once."""
    table = Table()
    table.take(BotWrote, role="customer", text="this is useless")
    table.take(BotWrote, role="assistant", text=UNKNOWN, epoch=table.conversation.epoch)
    table.take(BotWrote, role="assistant", text="But look here.", epoch=table.conversation.epoch)
    assert table.ours == [OFFER]


def test_a_second_opinion_does_not_answer_our_offer() -> None:
    """Where an answer has just led to an offer, the judge's verdict on it calls nobody."""
    table = Table()
    verdict = Verdict(
        escalate=True,
        reason="unresolved",
        emotion="angry",
        failed_attempts=1,
        quote="amount",
        summary="",
    )
    table.asked("a strange amount", Answer(UNKNOWN, failed=True, verdict=verdict))
    assert table.ours == [OFFER]
    assert table.conversation.floor is Floor.ASSISTANT
