"""An assistant that plays a file, for tests and rehearsals.

JSON lines, played in order in each conversation, one per question, and then from the start. A
question that is asked again plays its line again.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from adapters.assistants.answers import Escalate, escalation, plain
from adapters.assistants.failures import SecondChances
from bridge.domain.delivery import Answer
from bridge.domain.errors import BridgeError, ConfigurationError
from bridge.domain.ids import ConversationId
from bridge.ports.assistant import Draft, Question
from bridge.ports.core import Clock

SETTING = "HANDOFF_ASSISTANT"
KINDS = ("text", "escalate", "error")
WISH_FIELDS = ("reason", "summary", "urgency")
LONGEST_DELAY = 600_000
DRAFTS = 8
REMEMBERED = 20_000
"""How many conversations keep their place in the script."""


class BadLine(BridgeError):
    """A line of a script cannot be played; the text names the field."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a script: an answer, or the error to fail with; `delay` in seconds."""

    answer: Answer | None
    error: str
    delay: float


def load_script(path: Path) -> tuple[Line, ...]:
    """Return the lines of a file; raises `ConfigurationError` naming line and field."""
    try:
        rows = path.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise ConfigurationError([f"{SETTING}: {path} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{SETTING}: {path} is not UTF-8 text"]) from None
    lines: list[Line] = []
    problems: list[str] = []
    for number, row in enumerate(rows, start=1):
        try:
            lines.extend([_line(row)] if row.strip() else [])
        except BadLine as error:
            problems.append(f"{SETTING}: {path}, line {number}: {error}")
    if not lines and not problems:
        problems = [f'{SETTING}: {path} has no lines: write for example {{"text": "Hello"}}']
    if problems:
        raise ConfigurationError(problems)
    return tuple(lines)


def _line(row: str) -> Line:
    """Return one line; raises `BadLine` naming the field."""
    try:
        content = json.loads(row)
    except json.JSONDecodeError as error:
        raise BadLine(f"not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError):
        raise BadLine("not JSON that can be read: numbers too long or too deeply nested") from None
    if not isinstance(content, dict):
        raise BadLine("must be a JSON object")
    delay = _delay(content.pop("delay_ms", 0))
    if len(content) != 1 or next(iter(content)) not in KINDS:
        found = ", ".join(f"`{name}`" for name in content) or "nothing"
        raise BadLine(f"needs exactly one of `text`, `escalate`, `error`; has {found}")
    kind, value = next(iter(content.items()))
    if kind == "escalate":
        return Line(escalation(_wish(value)), "", delay)
    if not isinstance(value, str) or not value.strip():
        raise BadLine(f"`{kind}` must be a string that is not empty")
    return Line(Answer(text=plain(value)) if kind == "text" else None, value, delay)


def _delay(value: object) -> float:
    """Return the delay in seconds."""
    if type(value) is not int or not 0 <= value <= LONGEST_DELAY:
        raise BadLine(f"`delay_ms` must be a whole number from 0 to {LONGEST_DELAY}")
    return value / 1000


def _wish(value: object) -> Escalate:
    """Return the escalation a line spells."""
    if not isinstance(value, dict):
        raise BadLine('`escalate` must be an object: {"reason": "…", "summary": "…"}')
    for name, part in value.items():
        if name not in WISH_FIELDS:
            raise BadLine(f"`escalate.{name}` is not known: use {', '.join(WISH_FIELDS)}")
        if not isinstance(part, str):
            raise BadLine(f"`escalate.{name}` must be a string")
    if not value.get("reason", "").strip():
        raise BadLine("`escalate.reason` is missing")
    return Escalate(**value)


class ScriptedAssistant:
    """Plays a script."""

    def __init__(self, script: tuple[Line, ...], clock: Clock) -> None:
        self._script = script
        self._clock = clock
        self._chances = SecondChances()
        self._places: OrderedDict[ConversationId, tuple[int, str]] = OrderedDict()

    async def answer(self, question: Question, draft: Draft) -> Answer:
        """Play the conversation's next line; its `error` fails twice, then the next one plays."""
        line = self._script[self._place(question)]
        if line.delay:
            await self._speak(line, draft)
        if line.answer is None:
            raise self._chances.failure(question.key, line.error)
        return line.answer

    def _place(self, question: Question) -> int:
        """Return which line this question plays."""
        number, key = self._places.pop(question.conversation_id, (-1, ""))
        if key != question.key:
            number = (number + 1) % len(self._script)
        self._places[question.conversation_id] = (number, question.key)
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)
        return number

    async def _speak(self, line: Line, draft: Draft) -> None:
        """Let the delay pass while the text grows, as it would with a real assistant."""
        words = line.answer.text.split(" ") if line.answer else []
        steps = min(len(words), DRAFTS) or 1
        for step in range(1, steps + 1):
            await self._clock.sleep(line.delay / steps)
            if words and step < steps:
                draft(" ".join(words[: len(words) * step // steps]))
