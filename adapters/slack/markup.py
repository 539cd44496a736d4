"""From the Markdown subset to what Slack shows. Nothing written here can ping anybody.

Words from outside go into `rich_text` blocks, whose text is never read for mentions, and into the
`text` fallback with `&`, `<` and `>` escaped, so that no `<!channel>` or `<@U1>` can form.
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from itertools import groupby
from urllib.parse import urlsplit

from adapters.slack.markdown import Block, Code, Item, Paragraph, read
from adapters.slack.spans import Span, Spans, Style, words

Element = dict[str, object]

LONGEST_URL = 3000
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ANGLES = str.maketrans({"<": "‹", ">": "›"})
_STYLES = {
    Style.BOLD: "bold",
    Style.ITALIC: "italic",
    Style.STRIKE: "strike",
    Style.CODE: "code",
}
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Control, direction and invisible characters; joiners stay, emoji and some scripts need them."""

_PILED = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
"""More marks piled on one letter than any language needs."""

_MENTION = re.compile("<(?=[!@#])")

_ADDRESS = re.compile(r"(?<=\S)[.:@/](?=\S)")
"""Where a host, a scheme, a path or an address of mail is held together."""

_STYLED = re.compile(
    r"[*_~`\[\\]|://|mailto:|:[\w+'-]{1,60}:|^[ \t]*(?:>|#{1,6}[ \t]|[-+][ \t]|\d{1,9}[.)][ \t])",
    re.MULTILINE,
)
"""What either Markdown or Slack would show as anything else than these very characters."""


def clean(text: str) -> str:
    """Return the text without characters that hide or reorder others."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.isprintable():
        return text
    return _PILED.sub(r"\1", _INVISIBLE.sub("", text))


def escape(text: str) -> str:
    """Return the text as Slack's `text` field wants it: shown as it is, pinging nobody."""
    return clean(text).translate(_ESCAPES)


def is_plain(text: str) -> bool:
    """Return whether Slack would show the escaped text just as it is."""
    return _STYLED.search(text) is None


def name_of(text: str, fallback: str, longest: int = 60) -> str:
    """Return a name from outside in one line of at most `longest` characters."""
    name = " ".join(clean(text).translate(_ANGLES).split())
    return name[:longest].strip() or fallback


def unlinked(text: str) -> str:
    """Return the text with a joiner, which nobody sees, wherever Slack would make out an address.

    For the calls that cannot be asked to leave link previews out.
    """
    return _ADDRESS.sub("\\g<0>\u2060", text)


def rich_text(text: str) -> list[Element]:
    """Return the elements of a `rich_text` block that shows a Markdown text."""
    return elements(read(clean(text)))


def elements(blocks: list[Block]) -> list[Element]:
    """Return the elements of a `rich_text` block that shows these blocks."""
    shown: list[Element] = []
    for kind, run in groupby(blocks, _kind):
        group = list(run)
        if kind is Paragraph:
            shown.append(section(_joined([b for b in group if isinstance(b, Paragraph)])))
        elif kind is Item:
            shown += _lists([b for b in group if isinstance(b, Item)])
        else:
            shown += [_single(block) for block in group]
    return shown


def section(spans: Spans) -> Element:
    """Return a paragraph of rich text."""
    return {"type": "rich_text_section", "elements": _parts(spans)}


def _kind(block: Block) -> type[Block]:
    return type(block)


def _joined(paragraphs: list[Paragraph]) -> Spans:
    spans: list[Span] = []
    for number, paragraph in enumerate(paragraphs):
        if number:
            spans.append(Span("\n" * (1 + (paragraph.gap or 1))))
        spans += paragraph.spans
    return tuple(spans)


def _single(block: Block) -> Element:
    if isinstance(block, Code):
        return {"type": "rich_text_preformatted", "elements": [_text(block.text or " ")]}
    return {"type": "rich_text_quote", "elements": _parts(block.spans)}


def _lists(items: list[Item]) -> list[Element]:
    found: list[Element] = []
    for (depth, ordered), run in groupby(items, lambda i: (i.depth, i.number is not None)):
        group = list(run)
        shown: Element = {
            "type": "rich_text_list",
            "style": "ordered" if ordered else "bullet",
            "indent": depth,
            "elements": [section(item.spans) for item in group],
        }
        if group[0].number is not None and group[0].number > 1:
            shown["offset"] = group[0].number - 1
        found.append(shown)
    return found


def _parts(spans: Spans) -> list[Element]:
    return [part for span in spans for part in _part(span)] or [_text(" ")]


def _part(span: Span) -> list[Element]:
    style = {name: True for flag, name in _STYLES.items() if span.style & flag}
    if not span.url or len(span.url) > LONGEST_URL or span.style & Style.CODE:
        text = span.text if not span.url else f"{span.text} ({span.url})"
        return [_text(text, style)]
    link: Element = {"type": "link", "url": span.url, "text": _harmless(span.text)}
    host = _host_to_show(span)
    return [link | ({"style": style} if style else {}), *([_text(f" ({host})")] if host else [])]


def _text(text: str, style: dict[str, bool] | None = None) -> Element:
    return {"type": "text", "text": _harmless(text)} | ({"style": style} if style else {})


def _harmless(text: str) -> str:
    """Slack says that it reads no mentions in rich text; a joiner makes sure of it."""
    return _MENTION.sub("<\u2060", text)


def _host_to_show(span: Span) -> str:
    """Return the real host of a link whose text does not say it plainly, else nothing."""
    url = span.url or ""
    if url.casefold().startswith("mailto:"):
        return "" if span.text in {url, url[len("mailto:") :]} else url
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
    except (UnicodeError, ValueError):
        return "?"
    said_plainly = span.text == url and url.isascii() and "@" not in parts.netloc
    return "" if said_plainly else host


def plain(text: str, longest: int) -> str:
    """Return the escaped words of a Markdown text in at most `longest` characters."""
    raw = "\n".join(_words(block) for block in read(clean(text)))
    shown = escape(raw)
    while len(shown) > longest:
        raw = raw[: len(raw) * longest // len(shown) - 2].rstrip()
        shown = escape(raw) + "…"
    return shown


def _words(block: Block) -> str:
    match block:
        case Code():
            return block.text
        case Item():
            mark = "•" if block.number is None else f"{block.number}."
            return f"{mark} {words(block.spans)}"
        case _:
            return words(block.spans)
