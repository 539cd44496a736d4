"""The transcript: everything said, cut into pages, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.ids import ConversationId, MessageId
from bridge.domain.messages import Author, Message, Role
from bridge.domain.transcript import pages, pieces

WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=400)


def message(seq: int, text: str, role: Role = Role.CUSTOMER) -> Message:
    """Return a message."""
    return Message(
        MessageId(f"m{seq}"), ConversationId("c"), seq, seq, role, Author("Mia"), text, 1.0
    )


@given(WORDS, st.integers(min_value=20, max_value=200))
def test_pieces_are_short_enough_and_lose_no_word(text: str, most: int) -> None:
    """Only white space at the cuts is dropped."""
    found = pieces(text, most)

    assert all(len(piece) <= most for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@given(st.lists(WORDS, max_size=30), st.integers(min_value=200, max_value=1000))
def test_pages_hold_every_message_in_order(texts: list[str], most: int) -> None:
    """All words stand on the pages, in the order they were said."""
    found = pages([message(i, t) for i, t in enumerate(texts, 1)], {}, most)

    said = "".join(entry.text for page in found for entry in page)
    assert "".join(said.split()) == "".join("".join(texts).split())
    assert all(sum(len(e.text) for e in page) <= most for page in found)


def test_our_own_texts_are_left_out_and_a_deleted_message_keeps_its_place() -> None:
    """System lines are no history; a deletion is shown as one."""
    from dataclasses import replace  # noqa: PLC0415

    gone = replace(message(2, ""), deleted=True)
    page = pages([message(1, "looking", Role.SYSTEM), gone], {}, 500)[0]

    assert [entry.text for entry in page] == ["(deleted)"]
