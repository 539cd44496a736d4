"""The Markdown subset, written from blocks of spans. What is written reads as the same words."""

import re
from collections.abc import Callable

from adapters.slack.markdown import Block, Code, Item, Paragraph, Quote, read_spans
from adapters.slack.spans import Span, Spans, Style, merge, words

_MARKS = {Style.BOLD: "**", Style.ITALIC: "*", Style.STRIKE: "~~"}
BEGINS = re.compile(
    r"^([^\S\n]*(?:(?=>|#{1,6}[ \t]|```|~~~|[-*+][ \t])|\d{1,9}(?=[.)][ \t])))", re.MULTILINE
)
"""Where a line would begin a quote, a heading, code or an item that its words are not."""

_SPECIAL = re.compile(r"[\\`*_~\[\]<]|(?<=https:)/|(?<=http:)/")


def write(blocks: list[Block]) -> str:
    """Return Markdown that reads as these blocks. Styles may be lost, characters never."""
    lines: list[str] = []
    previous: Block | None = None
    for block in blocks:
        lines += [""] * _empty_lines(previous, block) + _lines(block)
        previous = block
    return "\n".join(lines)


def _empty_lines(previous: Block | None, block: Block) -> int:
    if not isinstance(block, Paragraph):
        return 0
    return block.gap or int(isinstance(previous, Paragraph | Quote | Item))


def _lines(block: Block) -> list[str]:
    match block:
        case Paragraph():
            return [_words(block.spans)]
        case Quote():
            return [f"> {line}" for line in _words(block.spans).split("\n")]
        case Code():
            fence = _fence(block.text)
            return [fence, block.text, fence]
        case Item():
            mark = "-" if block.number is None else f"{block.number}."
            return [f"{'  ' * block.depth}{mark} {_words(block.spans)}"]


def _fence(code: str) -> str:
    """Return the shortest fence that no line of the code ends: ticks, unless tildes are shorter."""
    longest = {mark: max(map(len, re.findall(f"{mark}+", code)), default=0) for mark in "`~"}
    return min((mark * max(3, most + 1) for mark, most in longest.items()), key=len)


def _words(spans: Spans) -> str:
    """Return spans none of whose lines begins anything."""
    return BEGINS.sub(r"\1\\", write_spans(spans))


def write_spans(spans: Spans) -> str:
    """Return Markdown that reads as these spans, with as few marks as possible."""
    if all(span.is_plain for span in spans) and not _SPECIAL.search(words(spans)):
        return words(spans)
    wanted = _settled(spans)
    for spell in (str, _escape):
        text = _marked(spans, spell)
        if _settled(read_spans(text)) == wanted:
            return text
    return _escape(words(spans))


def _marked(spans: Spans, spell: Callable[[str], str]) -> str:
    """Write the spans one after the other, opening and closing marks in between."""
    written = ""
    opened: list[Style] = []
    for span in (*spans, Span("")):
        wanted = [style for style in _MARKS if span.style & style]
        kept = next((i for i, style in enumerate(opened) if style not in wanted), len(opened))
        if kept < len(opened):
            bare = written.rstrip()
            closing = "".join(_MARKS[style] for style in reversed(opened[kept:]))
            written = bare + closing + written[len(bare) :]
        opening = [style for style in wanted if style not in opened[:kept]]
        opened = opened[:kept] + opening
        text = _spelled(span, spell)
        inner = text.lstrip() if opening else text
        space = text[: len(text) - len(inner)]
        written += space + "".join(_MARKS[style] for style in opening) + inner
    return written


def _settled(spans: Spans) -> Spans:
    """Return the spans with plain space around their words: a styled space looks like no other."""
    settled = []
    for span in spans:
        inner = span.text if span.style & Style.CODE or span.url else span.text.strip()
        before, _, after = span.text.partition(inner) if inner else (span.text, "", "")
        settled += [Span(before), Span(inner, span.style, span.url), Span(after)]
    return merge(settled)


def _spelled(span: Span, spell: Callable[[str], str]) -> str:
    if span.url == span.text:
        return span.text
    text = spell(span.text)
    if span.style & Style.CODE:
        text = f"`` {span.text} ``" if "`" in span.text else f"`{span.text}`"
    return f"[{text}]({span.url})" if span.url else text


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)
