"""What comes back from a chat completions server, piece by piece; no calls here.

A reply counts only when the server says that it is finished: a stream that stops, a broken piece,
a text cut by the token limit raise `BrokenReply`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from adapters.assistants.answers import BrokenReply

THINKING = ("<think>", "</think>")
"""Between these some models think aloud before they answer; it is not for the customer."""

_LINE_END = re.compile(rb"\r\n|\n|\r(?!$)")


@dataclass(slots=True)
class Call:
    """A call of a tool: its name and its arguments, JSON as text."""

    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Heard:
    """A reply so far. `refused` means the model or its server would not answer."""

    pieces: list[str] = field(default_factory=list)
    calls: dict[int, Call] = field(default_factory=dict)
    finish: str = ""
    is_done: bool = False
    refused: bool = False
    size: int = 0

    @property
    def text(self) -> str:
        """The words so far, without what was thought aloud."""
        return visible("".join(self.pieces))

    @property
    def has_begun(self) -> bool:
        """Whether anything of an answer has arrived."""
        return bool(self.pieces or self.calls)

    @property
    def is_complete(self) -> bool:
        """Whether the server said that this is all."""
        return bool(self.finish) or self.is_done


def visible(text: str) -> str:
    """Return what the customer may see of a reply that may begin with thinking aloud."""
    opening, closing = THINKING
    start = text.lstrip()
    if start.startswith(opening):
        return start.partition(closing)[2].lstrip()
    return "" if opening.startswith(start) else text


class Events:
    """Cuts a stream of server-sent events (WHATWG HTML, 9.2) into the data of each."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = b""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[str]:
        """Yield the data of the events that this piece completes."""
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        if len(self._rest) > self._longest:
            raise BrokenReply(f"a line of the stream is longer than {self._longest} bytes")
        for line in lines:
            yield from self._line(line)

    def _line(self, line: bytes) -> Iterator[str]:
        """Take one line; an empty one ends an event."""
        if not line:
            if self._data:
                yield "\n".join(self._data)
            self._data = []
        elif line.startswith(b"data:"):
            text = line[5:].decode("utf-8", "replace")
            self._data.append(text.removeprefix(" "))


def hear(heard: Heard, data: str, longest: int) -> None:
    """Take the data of one event into `heard`; raises `BrokenReply`."""
    if data.strip() == "[DONE]":
        heard.is_done = True
        return
    chunk = parsed(data)
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices:
        return
    _choice(heard, choices[0], "delta")
    _bounded(heard, longest)


def hear_whole(data: str, longest: int) -> Heard:
    """Return a reply that came as one JSON object; raises `BrokenReply`."""
    choices = parsed(data).get("choices")
    if not isinstance(choices, list) or not choices:
        raise BrokenReply("the reply has no `choices`")
    heard = Heard()
    _choice(heard, choices[0], "message")
    _bounded(heard, longest)
    heard.is_done = True
    return heard


def parsed(data: str) -> Mapping[str, object]:
    """Return a JSON object without an error in it; raises `BrokenReply`."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise BrokenReply("the reply holds broken JSON") from None
    if not isinstance(content, dict):
        raise BrokenReply("the reply holds JSON that is no object")
    if content.get("error"):
        raise BrokenReply("the server reported an error within its reply")
    return content


def _bounded(heard: Heard, longest: int) -> None:
    """Refuse a reply that grows past any use; what is thought aloud may take eight times more."""
    arguments = sum(len(call.name) + len(call.arguments) for call in heard.calls.values())
    if heard.size + arguments <= longest:
        return
    if len(heard.text) + arguments > longest or heard.size > 8 * longest:
        raise BrokenReply(f"the answer is longer than {longest} characters")


def _choice(heard: Heard, choice: object, part: str) -> None:
    """Take one choice: its words, its calls, and why it ended."""
    if not isinstance(choice, Mapping):
        raise BrokenReply("`choices[0]` is no object")
    said = choice.get(part) or {}
    if not isinstance(said, Mapping):
        raise BrokenReply(f"`choices[0].{part}` is no object")
    _words(heard, said.get("content"))
    if said.get("refusal"):
        heard.refused = True
    calls = said.get("tool_calls") or []
    for number, call in enumerate(calls if isinstance(calls, list) else []):
        _call(heard, call, number)
    finish = choice.get("finish_reason")
    if isinstance(finish, str) and finish:
        heard.finish = finish
        heard.refused = heard.refused or finish == "content_filter"


def _words(heard: Heard, content: object) -> None:
    """Take words: a string, or a list of parts."""
    parts = content if isinstance(content, list) else [content]
    for part in parts:
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str) and text:
            heard.pieces.append(text)
            heard.size += len(text)


def _call(heard: Heard, call: object, number: int) -> None:
    """Take a piece of a call; pieces of one call share an index."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        raise BrokenReply("a tool call has no `function`")
    index = call.get("index", number)
    known = heard.calls.setdefault(index if isinstance(index, int) else number, Call())
    name, arguments = function.get("name"), function.get("arguments")
    known.name = known.name or (name if isinstance(name, str) else "")
    if isinstance(arguments, str):
        known.arguments += arguments
    elif isinstance(arguments, Mapping):
        known.arguments = json.dumps(arguments)
