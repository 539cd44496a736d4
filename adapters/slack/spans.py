"""Text as runs of styled characters, and the one linear pass that finds emphasis and links.

Markdown and Slack's mrkdwn differ in their marks, not in how marks pair: a `Scanner` is given
words, marks and links in reading order and returns spans. Its time grows with the length of the
text, whatever the text is.
"""

import re
from dataclasses import dataclass, field
from enum import IntFlag


class Style(IntFlag):
    """How a run of characters looks."""

    PLAIN = 0
    BOLD = 1
    ITALIC = 2
    STRIKE = 4
    CODE = 8


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters of one style; `url` makes it a link."""

    text: str
    style: Style = Style.PLAIN
    url: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is characters and nothing else."""
        return not self.style and self.url is None


Spans = tuple[Span, ...]

LINK = re.compile(
    r"(?:https?://|mailto:)[!#-;=?-Z\\^_a-z|~\u00a1-\U0010ffff]{1,2000}", re.IGNORECASE
)
"""What may be linked: known schemes, no spaces, quotes, brackets or control characters."""


MOST_MARKS = 1500
"""A paragraph with more characters that might be marks is not worth the time: it stays as it is."""

_MARKS = "*_~`[\\<"


def is_dense(text: str) -> bool:
    """Return whether a text is so full of marks that they hardly mean anything."""
    return sum(map(text.count, _MARKS)) + 5 * text.count("://") > MOST_MARKS


def merge(spans: list[Span]) -> Spans:
    """Return the spans without empty ones, neighbours of the same look joined."""
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if not span.text:
            continue
        if last is not None and (last.style, last.url) == (span.style, span.url):
            merged[-1] = Span(last.text + span.text, last.style, last.url)
        else:
            merged.append(span)
    return tuple(merged)


def words(spans: Spans) -> str:
    """Return the characters alone."""
    return "".join(span.text for span in spans)


@dataclass(slots=True)
class _Mark:
    """A run of mark characters that opened something: where, which, how many are left."""

    at: int
    char: str
    left: int


@dataclass(slots=True)
class Scanner:
    """Collects pieces of text and pairs the marks among them.

    `styles` says, per mark character and number of characters, what a pair of them means.
    """

    styles: dict[str, dict[int, Style]]
    _pieces: list[tuple[str, Style, str | None]] = field(default_factory=list)
    _open: list[_Mark] = field(default_factory=list)
    _count: dict[str, int] = field(default_factory=dict)
    _ranges: list[tuple[int, int, Style]] = field(default_factory=list)
    _brackets: list[int] = field(default_factory=list)
    _links: list[tuple[int, int, str]] = field(default_factory=list)

    def add(self, text: str, style: Style = Style.PLAIN, url: str | None = None) -> None:
        """Take characters as they are."""
        self._pieces.append((text, style, url))

    def mark(self, char: str, count: int, *, opens: bool, closes: bool) -> None:
        """Take a run of mark characters, which may close earlier ones and open new ones."""
        if closes:
            count = self._close(char, count)
        if count and opens:
            self._open.append(_Mark(len(self._pieces), char, count))
            self._count[char] = self._count.get(char, 0) + 1
        if count:
            self.add(char * count)

    def open_bracket(self) -> None:
        """Take a bracket that may turn out to begin a link."""
        self._brackets.append(len(self._pieces))
        self.add("[")

    def close_bracket(self, url: str) -> bool:
        """Make a link of all since the last open bracket; False when there is none."""
        if not self._brackets:
            return False
        start = self._brackets.pop()
        self._brackets.clear()
        self._drop_marks_after(start)
        self._pieces[start] = ("", Style.PLAIN, None)
        self._links.append((start, len(self._pieces), url))
        return True

    def spans(self) -> Spans:
        """Return what was found."""
        size = len(self._pieces) + 1
        steps: list[list[tuple[int, Style]]] = [[] for _ in range(size)]
        for start, end, style in self._ranges:
            steps[start].append((1, style))
            steps[end].append((-1, style))
        urls = self._urls(size)
        depth = dict.fromkeys((Style.BOLD, Style.ITALIC, Style.STRIKE), 0)
        found = []
        for at, (text, own, url) in enumerate(self._pieces):
            for step, style in steps[at]:
                depth[style] += step
            look = own
            for style, times in depth.items():
                look |= style if times else Style.PLAIN
            found.append(Span(text, look, urls[at] or url))
        return merge(found)

    def _urls(self, size: int) -> list[str | None]:
        urls: list[str | None] = [None] * size
        for start, end, url in self._links:
            urls[start:end] = [url] * (end - start)
        return urls

    def _close(self, char: str, count: int) -> int:
        """Pair as many of `count` marks as can be; returns how many are left over."""
        while count and self._count.get(char):
            while self._open[-1].char != char:
                self._forget()
            opener = self._open[-1]
            used = self._fitting(char, min(count, opener.left))
            if not used:
                return count
            opener.left -= used
            count -= used
            self._pieces[opener.at] = (char * opener.left, Style.PLAIN, None)
            self._ranges.append((opener.at + 1, len(self._pieces), self.styles[char][used]))
            if not opener.left:
                self._forget()
        return count

    def _fitting(self, char: str, most: int) -> int:
        return max((size for size in self.styles[char] if size <= most), default=0)

    def _forget(self) -> None:
        self._count[self._open.pop().char] -= 1

    def _drop_marks_after(self, at: int) -> None:
        while self._open and self._open[-1].at > at:
            self._forget()
