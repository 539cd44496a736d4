"""From the bytes of a verified request to what it says. Pure; anything else is `Malformed`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from adapters.plain import from_bytes
from adapters.slack.reading import dicts

Json = Mapping[str, Any]

MOST_FIELDS = 100
NOT_UTF8 = "the body is not UTF-8"


class Malformed(Exception):
    """The body is not what Slack sends; the text says how."""


@dataclass(frozen=True, slots=True)
class Event:
    """An envelope of the Events API."""

    body: Json


@dataclass(frozen=True, slots=True)
class Interaction:
    """A click, or a modal sent in."""

    body: Json


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Nothing:
    """A check of the connection, which wants no more than a 200."""


Payload = Event | Interaction | Command | Nothing


def read(content_type: str, body: bytes) -> Payload:
    """Return what a body says; raises `Malformed`."""
    if content_type == "application/x-www-form-urlencoded":
        return _form(body)
    return Event(_object(body))


def team_of(body: Json) -> str:
    """Return the team an event or interaction is for: that of our installation."""
    for given in dicts(body.get("authorizations")):
        if isinstance(given.get("team_id"), str):
            return str(given["team_id"])
    team = body.get("team")
    if isinstance(team, dict):
        return str(team.get("id") or "")
    return str(body.get("team_id") or "")


def _form(body: bytes) -> Payload:
    try:
        text = body.decode()
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except UnicodeDecodeError as error:
        raise Malformed(NOT_UTF8) from error
    except ValueError as error:
        raise Malformed("the form cannot be read") from error
    if "payload" in fields:
        return Interaction(_object(fields["payload"].encode(errors="surrogatepass")))
    if "command" in fields:
        return Command(fields)
    if "ssl_check" in fields:
        return Nothing()
    raise Malformed("the form has neither `payload` nor `command`")


def _object(text: bytes) -> Json:
    try:
        found = from_bytes(text)
    except UnicodeDecodeError as error:
        raise Malformed(NOT_UTF8) from error
    except (ValueError, RecursionError) as error:
        raise Malformed("the body is not JSON") from error
    if not isinstance(found, dict):
        raise Malformed("the JSON is not an object")
    return found
