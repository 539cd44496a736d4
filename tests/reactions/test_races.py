"""Random talks: in whatever order facts come, nobody talks over a person or is left waiting.

Thousands of random sequences of facts run through the pure reactions. Answers of the assistant come
back late, in any order, under the epoch they were asked under.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest

from bridge.domain.capabilities import DeskCapabilities
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.delivery import Answer, Ask, Delivery, OpenThread, Receipt
from bridge.domain.facts import (
    AssistantWanted,
    BotWrote,
    CustomerWrote,
    Declined,
    Delivered,
    Fact,
    PersonAsked,
    TeammateActed,
    TeammateWrote,
    Timer,
    TimerRang,
    Undeliverable,
    Verb,
)
from bridge.domain.handoff import Floor
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.messages import Author, Role
from bridge.domain.policy import default_policy
from bridge.domain.rules import Place, Rules
from bridge.reactions import react

C = ConversationId("c")
THREAD = ThreadRef("memory:1")
PEOPLE = (Author("Ann", None, "u1"), Author("Bob", None, "u2"))
RULES = Rules(
    default_policy(),
    (Place("memory", "support"),),
    {"memory": DeskCapabilities(max_text=4000, can_mark=True)},
)
pytestmark = pytest.mark.slow

RUNS = 12_000
STEPS = 12


@dataclass
class Table:
    """One talk: its state, what is on its way, which timers run, and what was said under whom."""

    chance: random.Random
    conversation: Conversation = field(
        default_factory=lambda: Conversation(C, Customer("Mia"), 0.0, version=1)
    )
    out: list[Delivery] = field(default_factory=list)
    timers: dict[Timer, float] = field(default_factory=dict)
    said: list[tuple[Role, Floor]] = field(default_factory=list)
    number: Iterator[int] = field(default_factory=count)
    now: float = 1_000.0

    def take(self, fact: Fact) -> None:
        """Let a fact happen."""
        before = self.conversation
        outcome = react(before, fact, RULES)
        if isinstance(outcome.verdict, Declined):
            assert not outcome.messages
            return
        self.conversation = outcome.conversation()
        self.said += [(m.role, before.floor) for m in outcome.messages]
        self.out += outcome.deliveries
        for timer, due in outcome.timers.items():
            self.timers.pop(timer, None)
            if due is not None:
                self.timers[timer] = due

    def base(self) -> dict[str, object]:
        """Return what every fact has."""
        self.now += self.chance.choice((0.1, 1.0, 30.0))
        return {"key": f"k{next(self.number)}", "at": self.now, "conversation_id": C}

    def step(self) -> None:
        """Let one random thing happen."""
        self.chance.choice(DEEDS)(self)


def writes(table: Table) -> None:
    """The customer writes, now and then asking for a person."""
    text = table.chance.choice(("where is it?", "no", "talk to a human please", "thanks"))
    table.take(CustomerWrote(**table.base(), text=text))  # type: ignore[arg-type]


def asks(table: Table) -> None:
    """The customer presses the button."""
    table.take(PersonAsked(**table.base(), source="button"))  # type: ignore[arg-type]


def goes_back(table: Table) -> None:
    """The customer returns to the assistant."""
    table.take(AssistantWanted(**table.base()))  # type: ignore[arg-type]


def replies(table: Table) -> None:
    """A teammate writes in the thread, if there is one."""
    if table.conversation.thread is None:
        return
    who = table.chance.choice(PEOPLE)
    base = table.base()
    table.take(
        TeammateWrote(
            **base,  # type: ignore[arg-type]
            thread=THREAD,
            post=PostRef(f"memory:{base['key']}"),
            author=who,
            text="hello",
        )
    )


def acts(table: Table) -> None:
    """A teammate uses a verb."""
    verb = table.chance.choice((Verb.CLAIM, Verb.RELEASE, Verb.RESOLVE, Verb.RETURN))
    who = table.chance.choice(PEOPLE)
    table.take(TeammateActed(**table.base(), verb=verb, author=who, thread=THREAD))  # type: ignore[arg-type]


def ends(table: Table) -> None:
    """A random delivery ends, well or badly."""
    if not table.out:
        return
    delivery = table.out.pop(table.chance.randrange(len(table.out)))
    if table.chance.random() < 0.15:
        table.take(Undeliverable(**table.base(), delivery=delivery, why="no"))  # type: ignore[arg-type]
        return
    match delivery.payload:
        case Ask():
            receipt = Receipt(answer=Answer("an answer", failed=table.chance.random() < 0.3))
        case OpenThread():
            receipt = Receipt(thread=THREAD)
        case _:
            receipt = Receipt()
    table.take(Delivered(**table.base(), delivery=delivery, receipt=receipt))  # type: ignore[arg-type]


def bot_writes(table: Table) -> None:
    """An outside bot answers under an epoch it may have heard of long ago."""
    epoch = max(table.conversation.epoch - table.chance.choice((0, 0, 1, 2)), 0)
    table.take(BotWrote(**table.base(), role="assistant", text="bot says", epoch=epoch))  # type: ignore[arg-type]


def rings(table: Table) -> None:
    """The next timer comes due."""
    if not table.timers:
        return
    timer, due = min(table.timers.items(), key=lambda item: item[1])
    table.now = max(table.now, due)
    table.take(TimerRang(**table.base(), timer=timer, due_at=due))  # type: ignore[arg-type]


DEEDS: tuple[Callable[[Table], None], ...] = (
    writes,
    writes,
    asks,
    goes_back,
    replies,
    acts,
    ends,
    ends,
    ends,
    bot_writes,
    rings,
)


def nobody_is_left_waiting(table: Table) -> None:
    """Hold the promises that must be true at every moment."""
    conversation = table.conversation
    if conversation.floor is Floor.WAITING:
        assert Timer.NOBODY_CAME in table.timers
        assert any(m.role is Role.SYSTEM for m in conversation.recent)
    last = next((m for m in reversed(conversation.recent) if m.role is not Role.SYSTEM), None)
    if conversation.floor is Floor.TEAMMATE and last is not None and last.role is Role.CUSTOMER:
        assert Timer.NOBODY_SPOKE in table.timers
    assert [m.seq for m in conversation.recent] == sorted(m.seq for m in conversation.recent)


@pytest.mark.parametrize("part", range(4))
def test_random_talks_keep_the_promises(part: int) -> None:
    """The assistant is stored only while it has the floor; every wait has a timer and words."""
    spoke = 0
    for seed in range(part * RUNS // 4, (part + 1) * RUNS // 4):
        table = Table(random.Random(seed))
        for _ in range(STEPS):
            table.step()
            nobody_is_left_waiting(table)
        over = [floor for role, floor in table.said if role is Role.ASSISTANT]
        assert set(over) <= {Floor.ASSISTANT}, f"seed {seed}"
        spoke += len(over)
    assert spoke > 1000
