"""What an assistant may answer, as plain JSON, and how that becomes an `Answer`.

An assistant over HTTP and a Python function answer in the same shape:
`{"text"}` or `{"messages": [{"text"}]}`, and beside or instead of it `{"escalate": {"reason",
"summary", "urgency"}}`; `"failed": true` says honestly that it does not know. Anything else is a
broken reply, and a broken reply is never shown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.assistants.phrases import phrase
from bridge.domain.delivery import Answer
from bridge.domain.errors import BridgeError

URGENCIES = ("low", "normal", "high")

REASON_LENGTH = 300
SUMMARY_LENGTH = 2_000
NAME_LENGTH = 80

UNNAMED_REASON = "the assistant asked for a person"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class BrokenReply(BridgeError):
    """What came back is no answer; the text says which part of it is wrong, never what it held."""


@dataclass(frozen=True, slots=True)
class Escalate:
    """An assistant's own wish for a person.

    `reason` and `summary` are for teammates; `urgency` is `low`, `normal` or `high`.
    """

    reason: str = ""
    summary: str = ""
    urgency: str = "normal"


def plain(text: str) -> str:
    """Return text that any database and any page can take: no control characters, no halves."""
    return _CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def escalation(wish: Escalate, text: str = "") -> Answer:
    """Return the answer that asks for a person, with what was already said to the customer."""
    return Answer(
        text=plain(text),
        escalate=plain(wish.reason)[:REASON_LENGTH] or UNNAMED_REASON,
        summary=plain(wish.summary)[:SUMMARY_LENGTH],
        urgency=wish.urgency if wish.urgency in URGENCIES else "normal",
    )


def wish_in(value: object) -> Escalate:
    """Return the wish that a reply's `escalate` spells; raises `BrokenReply`."""
    if value is True:
        return Escalate()
    if isinstance(value, str):
        return Escalate(value)
    if not isinstance(value, Mapping):
        raise BrokenReply("`escalate` must be an object with `reason`, `summary` and `urgency`")
    parts = {name: value.get(name) or "" for name in ("reason", "summary", "urgency")}
    wrong = [name for name, part in parts.items() if not isinstance(part, str)]
    if wrong:
        raise BrokenReply(f"`escalate.{wrong[0]}` must be a string")
    return Escalate(**{name: str(part) for name, part in parts.items()})


def said_in(reply: Mapping[str, object]) -> str:
    """Return the words of a reply, several messages with an empty line between them."""
    if "messages" not in reply:
        text = reply.get("text", "")
        if not isinstance(text, str):
            raise BrokenReply("`text` must be a string")
        return text
    messages = reply["messages"]
    if not isinstance(messages, list):
        raise BrokenReply('`messages` must be a list of {"text": "…"}')
    texts = [item.get("text") if isinstance(item, Mapping) else None for item in messages]
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise BrokenReply(f"`messages[{number}].text` must be a string")
    return "\n\n".join(str(text) for text in texts)


def confidence_in(value: object) -> float | None:
    """Return a reply's confidence, 0 to 1, or None; raises `BrokenReply`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BrokenReply("`confidence` must be a number from 0 to 1")
    return float(value)


def answer_in(reply: object, longest: int) -> Answer:
    """Return the answer that a reply spells; raises `BrokenReply` naming the field to mend."""
    if not isinstance(reply, Mapping):
        raise BrokenReply("the reply must be a JSON object")
    text = worded(said_in(reply), longest)
    wish = reply.get("escalate")
    if wish is not None and wish is not False:
        return escalation(wish_in(wish), text)
    failed = reply.get("failed", False)
    if not isinstance(failed, bool):
        raise BrokenReply("`failed` must be true or false")
    if not text and not failed:
        raise BrokenReply("the reply has neither `text`, `messages` nor `escalate`")
    name = reply.get("name")
    return Answer(
        text=text,
        failed=failed,
        confidence=confidence_in(reply.get("confidence")),
        name=plain(name)[:NAME_LENGTH] or None if isinstance(name, str) else None,
    )


def spoken(answer: Answer, locale: str) -> Answer:
    """Return an answer that leaves nobody without a word: a bare failure says it does not know."""
    if answer.failed and not answer.text:
        return replace(answer, text=phrase("unknown", locale))
    return answer


def worded(text: str, longest: int) -> str:
    """Return an answer's words made plain; raises `BrokenReply` when they are too many."""
    text = plain(text)
    if len(text) > longest:
        raise BrokenReply(f"the answer is longer than {longest} characters")
    return text
