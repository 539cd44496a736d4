"""Calls to Slack's Web API: one attempt each, over one server's connections.

Every end of a call is told in the words of bridge.domain.errors. Nothing is retried here, no
redirect is followed, and what Slack answered is never logged.
"""

from collections.abc import Mapping
from typing import Any

from yarl import URL

from adapters.pacing import Lanes
from adapters.plain import as_bytes, from_bytes
from adapters.slack.errors import from_code, from_status
from adapters.slack.limits import METHODS
from adapters.slack.settings import SlackSettings
from adapters.wire import NotSent, Reply, Unanswered, Wire
from bridge.domain.errors import DeliveryError, TryAgain, Uncertain
from bridge.ports.core import Clock

Answer = dict[str, Any]

POST_MESSAGE = "chat.postMessage"

CONNECTING = 0.5
"""Which part of the time connecting may take: less than all of it, so that running out of time
before anything was sent is told from running out of it after.
"""


class SlackWeb:
    """The Web API under one token. The wire is given and stays the giver's."""

    def __init__(self, settings: SlackSettings, wire: Wire, clock: Clock) -> None:
        self.wire = wire
        self._base = URL(settings.api_url).raw_path
        self._timeout = settings.timeout
        self._heads: dict[tuple[str, str], bytes] = {}
        self._as_json = _headers(settings.bot_token, "application/json; charset=utf-8")
        self._as_form = _headers(settings.bot_token, "application/x-www-form-urlencoded")
        self._lanes = Lanes(clock, limits=METHODS if settings.posts_per_second else None)

    async def post_message(self, body: Mapping[str, object]) -> Answer:
        """Call chat.postMessage, whose turn was taken before. Returns an answer that has a `ts`.

        Raises `TryAgain`, `Uncertain` or `Refused`.
        """
        answer = await self._send(POST_MESSAGE, as_bytes(body), json=True)
        if not isinstance(answer.get("ts"), str):
            raise Uncertain("Slack answered without a timestamp")
        return answer

    async def call(self, method: str, body: Mapping[str, object]) -> Answer:
        """Call a method that takes JSON, when its limit allows. Raises a `DeliveryError`."""
        return await self._paced(method, as_bytes(body), json=True)

    async def ask(self, method: str, **fields: str) -> Answer:
        """Call a method that takes a form, as those that read do. Raises a `DeliveryError`."""
        return await self._paced(method, _form(fields), json=False)

    async def ask_with_scopes(self, method: str) -> tuple[Answer, frozenset[str]]:
        """Call a method without fields and return the scopes of the token as well."""
        reply = await self._exchange(method, b"", self._as_form)
        scopes = reply.headers.get("x-oauth-scopes", "").split(",")
        return _read(reply), frozenset(s.strip() for s in scopes if s.strip())

    async def _paced(self, method: str, data: bytes, *, json: bool) -> Answer:
        await self._lanes.admit(method)
        try:
            return await self._send(method, data, json=json)
        except TryAgain as error:
            if error.after is not None:
                self._lanes.pause(method, error.after)
            raise

    async def _send(self, method: str, data: bytes, *, json: bool) -> Answer:
        headers = self._as_json if json else self._as_form
        return _read(await self._exchange(method, data, headers))

    async def _exchange(self, method: str, data: bytes, headers: Mapping[str, str]) -> Reply:
        key = method, headers["Content-Type"]
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = self.wire.head(self._base + method, headers)
        try:
            return await self.wire.post(head, data, self._timeout * CONNECTING, self._timeout)
        except NotSent as error:
            raise TryAgain(f"Slack cannot be reached: {error}") from error
        except Unanswered as error:
            raise Uncertain(f"the connection to Slack ended before an answer: {error}") from error


def _headers(token: str, content_type: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": content_type}


def _form(fields: Mapping[str, str]) -> bytes:
    return URL.build(query=fields).raw_query_string.encode()


def _read(reply: Reply) -> Answer:
    """Return Slack's answer when it says ok; raises what it means otherwise."""
    retry_after = reply.headers.get("retry-after")
    failure = from_status(reply.status, retry_after)
    if failure is not None:
        raise failure
    try:
        answer = from_bytes(reply.body)
    except (ValueError, RecursionError) as error:
        raise Uncertain("Slack's answer is not JSON") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
        raise Uncertain("Slack's answer has no `ok`")
    if not answer["ok"]:
        raise from_code(str(answer.get("error", "unknown_error")), retry_after)
    return answer


def repeatable(error: DeliveryError) -> DeliveryError:
    """Return the failure of a call that may be repeated: uncertain ends become `TryAgain`."""
    return TryAgain(error.why) if isinstance(error, Uncertain) else error
