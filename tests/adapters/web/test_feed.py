"""What a stream tells, whatever the order in which it learns: everything once, in order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.feed import MOST_PENDING, Feed
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.handoff import Floor
from bridge.domain.ids import ConversationId, MessageId
from bridge.domain.messages import Author, Message, Role
from bridge.ports.core import Changed, DraftGrew, Typing

CONVERSATION = ConversationId("c_1")


def message(seq: int, cursor: int = 0, role: Role = Role.CUSTOMER) -> Message:
    """Return a message."""
    name = MessageId(f"m_{seq}")
    return Message(name, CONVERSATION, seq, cursor or seq, role, Author("Ada"), f"t{seq}", 0.0)


def state(epoch: int) -> Conversation:
    """Return a state of the conversation."""
    return Conversation(CONVERSATION, Customer(), 0.0, floor=Floor.ASSISTANT, epoch=epoch)


def feed(cursor: int = 0) -> Feed:
    """Return a feed that has caught up."""
    made = Feed(cursor)
    made.behind = False
    return made


def ids(frames: bytes) -> list[int]:
    """Return the cursors of the frames."""
    return [int(line[4:]) for line in frames.split(b"\n") if line.startswith(b"id: ")]


@given(st.lists(st.sampled_from(["write", "lose", "look", "again"]), max_size=60))
def test_every_message_is_told_once_and_in_order(steps: list[str]) -> None:
    """However news is delivered, lost or repeated: what the stream told is the log."""
    log: list[Message] = []
    told: list[int] = []
    one = Feed(0)

    def look() -> None:
        while one.has_news:
            one.unsure = False
            if one.behind:
                one.behind = False
                told.extend(ids(one.take_logged(log)))
            told.extend(ids(one.take_live()))

    for step in steps:
        if step in {"write", "lose"}:
            log.append(message(len(log) + 1))
        if step == "write" or (step == "again" and log):
            one.hear(Changed((log[-1],), None))
        if step == "look":
            look()
    one.hear(Changed((), None))
    look()
    assert told == list(range(1, len(log) + 1))


def test_a_gap_sends_it_to_the_log() -> None:
    """A message that does not follow on the last one is not told before the missing one."""
    one = feed()
    one.hear(Changed((message(2),), None))
    assert (one.take_live(), one.behind) == (b"", True)


def test_news_that_pile_up_are_left_to_the_log() -> None:
    """A reader who does not read costs a bounded number of messages."""
    one = feed()
    for seq in range(1, MOST_PENDING + 2):
        one.hear(Changed((message(seq),), None))
    assert (one.take_live(), one.behind) == (b"", True)


def test_messages_of_one_change_are_put_in_order() -> None:
    """An edit that comes before a new message in the same news is told in the log's order."""
    one = feed(cursor=2)
    one.hear(Changed((message(3, cursor=4), message(1, cursor=3)), None))
    assert ids(one.take_live()) == [3, 4]


def test_a_change_without_details_means_to_look() -> None:
    """News that name nothing make the stream read the log."""
    one = feed()
    one.hear(Changed((), None))
    assert one.behind is True


def test_only_the_newest_state_is_told() -> None:
    """Two changes of state before a look are one event."""
    one = feed()
    one.hear(Changed((), state(1)))
    one.hear(Changed((), state(2)))
    taken = one.take_state()
    assert taken is not None
    assert (taken.epoch, one.take_state()) == (2, None)


def test_drafts_are_lossy_and_end_with_the_message() -> None:
    """Only the newest draft is told, and none after the message it was to become."""
    one = feed()
    one.hear(DraftGrew("Hel", 0))
    one.hear(DraftGrew("Hello", 0))
    assert b'"Hello"' in one.take_hints()
    one.hear(DraftGrew("Hello th", 0))
    one.hear(Changed((message(1, role=Role.ASSISTANT),), None))
    assert one.take_hints() == b""


@pytest.mark.fault("F74")
def test_a_draft_of_an_old_epoch_is_never_told() -> None:
    """Once a person has the floor, what the assistant goes on writing is dropped."""
    one = feed()
    one.hear(DraftGrew("I can", 1))
    one.hear(Changed((), state(2)))
    assert one.take_hints() == b""
    one.hear(DraftGrew("I can help", 1))
    assert one.take_hints() == b""


def test_the_customers_own_typing_is_not_told_back() -> None:
    """A page does not hear its own keystrokes."""
    one = feed()
    one.hear(Typing("customer"))
    assert one.has_news is False
    one.hear(Typing("teammate", "Marie"))
    assert b'"Marie"' in one.take_hints()


def test_a_sighting_is_told_once() -> None:
    """Only a teammate's message that passed counts as displayed, and only once."""
    one = feed()
    one.hear(Changed((message(1), message(2, role=Role.TEAMMATE)), None))
    one.take_live()
    assert (one.take_sighting(), one.take_sighting()) == (2, 0)
    one.hear(Changed((replace(message(2, cursor=3, role=Role.TEAMMATE), text="edited"),), None))
    one.take_live()
    assert one.take_sighting() == 0
