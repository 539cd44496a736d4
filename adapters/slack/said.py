"""What a teammate's message in a thread is: a reply, a note, or a command. Pure.

It is judged as a person reads it: bold, lists, quotes and names in front hide nothing. In doubt it
is not a reply: what stays inside can be sent once more, what went out cannot be taken back.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from adapters.slack.reading import markdown_of, unescape

Json = Mapping[str, Any]

_HEAD = 400
_MARKS = "*_~`"
_UNSEEN = dict.fromkeys(map(ord, f"{_MARKS}\\"))
"""What formats in Slack's markup or in Markdown, and escapes it."""

_NOT_SEEN = frozenset({"Cf", "Cc", "Mn", "Me"})

_LOCK = re.compile(
    "[\N{LOCK}\N{LOCK WITH INK PEN}\N{CLOSED LOCK WITH KEY}]"
    "|:(?:lock|lockwithinkpen|closedlockwithkey):"
)
_EMOJI = r":[\w+'-]{1,80}:"
_NUMBER = r"\d{1,9}(?:\.\d{1,9})*[.)\]}:]+"
_LETTER = r"(?:[a-z]|[ivx]{1,6})[.)](?=\s)"
_BEFORE_NOTE = re.compile(rf"(?:{_EMOJI}|@[\w.-]+|{_LETTER}|{_NUMBER}|[^\w])*+")
"""Anything but words: emoji, names, numbers of items, and all that is no letter."""

_BEFORE_COMMAND = re.compile(
    rf"(?:@[\w.-]+|{_LETTER}|{_NUMBER}"
    rf"|(?:{_EMOJI}|[^\w\x00-\x7f]+|\#+)(?=\s)|[\s>•◦▪‣·+|\[({{\"'“”„«»‹›‘’‚–—-])*+"
)
"""Names, numbers and marks of items, quotes and brackets; emoji when a space follows."""

_SPECIAL = re.compile(r"<![^<>]*>")
"""What Slack writes for `@here`, for groups and for dates: no exclamation of anybody's."""

_HIDDEN_VERB = re.compile(r"![^\W\d_]")
_NOTE_MARK = re.compile(r"(?:\A|[\s>•◦▪‣·+\[({\"'“”„«»‹›‘’‚–—-])!\s*\Z")
_NAMED = re.compile(r"@([a-z0-9]+)")
_NOTE_VERB = re.compile(r"note\b")
_CLOSING = r"(?:\]\([^)\n]*\)|\s*\([^()\n]{0,40}\))?[\s\"'“”«»‹›‘’)\]}>]*"
"""What may stand between the word and its colon: the end of a link, a quotation or a bracket, or
something in brackets.
"""

_LOOK_ALIKES = str.maketrans("∶꞉ː˸", "::::", "\u115f\u1160\u3164\uffa0")
"""Colons that are none, and letters that nobody sees."""

_ORDINARY = re.compile(r"[^:!@\x80-\U0010ffff]*")
"""Words without what every note, command and mention needs; most messages, and quickly told."""

_COMMAND = re.compile(r"!\s*([^\s!]+)\s*(.*)", re.DOTALL)
_MENTION = re.compile(
    rf"[\s{_MARKS}]*<?@([A-Z0-9]+)(?:\|[^>]*)?>?[\s,:{_MARKS}]*(\S*)\s*(.*)", re.DOTALL
)
_SOMEBODY = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")


class Kind(Enum):
    """What a message is."""

    REPLY = "reply"
    NOTE = "note"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Said:
    """A message, told apart; `verb` and `rest` are a command's.

    `in_doubt`: a note that is not written as the help says, or a command that has something
    before it and is not carried out.
    """

    kind: Kind
    verb: str = ""
    rest: str = ""
    by_mention: bool = False
    in_doubt: bool = False


REPLY = Said(Kind.REPLY)


