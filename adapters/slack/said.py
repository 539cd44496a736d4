"""What a teammate's message in a thread is: a reply, a note, or a command. Pure.

In doubt it is not a reply: what stays inside can be sent once more, what went out cannot be taken
back.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

LOCKS = "\N{LOCK}"
_HEAD = 400
_COMMAND = re.compile(r"!\s*([^\s!]+)\s*(.*)", re.DOTALL)
_MENTION = re.compile(r"\s*<@([A-Z0-9]+)(?:\|[^>]*)?>[\s,:]*(\S*)\s*(.*)", re.DOTALL)
_TARGET = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")


class Kind(Enum):
    """What a message is."""

    REPLY = "reply"
    NOTE = "note"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Said:
    """A message, told apart; `verb` and `rest` are a command's."""

    kind: Kind
    verb: str = ""
    rest: str = ""
    by_mention: bool = False


REPLY = Said(Kind.REPLY)
NOTE = Said(Kind.NOTE)


class Judge:
    """Tells replies, notes and commands apart; `words` begin a note when a colon follows."""

    def __init__(self, words: tuple[str, ...]) -> None:
        marks = "|".join(re.escape(_plain(word)) for word in words)
        self._note = re.compile(rf"!\s*note\b|!?\s*(?:{marks})\s*:|{LOCKS}|:lock:")

    def judge(self, text: str, bot_user: str) -> Said:
        """Return what `text` (as Slack sent it) is."""
        if self.is_note(text):
            return NOTE
        mention = _MENTION.match(text)
        if mention is not None and mention[1] == bot_user:
            return Said(Kind.COMMAND, _plain(mention[2]), mention[3].strip(), by_mention=True)
        head = _plain(text[:_HEAD]).lstrip()
        if not head.startswith("!"):
            return REPLY
        command = _COMMAND.fullmatch(head)
        rest = _after_verb(text)
        return Said(Kind.COMMAND, command[1] if command else "", rest)

    def is_note(self, *texts: str) -> bool:
        """Return whether one of the texts, or a line quoted in it, begins as a note."""
        return any(self._begins(text) or self._quotes(text) for text in texts)

    def _begins(self, text: str) -> bool:
        head = _plain(text[:_HEAD].replace("&gt;", ">"))
        return self._note.match(head.lstrip(" \n\t>*_~`")) is not None

    def _quotes(self, text: str) -> bool:
        if "\n" not in text:
            return False
        lines = text.replace("&gt;", ">").split("\n")
        return any(self._begins(line) for line in lines if line.lstrip().startswith(">"))


def target_of(rest: str) -> str | None:
    """Return the user id that the words after a verb name, or None."""
    found = _TARGET.search(rest)
    return found[1] if found else None


def _plain(text: str) -> str:
    """Return text as an eye reads it: one width, small letters, nothing invisible."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(
            c for c in text if unicodedata.category(c) not in {"Cf", "Cc", "Mn"} or c in "\n\t"
        )
    return text.casefold()


def _after_verb(text: str) -> str:
    parts = text.strip().lstrip("!！").split(None, 1)
    return parts[1].strip() if len(parts) > 1 else ""
