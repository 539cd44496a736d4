"""The assistant: any AI that can answer a customer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.domain.conversation import Customer
from bridge.domain.delivery import Answer
from bridge.domain.ids import ConversationId
from bridge.domain.messages import Message
from bridge.domain.policy import Policy, Talk
from bridge.domain.policy.judge import Verdict
from bridge.domain.summary import CaseSummary

Draft = Callable[[str], None]
"""Given the answer's text so far, as it grows; may be lost on the way, never stored."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the assistant is asked.

    `turns` are the last public messages, oldest first, the customer's newest words last; those of
    teammates are among them, so that the assistant knows what people answered. `key` is the same
    for every attempt at the same question. `epoch` is the one the answer must still be under.
    """

    conversation_id: ConversationId
    customer: Customer
    turns: tuple[Message, ...]
    epoch: int
    key: str


class Judge(Protocol):
    """A second opinion on whether a person is needed; it may add an escalation, never veto one."""

    async def verdict(self, policy: Policy, talk: Talk) -> Verdict | None:
        """Return what it says of a talk, or None; within its time budget, never raising."""
        ...


class Summarizer(Protocol):
    """Sums a case up for the person who takes over."""

    async def summary(self, messages: Sequence[Message], customer: Customer) -> CaseSummary:
        """Return the case in short, from the public messages, oldest first; never raises."""
        ...


class Assistant(Protocol):
    """Answers one question at a time per conversation.

    Raises `TryAgain` when asking again may help, `Refused` when not, `Uncertain` never. An honest
    "I do not know" is an `Answer` with `failed`. `Answer.later` says that the answer will come by
    the bot API instead.
    """

    async def answer(self, question: Question, draft: Draft) -> Answer:
        """Return the answer; call `draft` with the text so far while it grows."""
        ...
