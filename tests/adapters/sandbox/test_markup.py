"""What a teammate's line means."""

import pytest

from adapters.sandbox.markup import Command, Reply, TeamNote, clean, meaning
from bridge.domain.facts import Verb


@pytest.mark.parametrize(
    "text",
    [
        "!note stuck at the depot",
        "!NOTE stuck at the depot",
        "note: stuck at the depot",
        "Note : stuck at the depot",
        "PRIVATE: stuck at the depot",
        "🔒 stuck at the depot",
        "🔒stuck at the depot",
        ":lock: stuck at the depot",
        "  note:stuck at the depot",
        "**note:** stuck at the depot",
        "> private: stuck at the depot",
        "\u200bnote: stuck at the depot",
        "note： stuck at the depot",
        "!private: stuck at the depot",
        "n\u200dote: stuck at the depot",
    ],
)
def test_what_looks_like_a_note_is_one(text: str) -> None:
    """Each sign of a note is seen, however it is decorated, and taken off the words."""
    assert meaning(text) == TeamNote("stuck at the depot")


@pytest.mark.parametrize(
    "text",
    [
        "noted: it is sent",
        "I made a note: sorry",
        "privately: no",
        "a 🔒 icon",
        "Wow!",
        "ﬁne: **bold**",
        "> quoted",
    ],
)
def test_other_lines_are_replies(text: str) -> None:
    """A sign elsewhere than at the beginning does not make a note or a command."""
    assert meaning(text) == Reply(text)


def test_a_line_with_an_exclamation_mark_before_it_is_a_command() -> None:
    """Known verbs are named, unknown ones are still no reply."""
    assert meaning("!Resolve") == Command("resolve", Verb.RESOLVE, "")
    assert meaning("!assign @workshop") == Command("assign", Verb.ASSIGN, "@workshop")
    assert meaning("!important: read me") == Command("important", None, ": read me")
    assert meaning("！resolve") == Command("resolve", Verb.RESOLVE, "")
    assert meaning("!!!") == Command("", None, "!!")


def test_what_cannot_be_shown_is_left_out() -> None:
    """Controls and half characters go, line ends become one kind, the rest stays."""
    assert clean(" a\r\nb\x00\x1b[31m\ud800\tc\u202e ") == "a\nb[31m\tc\u202e"
