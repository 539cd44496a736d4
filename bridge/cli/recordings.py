"""Reads labelled messages and recorded dialogues; each fault names file, line and field."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from bridge.domain.errors import ConfigurationError
from bridge.domain.messages import Role
from bridge.domain.policy.replaying import Dialogue, Said
from bridge.domain.policy.scoring import Labelled
from bridge.domain.policy.training import Row

T = TypeVar("T")

MOST_PROBLEMS = 20

_ROLES = {
    "customer": Role.CUSTOMER,
    "assistant": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
    "teammate": Role.TEAMMATE,
    "human_agent": Role.TEAMMATE,
    "system": Role.SYSTEM,
}
_UNSAID = frozenset({"event", "tool_call", "agent_action"})
"""Turns that record what happened and not what was said: no policy reads them."""


def labelled(path: Path) -> list[Labelled]:
    """Read messages `{"text", "lang", "trigger"}`.

    Raises ConfigurationError naming file, line and field of each row that cannot be used.
    """
    return _rows(path, _labelled)


def training_rows(path: Path) -> list[Row]:
    """Read messages to learn from: as `labelled`, with `source` and `licence` where known."""
    return _rows(path, _training_row)


def dialogues(path: Path) -> list[Dialogue]:
    """Read dialogues `{"id", "lang", "transferred", "transfer", "turns"}`.

    Raises ConfigurationError naming file, line and field of each row that cannot be used.
    """
    return _rows(path, _dialogue)


def _rows(path: Path, read: Callable[[Mapping[str, object]], T]) -> list[T]:
    found: list[T] = []
    problems: list[str] = []
    for number, line in _lines(path):
        try:
            found.append(read(_object(line)))
        except ValueError as wrong:
            problems.append(f"{path}: line {number}: {wrong}")
    if not found and not problems:
        problems.append(f"{path}: there is no row in it: write one JSON object a line")
    if problems:
        raise ConfigurationError(problems[:MOST_PROBLEMS])
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError([f"{path}: cannot be read: {problem}"]) from problem
    yield from ((n, line) for n, line in enumerate(lines, 1) if line.strip())


def _object(line: str) -> Mapping[str, object]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("this is no JSON: write one object a line") from None
    if not isinstance(row, dict):
        raise ValueError('this is no object: write {"text": …}')  # noqa: TRY004 - one kind of fault
    return row


def _string(row: Mapping[str, object], name: str, otherwise: str | None = None) -> str:
    value = row.get(name, otherwise)
    if not isinstance(value, str):
        raise ValueError(f"field `{name}`: write a text")  # noqa: TRY004 - one kind of fault
    return value


def _labelled(row: Mapping[str, object]) -> Labelled:
    return Labelled(_string(row, "text"), _string(row, "lang", "en"), _string(row, "trigger"))


def _training_row(row: Mapping[str, object]) -> Row:
    return Row(
        _string(row, "text"),
        _string(row, "trigger"),
        _string(row, "source", ""),
        _string(row, "licence", ""),
    )


def _dialogue(row: Mapping[str, object]) -> Dialogue:
    transferred = row.get("transferred")
    if transferred is not None and not isinstance(transferred, bool):
        raise ValueError("field `transferred`: write true, false or null")
    turns = row.get("turns")
    if not isinstance(turns, list):
        raise ValueError("field `turns`: write a list of turns")  # noqa: TRY004 - one kind of fault
    return Dialogue(
        _string(row, "id"),
        _string(row, "lang", "en"),
        tuple(said for place, turn in enumerate(turns) for said in _said(place, turn)),
        transferred,
        _after_turn(row.get("transfer")),
    )


def _said(place: int, turn: object) -> Iterator[Said]:
    if not isinstance(turn, dict):
        raise ValueError(f"field `turns[{place}]`: write an object with role and text")  # noqa: TRY004 - one kind of fault
    role = turn.get("role")
    if role in _UNSAID or ("event" in turn and "text" not in turn):
        return
    if role not in _ROLES:
        known = ", ".join(sorted({*_ROLES, *_UNSAID}))
        raise ValueError(f"field `turns[{place}].role`: write one of {known}")
    text = turn.get("text")
    if not isinstance(text, str):
        raise ValueError(f"field `turns[{place}].text`: write a text")  # noqa: TRY004 - one kind of fault
    yield Said(place, _ROLES[role], text)


def _after_turn(transfer: object) -> int | None:
    match transfer:
        case {"after_turn": int(after)} if not isinstance(after, bool):
            return after
        case None | {}:
            return None
        case _:
            raise ValueError("field `transfer`: write null or an object with `after_turn`")
