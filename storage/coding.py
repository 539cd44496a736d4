"""Values to JSON text and back, driven by the types of dataclass fields.

Old text stays readable: a field that is missing takes its default, one that is unknown is passed
over. What cannot be read is an error that names the type and the field.

A library writes several times faster than the standard one, but writes NaN as null, knows dates,
and passes over fields that begin with an underscore; nothing may be stored as something else than
it is. So it is given only what the types of the fields show to be texts and whole numbers.
"""

import json
import types
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from operator import attrgetter
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import orjson

from bridge.ports.store import Unreadable

Decoder = Callable[[Any], Any]
Getter = Callable[[object], tuple[object, ...]]
Value = TypeVar("Value")


_shapes: dict[type, tuple[tuple[str, ...], Getter]] = {}


def _shape(kind: type) -> tuple[tuple[str, ...], Getter]:
    """Return the names of a dataclass's fields and what reads them all from a value."""
    if not is_dataclass(kind):
        message = f"{kind.__name__} has no JSON form"
        raise TypeError(message)
    names = tuple(field.name for field in fields(kind))
    read: Getter = attrgetter(*names) if len(names) > 1 else lambda value: (_only(value, names),)
    return _shapes.setdefault(kind, (names, read))


def _only(value: object, names: tuple[str, ...]) -> object:
    return getattr(value, names[0])


def _as_object(value: object) -> object:
    """Return what the JSON encoder writes for a dataclass."""
    names, read = _shapes.get(type(value)) or _shape(type(value))
    return dict(zip(names, read(value), strict=True))


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_object
).encode


def encode(value: object) -> str:
    """Return a value, dataclasses and all, as JSON text.

    Raises ValueError or TypeError for what JSON cannot hold: NaN, infinity, foreign objects.
    """
    if _is_plain(value):
        try:
            return orjson.dumps(value).decode()
        except TypeError:
            # Half a surrogate pair, or a number beyond 64 bits: the standard library's word counts.
            pass
    return _encode(value)


_doubtful: dict[type, tuple[str, ...]] = {}
"""The fields of a dataclass that may hold what the library would write in another way."""


def _is_plain(value: object) -> bool:
    """Return whether a value is a dataclass's that holds texts, whole numbers and the like only."""
    kind = type(value)
    names = _doubtful.get(kind)
    if names is None:
        if not is_dataclass(kind):
            return False
        names = _doubtful[kind] = _doubtful_fields(kind)
    return not names or all(getattr(value, name) is None for name in names)


def _doubtful_fields(kind: type) -> tuple[str, ...]:
    hints = get_type_hints(kind)
    if "__slots__" not in vars(kind):
        # Such a value may hold more than its fields, and the library writes all of it.
        return tuple(hints)
    return tuple(n for n in hints if n.startswith("_") or not _is_plain_type(hints[n]))


def _is_plain_type(hint: Any) -> bool:  # noqa: ANN401 (a type, an alias or a union)
    hint = getattr(hint, "__supertype__", hint)
    parts = get_args(hint)
    if parts:
        return all(part is ... or _is_plain_type(part) for part in parts)
    if isinstance(hint, type) and is_dataclass(hint):
        return not _doubtful_fields(hint)
    return isinstance(hint, type) and issubclass(hint, str | int | types.NoneType)


def decode(kind: type[Value], text: str) -> Value:
    """Return the value of a dataclass type that a text holds; raises `Unreadable`."""
    return cast("Value", _decoder(kind)(_loaded(kind, text)))


def decode_list(kind: type[Value], text: str) -> tuple[Value, ...]:
    """Return the values of a dataclass type that a text lists; raises `Unreadable`."""
    return cast("tuple[Value, ...]", _sequence(_decoder(kind))(_loaded(kind, text)))


def _loaded(kind: type, text: str) -> Any:  # noqa: ANN401 (JSON is whatever it is)
    try:
        return json.loads(text)
    except ValueError as problem:
        raise Unreadable(f"{kind.__name__}: the stored text is not JSON: {problem}") from problem


_decoders: dict[Any, Decoder] = {}


def _decoder(hint: Any) -> Decoder:  # noqa: ANN401 (a type, an alias or a union)
    found = _decoders.get(hint)
    if found is None:
        found = _decoders[hint] = _made(hint)
    return found


def _made(hint: Any) -> Decoder:  # noqa: ANN401
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


def _plain(value: Any) -> Any:  # noqa: ANN401
    return value


def _optional(inner: Decoder) -> Decoder:
    return lambda value: None if value is None else inner(value)


def _sequence(inner: Decoder) -> Decoder:
    return lambda value: tuple(inner(item) for item in value)


def _mapping(inner: Decoder) -> Decoder:
    return lambda value: {key: inner(item) for key, item in value.items()}


_CONTAINERS: dict[object, Callable[[tuple[Any, ...]], Decoder]] = {
    tuple: lambda of: _sequence(_decoder(of[0])),
    dict: lambda of: _mapping(_decoder(of[1])),
}


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
