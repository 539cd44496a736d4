"""What a field of a request may hold: one value per kind, which both checks and describes it.

`check` returns the value as the rest of the program wants it, or raises a 422 that names the field
and says what would do; `schema` says the same as JSON Schema, for /openapi.json. There is no
second list of fields anywhere.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.problems import Problem
from adapters.web.blank import is_blank

type_names = {bool: "true or false", int: "a number", float: "a fraction", str: "text"}
type_names |= {list: "a list", dict: "an object", type(None): "null"}

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
SHOWN = 60
"""How many characters of a name a client made up are repeated to it."""

Schema = dict[str, Any]


class Kind(Protocol):
    """A kind of value."""

    def check(self, where: str, value: object) -> Any:  # noqa: ANN401 -- each kind has its own
        """Return the value, or raise a 422 naming `where`."""
        ...

    def schema(self) -> Schema:
        """Return the JSON Schema of the kind."""
        ...


def refuse(where: str, what: str) -> Problem:
    """Return the refusal of one field."""
    return Problem(422, f"{where}: {what}", field=where)


def mistyped(where: str, wanted: str, value: object) -> Problem:
    """Return the refusal of a value of the wrong type."""
    return refuse(where, f"must be {wanted}, not {type_names.get(type(value), 'that')}.")


def check_characters(where: str, value: str) -> None:
    """Refuse what is no text: NUL, and halves of surrogate pairs."""
    if "\0" in value:
        raise refuse(where, "must not contain the character NUL (U+0000).")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise refuse(where, "must not contain half of a surrogate pair.") from None


@dataclass(frozen=True, slots=True)
class Text:
    """Text of `least` to `most` characters; a `line` has no control characters and no breaks.

    What may not be `blank` has something to see in it, and of what is `emptied` nothing is left
    that has not; `shape` is a pattern the whole text must have, `example` a text that has it.
    """

    most: int
    least: int = 0
    line: bool = False
    blank: bool = True
    emptied: bool = False
    shape: re.Pattern[str] | None = None
    example: str = ""

    def check(self, where: str, value: object) -> str:
        """Return the text."""
        if type(value) is not str:
            raise mistyped(where, "text", value)
        if len(value) > self.most:
            raise refuse(where, f"must have at most {self.most} characters, not {len(value)}.")
        if len(value) < self.least:
            raise refuse(where, "must not be empty.")
        if not self.blank and is_blank(value):
            raise refuse(where, "must not be blank.")
        check_characters(where, value)
        if self.line and CONTROL.search(value):
            raise refuse(where, "must be one line without control characters.")
        if self.shape is not None and not self.shape.fullmatch(value):
            raise refuse(where, f"must look like {self.example!r}.")
        return "" if self.emptied and is_blank(value) else value

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        schema: Schema = {"type": "string", "maxLength": self.most}
        if self.least:
            schema["minLength"] = self.least
        if not self.blank:
            schema["pattern"] = r"\S"
        if self.shape is not None:
            schema |= {"pattern": f"^(?:{self.shape.pattern})$", "examples": [self.example]}
        return schema


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `least` to `most`, both included."""

    least: int
    most: int

    def check(self, where: str, value: object) -> int:
        """Return the number; 3.0 is the whole number 3 (JSON knows one kind of number)."""
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise mistyped(where, "a whole number", value)
        if not self.least <= value <= self.most:
            raise refuse(where, f"must be between {self.least} and {self.most}.")
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def check(self, where: str, value: object) -> str:
        """Return the word."""
        if type(value) is not str or value not in self.words:
            raise refuse(where, f"must be one of {', '.join(self.words)}.")
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Converted:
    """Text that means something else, such as a time; `convert` raises ValueError."""

    text: Text
    convert: Callable[[str], object]
    wanted: str
    form: str

    def check(self, where: str, value: object) -> object:
        """Return what the text means."""
        try:
            return self.convert(self.text.check(where, value))
        except (ValueError, OverflowError):
            raise refuse(where, f"must be {self.wanted}.") from None

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {**self.text.schema(), "format": self.form}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of at most `most` values of one kind."""

    of: Kind
    most: int

    def check(self, where: str, value: object) -> list[Any]:
        """Return the checked values."""
        if type(value) is not list:
            raise mistyped(where, "a list", value)
        if len(value) > self.most:
            raise refuse(where, f"must have at most {self.most} entries, not {len(value)}.")
        return [self.of.check(f"{where}[{i}]", entry) for i, entry in enumerate(value)]

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "array", "items": self.of.schema(), "maxItems": self.most}


@dataclass(frozen=True, slots=True)
class Named:
    """An object with names of the sender's own choice, at most `most`, and values of one kind."""

    name: Text
    value: Kind
    most: int

    def check(self, where: str, value: object) -> dict[str, Any]:
        """Return the checked pairs."""
        if type(value) is not dict:
            raise mistyped(where, "an object", value)
        if len(value) > self.most:
            raise refuse(where, f"must have at most {self.most} names, not {len(value)}.")
        pairs = {}
        for name, entry in value.items():
            self.name.check(f"a name in {where}", name)
            pairs[name] = self.value.check(f"{where}.{name}", entry)
        return pairs

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {
            "type": "object",
            "propertyNames": self.name.schema(),
            "additionalProperties": self.value.schema(),
            "maxProperties": self.most,
        }


@dataclass(frozen=True, slots=True)
class Field:
    """One named field; what is not `needed` may be left out or null."""

    name: str
    kind: Kind
    about: str
    needed: bool = False


class Fields:
    """An object with exactly these fields. Also the kind of a nested object."""

    __slots__ = ("_by_name", "_needed", "name")

    def __init__(self, name: str, *fields: Field) -> None:
        self.name = name
        self._by_name = {field.name: field for field in fields}
        self._needed = tuple(field for field in fields if field.needed)

    def __iter__(self) -> Any:  # noqa: ANN401 -- an iterator of fields
        return iter(self._by_name.values())

    @property
    def needs_any(self) -> bool:
        """Whether an empty object would be refused."""
        return bool(self._needed)

    def check(self, where: str, value: object) -> dict[str, Any]:
        """Return the checked fields that were given; unknown ones are refused by name."""
        if type(value) is not dict:
            raise mistyped(where or "the body", "an object", value)
        known, prefix = self._by_name, f"{where}." if where else ""
        checked = {}
        for name, entry in value.items():
            field = known.get(name)
            if field is None:
                raise self._unknown(prefix, value)
            if entry is not None or field.needed:
                checked[name] = field.kind.check(prefix + name, entry)
        for field in self._needed:
            if field.name not in checked:
                raise refuse(prefix + field.name, "is missing.")
        return checked

    def _unknown(self, prefix: str, value: dict[str, object]) -> Problem:
        strangers = [name for name in value if name not in self._by_name]
        shown = ", ".join((prefix + name)[:SHOWN] for name in strangers[:5])
        known = ", ".join(self._by_name) or "none"
        detail = f"{shown}: not known here. Known fields: {known}."
        return Problem(422, detail, fields=[name[:SHOWN] for name in strangers[:5]])

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        properties = {field.name: _described(field) for field in self}
        schema: Schema = {"type": "object", "properties": properties}
        schema["additionalProperties"] = False
        if self._needed:
            schema["required"] = [field.name for field in self._needed]
        return schema


def _described(field: Field) -> Schema:
    schema = field.kind.schema()
    if not field.needed and "type" in schema:
        schema = {**schema, "type": [schema["type"], "null"]}
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return {**schema, "description": field.about}
