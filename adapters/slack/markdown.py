"""The Markdown subset of messages, read into blocks of spans.

Known are paragraphs (a line break is a line break), **bold**, *italic*, ~~strike~~, `code`, fenced
code, [links](https://…), bare addresses, lists, quotes, headings (shown bold), and a backslash
before punctuation. HTML and images mean nothing. Reading takes time in proportion to the length.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

from adapters.slack.spans import LINK, Scanner, Span, Spans, Style, is_dense
from bridge.domain.fences import Fence, fence_of

DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of text, after `gap` empty lines."""

    spans: Spans
    gap: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """Quoted lines."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Code:
    """Fenced code."""

    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list; `number` is None in an unordered one."""

    spans: Spans
    depth: int = 0
    number: int | None = None


Block = Paragraph | Quote | Code | Item

STYLES = {
    "*": {1: Style.ITALIC, 2: Style.BOLD},
    "_": {1: Style.ITALIC, 2: Style.BOLD},
    "~": {2: Style.STRIKE},
}

_TOKEN = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`+)"
    r"|(?P<mark>\*+|_+|~+)"
    r"|(?P<open>\[)"
    r"|\]\((?P<target>[^\s()<>\[\]]{1,2000}(?:\([^\s()<>\[\]]{0,200}\)[^\s()<>\[\]]{0,200}){0,4})\)"
    r"|<(?P<auto>(?:https?://|mailto:)[^\s<>]{1,2000})>"
    r"|(?P<bare>\bhttps?://[^\s<>\"`\[\]|\\]{1,2000})",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'*_~"
_ITEM = re.compile(r"( {0,16})(?:[-*+]|(\d{1,9})[.)])[ \t]+(?=\S)(.*)")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?=\S)(.*)")
_QUOTE = re.compile(r" {0,3}(?:> ?)+(.*)")


def read(text: str) -> list[Block]:
    """Return the blocks of a Markdown text."""
    return _Reader(text.split("\n")).blocks()


class _Reader:
    """Goes through the lines once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self._blocks: list[Block] = []
        self._paragraph: list[str] = []
        self._gap = 0

    def blocks(self) -> list[Block]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if not line.strip():
                self._end_paragraph()
                self._gap += 1
            elif not self._special(line):
                self._paragraph.append(line)
        self._end_paragraph()
        return self._blocks

    def _special(self, line: str) -> bool:
        """Take a line that is more than a paragraph's; returns whether it was."""
        if fence := fence_of(line):
            self._put(Code(self._fenced(fence)))
        elif found := _QUOTE.fullmatch(line):
            self._put(Quote(read_spans(found[1])))
        elif found := _ITEM.fullmatch(line):
            number = int(found[2]) if found[2] else None
            depth = min(len(found[1]) // 2, DEEPEST)
            self._put(Item(read_spans(found[3]), depth, number))
        elif found := _HEADING.fullmatch(line):
            self._end_paragraph()
            spans = [Span(s.text, s.style | Style.BOLD, s.url) for s in read_spans(found[1])]
            self._blocks.append(Paragraph(tuple(spans), self._gap))
            self._gap = 0
        else:
            return False
        return True

    def _put(self, block: Block) -> None:
        self._end_paragraph()
        self._gap = 0
        last = self._blocks[-1] if self._blocks else None
        if isinstance(block, Quote) and isinstance(last, Quote):
            self._blocks[-1] = Quote((*last.spans, Span("\n"), *block.spans))
        else:
            self._blocks.append(block)

    def _fenced(self, fence: Fence) -> str:
        start = self._at
        while self._at < len(self._lines) and not fence.ends_at(self._lines[self._at]):
            self._at += 1
        inside = self._lines[start : self._at]
        self._at += 1
        return "\n".join([fence.code, *inside] if fence.code else inside)

    def _end_paragraph(self) -> None:
        if self._paragraph:
            spans = read_spans("\n".join(self._paragraph))
            self._blocks.append(Paragraph(spans, self._gap))
            self._paragraph = []
            self._gap = 0


def read_spans(text: str) -> Spans:
    """Return the spans of a Markdown paragraph; one that is mostly marks is taken as it is."""
    if is_dense(text):
        return (Span(text),)
    scanner = Scanner(STYLES)
    ticks = _runs_of_ticks(text)
    at = 0
    while found := _TOKEN.search(text, at):
        scanner.add(text[at : found.start()])
        at = _take(scanner, text, found, ticks)
    scanner.add(text[at:])
    return scanner.spans()


def _take(scanner: Scanner, text: str, found: re.Match[str], ticks: dict[int, list[int]]) -> int:
    """Give one token to the scanner; returns where the text goes on."""
    kind, value = found.lastgroup, found[found.lastgroup or 0]
    if kind == "escaped":
        scanner.add(value)
    elif kind == "open":
        scanner.open_bracket()
    elif kind == "ticks":
        return _take_code(scanner, text, found, ticks)
    elif kind == "mark":
        opens, closes = _sides(text, found)
        scanner.mark(value[0], len(value), opens=opens, closes=closes)
    elif kind == "target":
        if not (LINK.fullmatch(value) and scanner.close_bracket(value)):
            scanner.add("]")
            return found.start() + 1
    elif kind == "auto":
        scanner.add(value, url=value if LINK.fullmatch(value) else None)
    else:
        return _take_bare(scanner, found.start(), value)
    return found.end()


def _take_bare(scanner: Scanner, start: int, address: str) -> int:
    url = address.rstrip(_TRAILING)
    if url.endswith(")") and url.count("(") < url.count(")"):
        url = url.rstrip(")").rstrip(_TRAILING)
    scanner.add(url, url=url if LINK.fullmatch(url) else None)
    return start + len(url)


def _take_code(
    scanner: Scanner, text: str, found: re.Match[str], ticks: dict[int, list[int]]
) -> int:
    size = len(found["ticks"])
    ends = ticks.get(size, [])  # a backslash may have taken a part of the run
    after = bisect_right(ends, found.start())
    if after == len(ends):
        scanner.add(found["ticks"])
        return found.end()
    inside = text[found.end() : ends[after]]
    if len(inside) > 2 and inside[0] == inside[-1] == " " and inside.strip():  # noqa: PLR2004 - a space at each end
        inside = inside[1:-1]
    scanner.add(inside, Style.CODE)
    return ends[after] + size


def _runs_of_ticks(text: str) -> dict[int, list[int]]:
    runs: dict[int, list[int]] = {}
    for found in re.finditer("`+", text):
        runs.setdefault(len(found[0]), []).append(found.start())
    return runs


def _sides(text: str, found: re.Match[str]) -> tuple[bool, bool]:
    """Return whether a run of marks may open and may close, by the characters around it."""
    before = text[found.start() - 1] if found.start() else " "
    after = text[found.end()] if found.end() < len(text) else " "
    opens, closes = not after.isspace(), not before.isspace()
    if found["mark"][0] == "_":
        return opens and not before.isalnum(), closes and not after.isalnum()
    return opens, closes
