"""What blocks say, as one text: for a post whose blocks Slack will not take. Nothing is left out.

The text is markup for Slack's `text` field. Words in rich text are escaped here; what is markup
already, the lines of a card, stays so.
"""

from typing import Any

from adapters.slack.markup import escape

Node = dict[str, Any]


def text_of(blocks: list[Node]) -> str:
    """Return all words of blocks but those on buttons."""
    return "\n".join(filter(None, map(_block, blocks)))


def _block(block: Node) -> str:
    if block["type"] == "rich_text":
        return "\n".join(map(_element, block["elements"])).strip("\n")
    if block["type"] == "context":
        return "\n".join(str(one["text"]) for one in block["elements"])
    text = block.get("text") or {}
    words = str(text.get("text", ""))
    return escape(words) if text.get("type") == "plain_text" else words


def _element(element: Node) -> str:
    match element["type"]:
        case "rich_text_list":
            return "\n".join(_items(element))
        case "rich_text_quote":
            return "\n".join(f"> {line}" for line in _parts(element).split("\n"))
        case "rich_text_preformatted":
            return f"```\n{_parts(element)}\n```"
        case _:
            return _parts(element)


def _items(element: Node) -> list[str]:
    indent = "    " * element.get("indent", 0)
    first = 1 + element.get("offset", 0)
    ordered = element["style"] == "ordered"
    return [
        f"{indent}{f'{number}.' if ordered else '•'} {_parts(item)}"
        for number, item in enumerate(element["elements"], first)
    ]


def _parts(element: Node) -> str:
    return "".join(map(_part, element["elements"]))


def _part(part: Node) -> str:
    if part["type"] == "date":
        return str(part["fallback"])
    text, url = str(part["text"]), part.get("url")
    return escape(f"{text} ({url})" if url and url != text else text)
