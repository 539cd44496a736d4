"""Values to JSON text and back, driven by the types of dataclass fields.

Old text stays readable: a field that is missing takes its default, one that is unknown is passed
over. What cannot be read is an error that names the type and the field.
"""

import json
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from bridge.domain.errors import BridgeError

Decoder = Callable[[Any], Any]
Value = TypeVar("Value")


class Unreadable(BridgeError):
    """Stored text does not say what its type needs: written by another program, or damaged."""


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _as_object(value: object) -> object:
    """Return what the JSON encoder writes for a dataclass."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _names(type(value))}
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_object
)


def encode(value: object) -> str:
    """Return a value as JSON text.

    Raises ValueError or TypeError for what JSON cannot hold: NaN, infinity, foreign objects.
    """
    return _ENCODER.encode(value)


def decode(kind: type[Value], text: str) -> Value:
    """Return the value of a dataclass type that a text holds; raises `Unreadable`."""
    return typing.cast("Value", _decoder(kind)(_loaded(kind, text)))


def decode_list(kind: type[Value], text: str) -> tuple[Value, ...]:
    """Return the values of a dataclass type that a text lists; raises `Unreadable`."""
    return typing.cast("tuple[Value, ...]", _sequence(_decoder(kind))(_loaded(kind, text)))


def _loaded(kind: type, text: str) -> Any:  # noqa: ANN401 (JSON is whatever it is)
    try:
        return json.loads(text)
    except ValueError as problem:
        raise Unreadable(f"{kind.__name__}: the stored text is not JSON: {problem}") from problem


def _plain(value: Any) -> Any:  # noqa: ANN401 (JSON is whatever it is)
    return value


def _optional(inner: Decoder) -> Decoder:
    return lambda value: None if value is None else inner(value)


def _sequence(inner: Decoder) -> Decoder:
    return lambda value: tuple(inner(item) for item in value)


def _mapping(inner: Decoder) -> Decoder:
    return lambda value: {key: inner(item) for key, item in value.items()}


@cache
def _object(kind: type) -> Decoder:
    hints = get_type_hints(kind)
    decoders = {field.name: _decoder(hints[field.name]) for field in fields(kind)}
    needed = frozenset(field.name for field in fields(kind) if _is_needed(field))

    def decoded(value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            raise Unreadable(f"{kind.__name__}: an object was expected, not {value!r}")
        missing = needed - value.keys()
        if missing:
            raise Unreadable(f"{kind.__name__}: the stored text lacks {', '.join(sorted(missing))}")
        try:
            known = {name: decoders[name](value[name]) for name in value if name in decoders}
        except (TypeError, ValueError, AttributeError) as problem:
            raise Unreadable(f"{kind.__name__}: {problem}") from problem
        return kind(**known)

    return decoded


def _is_needed(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


_CONTAINERS: dict[object, Callable[[tuple[Any, ...]], Decoder]] = {
    tuple: lambda of: _sequence(_decoder(of[0])),
    frozenset: lambda of: _sequence(_decoder(of[0])),
    dict: lambda of: _mapping(_decoder(of[1])),
}


@cache
def _decoder(hint: Any) -> Decoder:  # noqa: ANN401 (a type, an alias or a union)
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        inner = [arm for arm in get_args(hint) if arm is not type(None)]
        return _optional(_decoder(inner[0])) if len(inner) == 1 else _plain
    if origin in _CONTAINERS:
        return _CONTAINERS[origin](get_args(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        return _object(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return _plain
