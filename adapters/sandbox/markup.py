"""What a teammate's line means: a reply to the customer, a note, a verb, or a call for help.

The safe side of a doubt is not to send: what looks like a note or a command is never a reply.
Words themselves are the documented Markdown subset already, so nothing is translated.
"""

import re
import unicodedata
from dataclasses import dataclass

from bridge.domain.facts import Verb

_HEAD = 200
_DECORATION = " \t\n*_~`>"
_NOTE = re.compile(r"🔒|:lock:|!\s*note\b|!?\s*(?:note|private)[ *_~`]*:", re.IGNORECASE)
_COMMAND = re.compile(r"!\s*(\w*)\s*(.*)", re.DOTALL)
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
    seen = _as_seen(text)
    note = _NOTE.match(seen)
    if note is not None:
        return TeamNote(seen[note.end() :].lstrip(_DECORATION))
    command = _COMMAND.fullmatch(seen)
    if command is None:
        return Reply(text)
    name = command[1].lower()
    return Command(name, VERBS.get(name), command[2].strip())


def _as_seen(text: str) -> str:
    """Return text with its beginning as an eye reads it: nothing invisible, wide or decorated.

    A line that does not begin with a sign keeps its words as they were written.
    """
    head = unicodedata.normalize("NFKC", text[:_HEAD])
    visible = "".join(c for c in head if unicodedata.category(c) not in {"Cf", "Mn"})
    return visible.lstrip(_DECORATION) + text[_HEAD:]
