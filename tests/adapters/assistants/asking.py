"""Questions to ask assistants in tests, and a place for their drafts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.domain.conversation import Customer
from bridge.domain.ids import ConversationId, MessageId
from bridge.domain.messages import Author, Message, Role
from bridge.ports.assistant import Question

NAMES = {
    Role.CUSTOMER: "Mia",
    Role.ASSISTANT: "Assistant",
    Role.TEAMMATE: "Zoë Ann",
    Role.SYSTEM: "",
}

Said = tuple[Role, str]


def turns(*said: Said | str) -> tuple[Message, ...]:
    """Return a talk; plain strings are the customer's."""
    pairs = [(Role.CUSTOMER, each) if isinstance(each, str) else each for each in said]
    return tuple(
        Message(
            MessageId(f"m_{number}"),
            ConversationId("c_1"),
            number,
            number,
            role,
            Author(NAMES[role]),
            text,
            1_800_000_000.0 + number,
        )
        for number, (role, text) in enumerate(pairs, start=1)
    )


def question(
    *said: Said | str, key: str = "q1", locale: str = "en", conversation: str = "c_1"
) -> Question:
    """Return a question with this talk before it, its last words being what is asked."""
    customer = Customer(name="Mia", email="mia@example.com", locale=locale)
    return Question(ConversationId(conversation), customer, turns(*said), 3, key)


@dataclass
class Drafts:
    """Collects drafts."""

    seen: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        self.seen.append(text)


def no_draft(text: str) -> None:
    """Let a draft be lost."""


def assistant_words(messages: Sequence[dict[str, str]]) -> list[str]:
    """Return what was said in the assistant's place."""
    return [message["content"] for message in messages if message["role"] == "assistant"]
