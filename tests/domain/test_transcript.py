"""The transcript: everything said, cut into pages, nothing lost."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.domain.fences import fence_of, left_open
from bridge.domain.ids import ConversationId, FileId, MessageId
from bridge.domain.messages import Attachment, Author, Message, Role
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
    assume(fence_of(text) is None)
    found = pieces(text, most)

    assert all(len(piece) <= most for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@given(st.lists(WORDS, max_size=30), st.integers(min_value=200, max_value=1000))
def test_pages_hold_every_message_in_order(texts: list[str], most: int) -> None:
    """All words stand on the pages, in the order they were said."""
    assume(not any(map(fence_of, texts)))
    found = pages([message(i, t) for i, t in enumerate(texts, 1)], {}, most)

    said = "".join(entry.text for page in found for entry in page)
    assert "".join(said.split()) == "".join("".join(texts).split())
    assert all(sum(len(e.text) for e in page) <= most for page in found)


def test_our_own_texts_are_left_out_and_a_deleted_message_keeps_its_place() -> None:
    """System lines are no history; a deletion is shown as one."""
    gone = replace(message(2, ""), deleted=True)
    page = pages([message(1, "looking", Role.SYSTEM), gone], {}, 500)[0]

    assert [entry.text for entry in page] == ["(deleted)"]


CODE = "\n".join(f"    line {n} = *{n}*" for n in range(250))


@pytest.mark.parametrize("marks", ["```", "~~~", "`````"])
def test_code_that_is_cut_is_closed_and_opened_again(marks: str) -> None:
    """Each piece is whole by itself, each line stays as it is, and what follows is no code."""
    text = f"look:\n\n{marks}python\n{CODE}\n{marks}\nafter **bold** words"
    found = pieces(text, 1000)
    assert all(left_open(piece) is None and len(piece) <= 1000 for piece in found)
    assert [line for piece in found for line in piece.split("\n") if "line" in line] == (
        CODE.split("\n")
    )
    assert all(piece.startswith(f"{marks}python\n") for piece in found[1:])
    assert found[-1].endswith(f"\n{marks}\nafter **bold** words")


def test_code_that_begins_or_ends_at_a_cut_leaves_no_empty_block() -> None:
    """A fence opened right before the cut goes to the next piece; one closed right after it is
    not opened there again.
    """
    begins = f"{'a' * 90}\n```\n{'b' * 60}\n```"
    assert pieces(begins, 100) == ("a" * 90, f"```\n{'b' * 60}\n```")
    ends = f"```\n{'b' * 88}\n```\nafter the code"
    assert pieces(ends, 97) == (f"```\n{'b' * 88}\n```", "after the code")


def test_a_line_of_code_longer_than_a_piece_is_cut_as_code() -> None:
    """No character of it is lost, also when it stands on the line of the fence."""
    for text in (f"```\n{'x' * 250}\n```\nend", f"```a {'x' * 250}\n```\nend"):
        found = pieces(text, 100)
        assert all(left_open(piece) is None and len(piece) <= 100 for piece in found)
        assert "".join(found).count("x") == 250
        assert found[-1].endswith("```\nend")


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("\n\n```" + "x" * 5000, 3500),
        (" \n" * 3000 + "words", 3500),
        ("x" * 3500 + "\n" * 5000, 3500),
        ("x" * 90 + "\n" * 200 + "y" * 90, 100),
    ],
)
def test_no_piece_is_blank(text: str, most: int) -> None:
    """White space before, behind or between makes no piece of its own, and no words are lost."""
    found = pieces(text, most)
    assert all(piece.strip() and len(piece) <= most for piece in found)
    assert all("".join(found).count(sign) == text.count(sign) for sign in "xywords")


def test_what_is_all_blank_is_one_piece() -> None:
    """Short or long."""
    assert pieces("", 100) == ("",)
    assert len(pieces(" \n" * 500, 100)) == 1


def test_no_cut_makes_a_mark_begin_a_line() -> None:
    """Words that would read as an item, a quote or code at the start of a line stay behind."""
    text = f"{'word ' * 15}and - then > more 1. yet ~~~ end {'word ' * 5}"
    for most in range(40, 100):
        assert all(piece[0].isalpha() for piece in pieces(text, most))


def test_files_stand_at_the_end_of_a_long_message_only_once() -> None:
    """A message on several pages names its files after its last words."""
    file = Attachment(FileId("f"), "photo.png", "image/png", 5)
    long = replace(message(1, "word " * 200), attachments=(file,))
    entries = [entry for page in pages([long], {}, 400) for entry in page]
    assert [entry.files for entry in entries] == [()] * (len(entries) - 1) + [("photo.png",)]
