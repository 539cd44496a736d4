"""Reading a request's body: bounded, and JSON to the letter (RFC 8259).

What two parsers could read differently is refused: duplicate names, NaN and Infinity, other
encodings than UTF-8, numbers beyond what a double can hold.
"""

import json
import math
from typing import Any, NoReturn

from aiohttp import web
from aiohttp.web_request import BaseRequest

from adapters.problems import Problem
from adapters.web.fields import SHOWN, Fields, refuse

DIGITS = 20
"""A whole number of more digits than a 64-bit one has is a mistake or an attack."""


async def read(request: BaseRequest, limit: int) -> bytes:
    """Return the whole body of at most `limit` bytes; raises 413 as soon as it is too much."""
    announced = request.content_length
    if announced is not None and announced > limit:
        raise too_large(limit)
    content = request.content
    body = await content.readany()
    if content.at_eof() and len(body) <= limit:
        return body
    pieces = bytearray(body)
    while len(pieces) <= limit:
        piece = await content.readany()
        if not piece and content.at_eof():
            return bytes(pieces)
        pieces += piece
    raise too_large(limit)


def too_large(limit: int) -> Problem:
    """Return the refusal of a body over `limit` bytes."""
    return Problem(413, f"The body is too large: at most {limit} bytes are taken.", limit=limit)


def check_packing(request: web.Request) -> None:
    """Refuse a packed body: what it would grow to is not known."""
    if request.headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
        raise Problem(415, "Content-Encoding: send the body unpacked.")


def check_media_type(request: web.Request) -> None:
    """Refuse a body that is not announced as JSON in UTF-8.

    A page can send a form or plain text anywhere without asking first, JSON it cannot.
    """
    check_packing(request)
    given = request.headers.get("Content-Type", "")
    if given == "application/json":
        return
    media_type, _, rest = given.partition(";")
    if media_type.strip().lower() != "application/json":
        raise Problem(415, "Content-Type: must be application/json.")
    charset = rest.replace('"', "").replace(" ", "").lower()
    if charset not in {"", "charset=utf-8"}:
        raise Problem(415, "Content-Type: the charset must be utf-8.")


async def read_fields(request: web.Request, fields: Fields, limit: int) -> dict[str, Any]:
    """Return the checked fields of a JSON body; no body at all is an object without fields."""
    if not request.body_exists:
        return fields.check("", {})
    check_media_type(request)
    raw = await read(request, limit)
    return fields.check("", parse(raw) if raw else {})


def parse(raw: bytes) -> object:
    """Return the value of a JSON text; raises 400 saying what is wrong with it."""
    try:
        return _decoder.decode(raw.decode())
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, f"The body is not JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise Problem(400, "The body is nested too deep.") from None


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object of these pairs; a name may stand once."""
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise refuse(name[:SHOWN], "stands twice in the same object.")
        seen.add(name)
    return value


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise Problem(400, "The body holds a number of too many digits.")
    return int(digits)


def _double(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Problem(400, "The body holds a number that is too large.")
    return value


def _constant(word: str) -> NoReturn:
    raise Problem(400, f"The body is not JSON: {word} is no JSON value.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_whole, parse_float=_double, parse_constant=_constant
)
