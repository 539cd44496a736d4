"""The history that is posted under a case card: everything said, cut into posts, nothing left out.

A post at a desk holds so many characters; a long message is continued on the next page rather than
shortened.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from bridge.domain.fences import Fence, left_open
from bridge.domain.messages import Message, Role
from bridge.domain.posts import Entry

HEAD = 80
"""Characters allowed for the line that names speaker and time."""

_BEGINS = re.compile(r"[>#~`*+-]|\d{1,9}[.)]")
"""What would begin a quote, a heading, an item or code if it came to stand at a line's start."""


def pieces(text: str, most: int) -> tuple[str, ...]:
    """Cut text into pieces of at most `most` characters, at paragraphs, lines, or spaces.

    Joined together the pieces are the text again, except for the white space cut at. Fenced code
    that is cut is closed at the cut and opened again in the next piece: its characters, line
    breaks and indents stay, and what follows it is no code. A blank piece is left out: it would be
    posted as if it were something.
    """
    found: list[str] = []
    rest = text
    while len(rest) > most:
        piece, rest = _first(rest, most)
        found.append(piece)
    found.append(rest)
    return tuple(filter(str.strip, found)) or (rest,)


def _first(text: str, most: int, spare: int = 0) -> tuple[str, str]:
    """Return the first piece and the rest; `spare` characters are kept for closing a fence."""
    cut = _cut(text, most - spare)
    opened = left_open(text[:cut])
    if opened is None or len(opened[0].marks) >= most // 4:
        return text[:cut].rstrip(), text[cut:].lstrip("\n ")
    fence, at = opened
    if at and "\n" not in text[at:cut]:
        return text[:at].rstrip(), text[at:]
    if spare <= len(fence.marks):
        return _first(text, most, len(fence.marks) + 1)
    return f"{text[:cut]}\n{fence.marks}", _opened_again(fence, text[cut:], most)


def _opened_again(fence: Fence, rest: str, most: int) -> str:
    """Return what follows a cut in code: of all characters only the line break is gone."""
    rest = rest.removeprefix("\n")
    line, _, behind = rest.partition("\n")
    if fence.ends_at(line):
        return behind.lstrip("\n ")
    language = fence.language if len(fence.language) < most // 8 else ""
    return f"{fence.marks}{language}\n{rest}"


def _cut(text: str, most: int) -> int:
    for border in ("\n\n", "\n", " "):
        at = text.rfind(border, most // 2, most)
        while border == " " and at > 0 and _BEGINS.match(text, at + 1):
            at = text.rfind(border, most // 2, at)
        if at > 0:
            return at
    return most


def _entries(messages: Iterable[Message], names: dict[Role, str], most: int) -> Iterator[Entry]:
    for message in messages:
        if message.role is Role.SYSTEM:
            continue
        name = message.author.name or names.get(message.role, str(message.role))
        text = "(deleted)" if message.deleted else message.text
        files = tuple(file.name for file in message.attachments)
        whole = Entry(message.role, name, message.sent_at, text, files)
        *first, last = pieces(text, most - HEAD)
        for piece in first:
            yield replace(whole, text=piece, files=())
        yield replace(whole, text=last)


def pages(
    messages: Iterable[Message], names: dict[Role, str], most: int
) -> tuple[tuple[Entry, ...], ...]:
    """Return the transcript's pages, each of at most `most` characters with its head lines.

    `names` are used for speakers who have none.
    """
    found: list[tuple[Entry, ...]] = []
    page: list[Entry] = []
    size = 0
    for entry in _entries(messages, names, most):
        length = len(entry.text) + HEAD + sum(len(name) + 2 for name in entry.files)
        if page and size + length > most:
            found.append(tuple(page))
            page, size = [], 0
        page.append(entry)
        size += length
    if page:
        found.append(tuple(page))
    return tuple(found)
