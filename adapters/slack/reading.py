"""From a Slack message to the Markdown subset. Pure.

`rich_text` blocks are read when there are some, else the `text`. Names of channels and groups stay
inside, people's appear under the name customers know, and only plain addresses become links.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.slack.markdown import Block, Code, Item, Paragraph, Quote
from adapters.slack.markup import clean
from adapters.slack.spans import LINK, Scanner, Span, Spans, Style, is_dense, merge
from adapters.slack.written import BEGINS, write

Json = Mapping[str, Any]
Name = Callable[[str], str]
"""Given a user id, returns the name customers know, or nothing."""

MRKDWN = {"*": {1: Style.BOLD}, "_": {1: Style.ITALIC}, "~": {1: Style.STRIKE}}

_FLAGS = {
    "bold": Style.BOLD,
    "italic": Style.ITALIC,
    "strike": Style.STRIKE,
    "code": Style.CODE,
}
MOST_FENCES = 200
"""A message with more fences than this is not code, but nonsense."""

_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_TOKEN = re.compile(
    r"```(?P<code>.+?)```|`(?P<tick>[^`\n]+)`|<(?P<angle>[^<>]*)>|(?P<mark>[*_~])", re.DOTALL
)
_MARKUP = re.compile(r"[*_~`<&\[\\]|://")
_ANGLED = re.compile("<([^<>]*)>")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}


def mentioned(message: Json) -> frozenset[str]:
    """Return the ids of the people a message names."""
    return frozenset(_MENTION.findall(str(message.get("text", ""))))


def markdown_of(message: Json, name: Name) -> str:
    """Return a message's words as Markdown, without surrounding space."""
    rich = [block for block in dicts(message.get("blocks")) if block.get("type") == "rich_text"]
    if rich:
        blocks = [part for block in rich for part in _blocks(block, name)]
        return clean(write(blocks)).strip()
    text = message.get("text")
    return from_mrkdwn(clean(text) if isinstance(text, str) else "", name).strip()


def unescape(text: str) -> str:
    """Return text with Slack's three entities read, once."""
    return re.sub("&(?:lt|gt|amp);", lambda found: _ENTITIES[found[0]], text)


# ── rich_text ────────────────────────────────────────────────────────────────────────────────────


def dicts(value: object) -> Iterator[Json]:
    """Yield the objects in what should be a list of them."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def standing(message: Json) -> tuple[str, ...]:
    """Return the ids of the files that stand on a message; of a deleted one a tombstone is left."""
    files = (f for f in dicts(message.get("files")) if f.get("mode") != "tombstone")
    return tuple(str(file.get("id", "")) for file in files)


def is_edit(message: Json, before: Json) -> bool:
    """Whether a person changed their own words: previews, counters and marks also fire this."""
    edited = message.get("edited")
    if not isinstance(edited, dict) or edited.get("user") != message.get("user"):
        return False
    return any(message.get(part) != before.get(part) for part in ("text", "blocks", "files"))


def _blocks(block: Json, name: Name) -> Iterator[Block]:
    for element in dicts(block.get("elements")):
        kind = element.get("type")
        if kind == "rich_text_list":
            yield from _items(element, name)
        elif kind == "rich_text_preformatted":
            yield Code("".join(span.text for span in _spans(element, name)))
        elif kind == "rich_text_quote":
            yield Quote(_spans(element, name))
        elif kind == "rich_text_section":
            yield Paragraph(_trimmed(_spans(element, name)))


def _items(element: Json, name: Name) -> Iterator[Item]:
    is_ordered = element.get("style") == "ordered"
    first = _whole(element.get("offset")) + 1
    for number, item in enumerate(dicts(element.get("elements")), first):
        depth = min(_whole(element.get("indent")), 8)
        yield Item(_spans(item, name), depth, number if is_ordered else None)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 10_000 else 0  # noqa: PLR2004 - sane


def _spans(element: Json, name: Name) -> Spans:
    return merge([_span(part, name) for part in dicts(element.get("elements"))])


def _trimmed(spans: Spans) -> Spans:
    """Drop the line break Slack puts between a paragraph and what follows it."""
    if not spans:
        return spans
    last = spans[-1]
    return merge([*spans[:-1], Span(last.text.rstrip("\n"), last.style, last.url)])


def _span(part: Json, name: Name) -> Span:
    kind = part.get("type")
    style = _style(part.get("style"))
    if kind == "link":
        return _link(str(part.get("url", "")), clean(str(part.get("text") or "")), style)
    read = _PARTS.get(str(kind))
    # Before it is looked at how a line begins: what is not seen must not hide that.
    return Span(clean(read(part, name)), style) if read else Span("")


def _style(value: object) -> Style:
    style = Style.PLAIN
    if isinstance(value, dict):
        for word, flag in _FLAGS.items():
            style |= flag if value.get(word) else Style.PLAIN
    return style


def _link(url: str, text: str, style: Style) -> Span:
    """A link; of an address that may not be one, only the words are left."""
    if LINK.fullmatch(url):
        return Span(text or url, style, url)
    return Span(text or (url if url.startswith("tel:") else ""), style)


def _emoji(part: Json, _: Name) -> str:
    points = str(part.get("unicode") or "")
    try:
        return "".join(chr(int(point, 16)) for point in points.split("-") if point) or _colons(part)
    except (ValueError, OverflowError):
        return _colons(part)


def _colons(part: Json) -> str:
    return f":{part.get('name', '')}:"


def _person(part: Json, name: Name) -> str:
    return _at(name(str(part.get("user_id", ""))))


def _at(shown: str) -> str:
    return f"@{shown}" if shown else ""


_PARTS: dict[str, Callable[[Json, Name], str]] = {
    "text": lambda part, _: str(part.get("text", "")),
    "emoji": _emoji,
    "user": _person,
    "date": lambda part, _: str(part.get("fallback") or ""),
    "color": lambda part, _: str(part.get("value", "")),
}
"""What is shown of each kind of part; groups, channels, teams and broadcasts are left out."""


# ── mrkdwn ───────────────────────────────────────────────────────────────────────────────────────


def from_mrkdwn(text: str, name: Name) -> str:
    """Return Slack's own markup as Markdown."""
    if not _MARKUP.search(text) and not BEGINS.search(text):
        return text
    lines = text.split("\n")
    blocks: list[Block] = []
    start = 0
    for at, line in enumerate(lines):
        if line.startswith("&gt;"):
            blocks += _paragraphs(lines[start:at], name)
            blocks.append(Quote(_mrkdwn_spans(line[4:].lstrip(), name)))
            start = at + 1
    blocks += _paragraphs(lines[start:], name)
    return write(_joined(blocks))


