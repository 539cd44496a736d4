"""What holds for every text, memory and event: an answer, the same one, and soon."""

import json
import random
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.messages import Role
from bridge.domain.policy import (
    Action,
    ApiEscalates,
    AssistantEscalates,
    AssistantFailed,
    AssistantSaid,
    ButtonPressed,
    CustomerSaid,
    HandedBack,
    HandoffClosed,
    Memory,
    OfferDeclined,
    Talk,
    ThumbsDown,
    Turn,
    decide,
    default_policy,
)
from bridge.domain.policy.packs import packaged
from bridge.domain.policy.text import MAX_TEXT, clip, fold, read
from tests.domain.policy.golden import golden

HOSTILE_LENGTH = 4_200
LONGEST_SECONDS = 0.05
TRIES = 3

TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from([row.text for row in golden()]), max_size=3).map(" ".join),
)
TIMES = st.floats(0, 4e9)
EVENTS = st.one_of(
    st.builds(CustomerSaid, TEXTS, TIMES),
    st.builds(AssistantSaid, TEXTS, TIMES, st.booleans(), st.none() | st.floats(0, 1)),
    st.builds(AssistantEscalates, TIMES, TEXTS),
    st.builds(ButtonPressed, TIMES),
    st.builds(ApiEscalates, TIMES, TEXTS),
    st.builds(AssistantFailed, TIMES, TEXTS),
    st.builds(ThumbsDown, TIMES),
    st.builds(HandedBack, TIMES),
    st.builds(HandoffClosed, TIMES),
    st.builds(OfferDeclined, TIMES),
)
TURNS = st.lists(st.builds(Turn, st.sampled_from(Role), TEXTS), max_size=6).map(tuple)
TALKS = st.builds(Talk, TURNS, st.sampled_from(["en", "fr", "xx"]), st.floats(0, 1e6))


@given(TALKS, st.lists(EVENTS, max_size=6))
def test_every_event_has_an_answer_and_always_the_same(talk: Talk, events: list[object]) -> None:
    """No sequence of events raises, and playing it again decides the same."""
    outcomes = []
    for _ in range(2):
        memory, decisions = Memory(), []
        for event in events:
            decision, memory = decide(default_policy(), talk, memory, event)  # type: ignore[arg-type]
            decisions.append(decision)
        outcomes.append((decisions, memory))
    assert outcomes[0] == outcomes[1]


@given(TALKS, st.lists(EVENTS, max_size=6))
def test_the_memory_survives_being_stored(talk: Talk, events: list[object]) -> None:
    """Written as JSON and read again, the memory is what it was."""
    memory = Memory()
    for event in events:
        _, memory = decide(default_policy(), talk, memory, event)  # type: ignore[arg-type]
        assert Memory.from_json(json.loads(json.dumps(memory.to_json()))) == memory


@given(
    st.dictionaries(
        st.sampled_from(["turns", "since", "offered", "struck", "offers", "cool_until", "new"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()),
    )
)
def test_a_damaged_memory_is_read_as_far_as_it_makes_sense(stored: dict[str, object]) -> None:
    """A field of another type is left at its beginning; unknown ones are ignored."""
    memory = Memory.from_json(stored)
    decision, _ = decide(default_policy(), Talk(), memory, CustomerSaid("hello", 0.0))
    assert decision.action in Action


@given(st.text(max_size=400))
def test_evidence_of_any_message_is_part_of_it(text: str) -> None:
    """Whatever characters stand around it, the quoted words are the customer's own."""
    message = f"{text} talk to a human {text}"
    decision, _ = decide(default_policy(), Talk(), Memory(), CustomerSaid(message, 0.0))
    assert decision.evidence in message


@given(st.text(max_size=400))
def test_folding_twice_is_folding_once(text: str) -> None:
    """Folded text is at rest, so lists of words and messages meet in one form."""
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=3 * MAX_TEXT))
def test_only_so_much_of_a_message_is_read(text: str) -> None:
    """A long message is looked at up to the limit."""
    assert len(clip(text)) <= MAX_TEXT
    assert len(read(text).pauses) == len(read(text).words) + 1


def hostile_texts() -> list[str]:
    """Return long texts made of the packs' own words, and of characters that fold badly."""
    dice = random.Random(11)
    listed = [
        " ".join(word.rstrip("*") for word in phrase)
        for source in packaged()
        for phrases in source.words.values()
        for phrase in phrases
    ]
    made = [
        "talk ",
        "talk to ",
        "a",
        "人",
        "转人",
        "don't ",
        "ﷺ",
        "\u0301",
        "🤖",
        "? ",
        "person talk ",
    ]
    texts = [(word * HOSTILE_LENGTH)[:HOSTILE_LENGTH] for word in made]
    for size in (2, 5, 40, 400):
        pool = [dice.choice(listed) for _ in range(size)]
        for between in (" ", "", " , ", "x "):
            parts = (dice.choice(pool) + between for _ in range(HOSTILE_LENGTH))
            texts.append("".join(parts)[:HOSTILE_LENGTH])
    return texts


@pytest.mark.parametrize("text", hostile_texts(), ids=lambda text: text[:20])
def test_no_text_is_slow(text: str) -> None:
    """Four thousand hostile characters take at most 50 ms, at the best of a few tries."""
    talk = Talk((Turn(Role.CUSTOMER, text), Turn(Role.ASSISTANT, text)))
    memory = Memory(answers=1, offered="x", offered_over=True)
    took = []
    for _ in range(TRIES):
        started = perf_counter()
        decide(default_policy(), talk, memory, CustomerSaid(text, 0.0))
        decide(default_policy(), talk, memory, AssistantSaid(text, 0.0))
        took.append(perf_counter() - started)
    assert min(took) <= 2 * LONGEST_SECONDS
