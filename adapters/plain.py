"""Plain data to JSON bytes and back, as fast as a library can; what it refuses takes the slow way.

The slow way is the standard library's, whose word on what JSON is counts: it reads halves of
surrogate pairs, for example. Whole numbers beyond 64 bits may come back as the nearest double,
and what is no number is written as null.
"""

import json
import math
from typing import NoReturn

import orjson

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

# What is no plain data is a mistake, and must not be written out field by field.
_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def as_bytes(value: object) -> bytes:
    """Return plain data as compact JSON in UTF-8; half a surrogate pair becomes a question mark.

    Raises TypeError, ValueError or RecursionError for what JSON cannot hold.
    """
    try:
        return orjson.dumps(value, option=_PLAIN)
    except TypeError:
        return _encode(value).encode("utf-8", "replace")


def from_bytes(raw: bytes) -> object:
    """Return the value of a JSON text; raises ValueError (or RecursionError) for anything else."""
    try:
        return orjson.loads(raw)
    except ValueError:
        return json.loads(raw.decode(), parse_constant=_refused, parse_float=_finite)


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refused(digits)


def _refused(word: str) -> NoReturn:
    message = f"{word} is not JSON"
    raise ValueError(message)