def _joined(blocks: list[Block]) -> list[Block]:
    joined: list[Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if isinstance(block, Quote) and isinstance(last, Quote):
            joined[-1] = Quote((*last.spans, Span("\n"), *block.spans))
        else:
            joined.append(block)
    return joined


def _paragraphs(lines: list[str], name: Name) -> list[Block]:
    """Return paragraphs and fenced code between quotes."""
    text = "\n".join(lines)
    fences = text.count("```") <= MOST_FENCES
    parts = re.split(r"```(.+?)```", text, flags=re.DOTALL) if fences else [text]
    found: list[Block] = []
    for number, part in enumerate(parts):
        if number % 2:
            found.append(Code(unescape(part.strip("\n"))))
        elif part.strip():
            found.append(Paragraph(_mrkdwn_spans(part.strip("\n"), name)))
    return found


def _mrkdwn_spans(text: str, name: Name) -> Spans:
    if is_dense(text):
        return (Span(unescape(_ANGLED.sub(lambda found: _angle(found[1], name).text, text))),)
    scanner = Scanner(MRKDWN)
    at = 0
    for found in _TOKEN.finditer(text):
        scanner.add(unescape(text[at : found.start()]))
        at = found.end()
        if found["mark"]:
            opens, closes = _sides(text, found)
            scanner.mark(found["mark"], 1, opens=opens, closes=closes)
        elif found["angle"] is not None:
            span = _angle(found["angle"], name)
            scanner.add(span.text, span.style, span.url)
        else:
            scanner.add(unescape(found["tick"] or found["code"]), Style.CODE)
    scanner.add(unescape(text[at:]))
    return scanner.spans()


def _sides(text: str, found: re.Match[str]) -> tuple[bool, bool]:
    before = text[found.start() - 1] if found.start() else " "
    after = text[found.end()] if found.end() < len(text) else " "
    opens = not before.isalnum() and not after.isspace()
    return opens, not before.isspace() and not after.isalnum()


def _angle(inner: str, name: Name) -> Span:
    """Read what stands between angle brackets: a link, a person, or something inside."""
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return Span(_at(name(target[1:])))
    if target.startswith(("#", "!")):
        is_date = target.startswith("!date^")
        return Span(unescape(label) if is_date else "")
    return _link(unescape(target), unescape(label), Style.PLAIN)
