"""Edits that take files away: what a teammate removed leaves the customer's message too."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from bridge.domain.conversation import Conversation, Customer
from bridge.domain.facts import TeammateAmended, TeammateWrote
from bridge.domain.ids import ConversationId, FileId, PostRef, ThreadRef
from bridge.domain.messages import Attachment, Message
from bridge.domain.policy import default_policy
from bridge.domain.rules import Place, Rules
from bridge.reactions import react
from tests.world import ANN

C = ConversationId("c")
RULES = Rules(default_policy(), (Place("memory", "support"),))
POST = PostRef("slack:T1:C1:2")
ONE = Attachment(FileId("1"), "one.pdf", "application/pdf", 1, "F1")
TWO = Attachment(FileId("2"), "two.pdf", "application/pdf", 2, "F2")
NAMELESS = Attachment(FileId("3"), "old.pdf", "application/pdf", 3)


@dataclass
class Log:
    """One conversation, and the message that the post became."""

    conversation: Conversation = field(
        default_factory=lambda: Conversation(C, Customer("Mia"), 0.0, version=1)
    )
    messages: dict[int, Message] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)

    @property
    def message(self) -> Message | None:
        """The message, as the customer sees it."""
        return next((m for m in self.messages.values() if m.post == POST), None)

    def take(self, kind: type[Any], at: float, **told: Any) -> None:
        """Let a fact about the post happen."""
        shared = {"thread": ThreadRef("slack:T1:C1:1"), "post": POST, "conversation_id": C}
        fact = kind(key=f"k{next(self.numbers)}", at=at, **shared, **told)
        outcome = react(self.conversation, fact, RULES, self.message)
        self.conversation = outcome.conversation()
        self.messages |= {m.seq: m for m in (*outcome.messages, *outcome.amended)}

    def writes(self, text: str, *files: Attachment) -> None:
        """The reply comes, sent at 100."""
        told = {"author": ANN, "attachments": files, "sent_at": 100.0}
        self.take(TeammateWrote, 101.0, text=text, **told)


def seen(log: Log) -> tuple[str, tuple[Attachment, ...], bool, float | None]:
    """Return what the customer sees of the message."""
    message = log.message
    assert message is not None
    return message.text, message.attachments, message.deleted, message.edited_at


def test_a_removed_file_leaves_the_message() -> None:
    """The message changes in its place, under a new cursor, and its words were not edited."""
    log = Log()
    log.writes("see files", ONE, TWO)
    before = log.conversation.cursor
    log.take(TeammateAmended, 100.0, text="see files", files=("F2",))
    assert seen(log) == ("see files", (TWO,), False, None)
    assert log.message is not None
    assert log.message.cursor == log.conversation.cursor == before + 1


def test_an_edit_may_take_a_file_away_too() -> None:
    """Words and files change at once."""
    log = Log()
    log.writes("see files", ONE, TWO)
    log.take(TeammateAmended, 105.0, text="see file", files=("F1",))
    assert seen(log) == ("see file", (ONE,), False, 105.0)


def test_a_file_without_words_leaves_nothing() -> None:
    """Of a reply that was only a file, no empty message stays."""
    log = Log()
    log.writes("", ONE)
    log.take(TeammateAmended, 100.0, text="", files=())
    assert seen(log)[1:3] == ((), True)


def test_an_old_edit_still_takes_its_file() -> None:
    """Two changes in the wrong order: the newer words, and only the files that both have."""
    log = Log()
    log.writes("one", ONE, TWO)
    log.take(TeammateAmended, 107.0, text="three", files=("F1", "F2"))
    log.take(TeammateAmended, 105.0, text="two", files=("F2",))
    assert seen(log) == ("three", (TWO,), False, 107.0)


def test_a_change_without_word_of_files_leaves_them() -> None:
    """A desk that does not tell of files takes none away."""
    log = Log()
    log.writes("see file", ONE)
    log.take(TeammateAmended, 105.0, text="see it", files=None)
    assert seen(log) == ("see it", (ONE,), False, 105.0)


@pytest.mark.parametrize(("files", "left"), [(("F9",), (NAMELESS,)), ((), ())])
def test_a_file_of_an_earlier_version_goes_with_the_last(
    files: tuple[str, ...], left: tuple[Attachment, ...]
) -> None:
    """Which of the desk's files it was is not known: it goes when none is left."""
    log = Log()
    log.writes("see file", NAMELESS)
    log.take(TeammateAmended, 100.0, text="see file", files=files)
    assert seen(log) == ("see file", left, False, None)


def test_a_removal_may_overtake_its_reply() -> None:
    """Two files removed while they were being fetched never reach the customer."""
    log = Log()
    log.take(TeammateAmended, 100.0, text="see files", files=("F1", "F2"))
    log.take(TeammateAmended, 100.0, text="see files", files=("F2",))
    log.writes("see files", ONE, TWO)
    assert seen(log) == ("see files", (TWO,), False, None)
    assert log.conversation.overtaken == {}


def test_a_reply_emptied_before_it_came_is_not_shown() -> None:
    """Its only file was removed first: there is no message of it."""
    log = Log()
    log.take(TeammateAmended, 100.0, text="", files=())
    log.writes("", ONE)
    assert log.message is None
