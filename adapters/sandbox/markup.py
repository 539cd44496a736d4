"""What a teammate's line means: a reply to the customer, a note, a verb, or a call for help.

The safe side of a doubt is a note: what looks like one is never a reply. Words themselves are the
documented Markdown subset already, so nothing is translated.
"""

import re
from dataclasses import dataclass

from bridge.domain.facts import Verb

_DECORATION = r"[\s*_~>`\u200b-\u200f\u2060\ufeff]*"
_NOTE = re.compile(
    rf"{_DECORATION}(?:🔒|:lock:|!note\b|(?:note|private){_DECORATION}[:：]){_DECORATION}",
    re.IGNORECASE,
)
_COMMAND = re.compile(rf"{_DECORATION}!([a-z]\w*)\s*(.*)", re.IGNORECASE | re.DOTALL)
# Everything below the space but tab and line feed, the delete and C1 controls, half characters.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

VERBS = {verb.value: verb for verb in Verb if verb is not Verb.NOTE}

HELP = (
    "A plain line is a reply: the customer reads it. `!note TEXT`, `note: TEXT`, `private: TEXT` "
    "and 🔒 TEXT stay with the team. `!claim`, `!release`, `!assign @PERSON`, `!resolve` and "
    "`!return` do what the buttons do."
)


@dataclass(frozen=True, slots=True)
class Reply:
    """Words for the customer."""

    text: str


@dataclass(frozen=True, slots=True)
class TeamNote:
    """Words for teammates only, without the sign that said so."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do; `verb` is None when there is no such verb (or it is `help`)."""

    name: str
    verb: Verb | None
    rest: str


def clean(text: str) -> str:
    """Return text with one kind of line end, without controls and half characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("", lines).strip()


def meaning(text: str) -> Reply | TeamNote | Command:
    """Return what a teammate's line means."""
    note = _NOTE.match(text)
    if note is not None:
        return TeamNote(text[note.end() :].strip())
    command = _COMMAND.fullmatch(text)
    if command is None:
        return Reply(text)
    name = command[1].lower()
    return Command(name, VERBS.get(name), command[2].strip())