class Judge:
    """Tells replies, notes and commands apart; `words` begin a note when a colon follows."""

    def __init__(self, words: tuple[str, ...]) -> None:
        plain = "|".join(re.escape(_plain(word)) for word in words)
        self._documented = re.compile(rf"!\s*note\b|!?\s*(?:{plain})\s*:|\N{{LOCK}}|:lock:")
        bare = (_BEFORE_NOTE.sub("", _bare(word), count=1) for word in words)
        self._note = re.compile(f"(?:{'|'.join(map(re.escape, filter(None, bare)))}){_CLOSING}:")

    def judge(self, message: Json, bot_user: str) -> Said:
        """Return what a message is, by its plain text and by all that would go out."""
        text = str(message.get("text") or "")
        if _ORDINARY.fullmatch(text) and not message.get("blocks"):
            return REPLY
        shown = markdown_of(message, _by_id)
        said = _command(text or shown, bot_user)
        spoken = _SOMEBODY.sub(r"@\1", _SPECIAL.sub("", text))
        views = {_bare(unescape(spoken)), _bare(shown)}
        if any(self._is_note(view) for view in views):
            is_documented = self._documented.match(_plain(text or shown).lstrip())
            return Said(Kind.NOTE, by_mention=said.by_mention, in_doubt=not is_documented)
        if said is not REPLY:
            return said
        return next(filter(None, (_hidden_command(view, bot_user) for view in views)), REPLY)

    def _is_note(self, view: str) -> bool:
        """Return whether a text, or a line quoted in it, begins as a note."""
        if self._begins(view):
            return True
        if "\n" not in view or ">" not in view:
            return False
        return any(self._begins(line) for line in view.split("\n") if line.lstrip()[:1] == ">")

    def _begins(self, view: str) -> bool:
        before = _BEFORE_NOTE.match(view)
        if before is None or _LOCK.search(before[0]):
            return before is not None
        first = view[before.end() : before.end() + _HEAD]
        if _NOTE_MARK.search(before[0]) and _NOTE_VERB.match(first):
            return True
        return self._note.match(first) is not None


def target_of(rest: str) -> str | None:
    """Return the user id that the words after a verb name, or None."""
    found = _SOMEBODY.search(rest)
    return found[1] if found else None


def _command(text: str, bot_user: str) -> Said:
    """Return the command that stands at the very beginning, whatever its style, or a reply."""
    mention = _MENTION.match(text)
    if mention is not None and mention[1] == bot_user:
        verb, rest = _plain(mention[2]).strip(_MARKS), _inner(text, mention[3])
        return Said(Kind.COMMAND, verb, rest, by_mention=True)
    head = _plain(text[:_HEAD]).lstrip(f" \n\t{_MARKS}")
    if not head.startswith("!"):
        return REPLY
    command = _COMMAND.fullmatch(head)
    verb = command[1].strip(_MARKS) if command else ""
    return Said(Kind.COMMAND, verb, _after_verb(_inner(text, text)))


def _hidden_command(view: str, bot_user: str) -> Said | None:
    """Return the command that stands behind names or marks of lists, quotes and the like."""
    before = _BEFORE_COMMAND.match(view)
    if before is None:
        return None
    named = bool(bot_user) and bot_user.casefold() in _NAMED.findall(before[0])
    if named or _HIDDEN_VERB.match(view, before.end()):
        return Said(Kind.COMMAND, by_mention=named, in_doubt=True)
    return None


def _by_id(user: str) -> str:
    """Name people by their id, apart from the next word and from an exclamation mark."""
    return f"{user}|"


def _plain(text: str) -> str:
    """Return text as an eye reads it: one width, small letters, nothing invisible."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(
            c for c in text if unicodedata.category(c) not in _NOT_SEEN or c in "\n\t"
        ).translate(_LOOK_ALIKES)
    return text.casefold()


def _bare(text: str) -> str:
    """Return text as an eye reads it, without the marks that format it."""
    return _plain(text).translate(_UNSEEN)


def _inner(text: str, part: str) -> str:
    """Return a part of a text, without the marks that close what the text begins with."""
    is_styled = text.lstrip().startswith(tuple(_MARKS))
    return part.strip(f" \n\t{_MARKS}") if is_styled else part.strip()


def _after_verb(text: str) -> str:
    parts = text.lstrip("!！").split(None, 1)
    return parts[1].strip() if len(parts) > 1 else ""
