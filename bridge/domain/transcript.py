"""The history that is posted under a case card: everything said, cut into posts, nothing left out.

A post at a desk holds so many characters; a long message is continued on the next page rather than
shortened.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bridge.domain.messages import Message, Role
from bridge.domain.posts import Entry

HEAD = 80
"""Characters allowed for the line that names speaker and time."""


def pieces(text: str, most: int) -> tuple[str, ...]:
    """Cut text into pieces of at most `most` characters, at paragraphs, lines, or spaces.

    Joined together the pieces are the text again, except for the white space cut at.
    """
    found: list[str] = []
    rest = text
    while len(rest) > most:
        cut = _cut(rest, most)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip("\n ")
    found.append(rest)
    return tuple(found)


def _cut(text: str, most: int) -> int:
    for border in ("\n\n", "\n", " "):
        at = text.rfind(border, most // 2, most)
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
        for piece in pieces(text, most - HEAD):
            yield replace(whole, text=piece)


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
