"""What a call is made of, and the kinds of values that calls share.

The tables of calls are in customer_calls.py and bot_calls.py: the routes, the checking of what
comes in, the limits and /openapi.json are all made from them.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from adapters.web.fields import (
    Converted,
    Field,
    Fields,
    Integer,
    Kind,
    Named,
    Schema,
    Text,
    refuse,
)

MAX_TEXT = 10_000
"""Characters of one message; a page of A4 has about 3,000."""
MAX_ATTACHMENTS = 10
PAGE_SIZE = 100
"""Messages in one answer unless asked otherwise."""
MAX_BODY = 256 * 1024
"""Bytes of a JSON body: every character of a longest message may come as a twelve-byte escape."""
MAX_IMPORT = 1 << 20
LAST_CURSOR = 2**53 - 1
"""The largest whole number every JSON reader keeps exactly (RFC 8259, section 6)."""


class Who(StrEnum):
    """Who may make a call: anybody, the holder of a session or of a ticket, or an API key."""

    ANYONE = "anyone"
    SESSION = "session"
    TICKET = "ticket"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class Digits:
    """A whole number in a query, where everything is text."""

    number: Integer
    otherwise: int

    def check(self, where: str, value: object) -> int:
        """Return the number."""
        if type(value) is not str or not re.fullmatch("[0-9]{1,16}", value):
            wanted = f"between {self.number.least} and {self.number.most}"
            raise refuse(where, f"must be a whole number {wanted}, in digits.")
        return self.number.check(where, int(value))

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {**self.number.schema(), "default": self.otherwise}


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `answers` maps a status to the schema of its body, or None when it has none.

    `allowance` names its limit in limits.py; `problems` are the refusals that are its own,
    `conflict` the schema of a 409. `headers` are told of, not checked.
    """

    name: str
    method: str
    path: str
    who: Who
    about: str
    answers: dict[int, str | None]
    body: Fields | None = None
    query: Fields | None = None
    allowance: str = "other"
    max_body: int = MAX_BODY
    problems: tuple[int, ...] = ()
    conflict: str = "Problem"
    headers: Fields | None = None
    media_type: str = "application/json"
    uploads: bool = False


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(text)
    return text


def _epoch_seconds(text: str) -> float:
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError(text)
    minute, second, fraction, zone = found.groups(default="")
    if second == "60":
        # A leap second has no number of its own: it is the last moment of its minute.
        second, fraction = "59", ".999999"
    at = datetime.fromisoformat(f"{minute}:{second}{fraction}{zone}".upper())
    if not 0 <= at.timestamp() < LAST_MOMENT:
        raise ValueError(text)
    return at.timestamp()


_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d)(\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII | re.IGNORECASE,
)
"""Section 5.6; ISO 8601 knows many more ways, which others may read otherwise."""


LAST_MOMENT = 4_102_444_800
"""The year 2100: a time beyond it is a mistake in the unit."""

LINE = Text(100, line=True)
NAME = Text(100, line=True, emptied=True)
EMAIL = Text(254, line=True, shape=re.compile(r"[^@\s]+@[^@\s]+"), example="ada@example.org")
LOCALE = Text(64, shape=re.compile(r"[A-Za-z]{1,8}([-_][A-Za-z0-9]{1,8})*"), example="pt-BR")
PAGE = Converted(Text(8192, line=True), _web_address, "an http or https address", "uri")
MOMENT = Converted(Text(40), _epoch_seconds, "a time such as 2026-01-31T12:00:00Z", "date-time")
CLIENT_ID = Text(100, 1, shape=re.compile(r"[!-~]+"), example="7b1d0c1e-5a8e")
FILE_ID = Text(80, 1, shape=re.compile(r"[A-Za-z0-9_-]+"), example="f_0a1b2c3d4e")
ATTRIBUTES = Named(Text(60, 1, line=True), Text(2000), 50)
SAID = Text(MAX_TEXT)
NOT_BLANK = Text(MAX_TEXT, 1, blank=False)
CURSOR: Kind = Integer(0, LAST_CURSOR)

PAGE_QUERY = Fields(
    "Page",
    Field("after", Digits(Integer(0, LAST_CURSOR), 0), "Where to go on; 0 is the beginning."),
    Field("limit", Digits(Integer(1, 200), PAGE_SIZE), "How many messages at most."),
)
ABOUT_CUSTOMER = (
    Field("name", NAME, "What to call the customer."),
    Field("email", EMAIL, "Where to write when nobody is there."),
    Field("locale", LOCALE, "The customer's language, as BCP 47."),
)
