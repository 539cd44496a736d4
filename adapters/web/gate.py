"""What every call passes on its way in: site, token, limit, query, body. In this order.

A handler gets an `Asked` in which everything has been checked, and returns an answer or raises a
`Problem`; it never sees a raw field.
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.addresses import Addresses
from adapters.plain import as_bytes
from adapters.problems import EXPECTED, Problem, has_begun, problem_of
from adapters.web.bodies import read_fields
from adapters.web.calls import Call, Who
from adapters.web.fields import Fields, refuse
from adapters.web.limits import Limits
from adapters.web.origins import Origins
from adapters.web.visitors import Pass, Visitors, refused
from bridge.domain.ids import ConversationId

_NO_QUERY = Fields("Query")
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_JSON = {"Content-Type": "application/json"}
NO_TICKET = "ticket: it is not valid (any more). Get one with POST /v1/stream-tickets."
_NOBODY = ConversationId("")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be answered.

    `customer_id` is what the site vouched for, if anything. `headers` let the asking page read
    the answer; they matter only to a handler that begins the answer itself.
    """

    request: web.Request
    conversation_id: ConversationId
    customer_id: str
    address: str
    headers: Mapping[str, str]
    query: dict[str, Any]
    body: dict[str, Any]


Handler = Callable[[Asked], Awaitable[web.StreamResponse]]


def reply(status: int, value: object) -> web.Response:
    """Return an answer in JSON."""
    return web.Response(status=status, body=as_bytes(value), headers=_JSON)


def nothing() -> web.Response:
    """Return the answer that it is done and there is nothing to say."""
    return web.Response(status=204)


class ApiKeys:
    """The keys of outside bots; without any, nobody is let in. A blank one is none."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key) for key in keys if key.strip()]

    def check(self, key: str) -> None:
        """Raise 401 unless this is one of the keys; takes as long whichever it is."""
        given = _digest(key)
        matches = [hmac.compare_digest(given, known) for known in self._digests]
        if not any(matches):
            problem = Problem(401, "Authorization: this wants one of HANDOFF_API_KEYS.")
            raise problem.with_headers({"WWW-Authenticate": "Bearer"})


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets requests in."""

    origins: Origins
    visitors: Visitors
    api_keys: ApiKeys
    limits: Limits
    addresses: Addresses

    def route(self, call: Call, handler: Handler) -> web.RouteDef:
        """Return the route of a call."""

        async def answer(request: web.Request) -> web.StreamResponse:
            headers: Mapping[str, str] = {}
            try:
                if call.who is not Who.API_KEY:
                    headers = self.origins.check(request)
                response = await handler(await self._let_in(call, request, headers))
            except EXPECTED as error:
                if has_begun(request):
                    raise
                response = problem_of(error).response()
            if headers and not response.prepared:
                response.headers.update(headers)
            return response

        options = {"allow_head": False} if call.method == "GET" else {}
        return web.RouteDef(call.method, call.path, answer, options)

    def preflights(self, calls: Iterable[Call]) -> list[web.RouteDef]:
        """Return the routes by which browsers ask what a page may send."""
        methods: dict[str, list[str]] = {}
        for call in calls:
            methods.setdefault(call.path, []).append(call.method)
        return [
            web.options(path, self.origins.preflight(", ".join(names)))
            for path, names in methods.items()
        ]

    async def _let_in(self, call: Call, request: web.Request, headers: Mapping[str, str]) -> Asked:
        address = self.addresses.of(request)
        query: dict[str, Any] = {}
        if call.who is not Who.TICKET:
            conversation_id, customer_id = self._identify(call, request, address)
            query = _query(call, request)
        else:
            query = _query(call, request)
            conversation_id = self._opened_by(query["ticket"], address)
            customer_id = ""
        if call.who is not Who.API_KEY:
            self.limits.check(call.allowance, conversation_id, address)
        body = {}
        if call.body is not None:
            body = await read_fields(request, call.body, call.max_body)
        return Asked(request, conversation_id, customer_id, address, headers, query, body)

    def _identify(
        self, call: Call, request: web.Request, address: str
    ) -> tuple[ConversationId, str]:
        if call.who is Who.ANYONE:
            return _NOBODY, ""
        token = _bearer(request)
        try:
            if call.who is Who.API_KEY:
                self.api_keys.check(token)
                return _named_in(request), ""
            visitor = self.visitors.verify(token, Pass.SESSION)
        except Problem:
            self.limits.denied(address)
            raise
        return visitor.conversation_id, visitor.customer_id

    def _opened_by(self, ticket: str, address: str) -> ConversationId:
        try:
            return self.visitors.verify(ticket, Pass.STREAM).conversation_id
        except Problem:
            self.limits.denied(address)
            raise refused(NO_TICKET) from None


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise refused("Authorization: send the token as `Bearer <token>`.")
    return token.strip()


def _named_in(request: web.Request) -> ConversationId:
    """Return the conversation a path names, if it names one."""
    named = request.match_info.get("id")
    if named is None:
        return _NOBODY
    if not _ID.fullmatch(named):
        raise not_there("conversation")
    return ConversationId(named)


def not_there(what: str) -> Problem:
    """Return the answer to a name that names nothing."""
    return Problem(404, f"There is no such {what}.")


def _query(call: Call, request: web.Request) -> dict[str, Any]:
    fields = call.query or _NO_QUERY
    if not request.query_string:
        return fields.check("", {})
    given = request.query
    values = dict(given)
    if len(values) != len(given):
        twice = next(name for name in values if len(given.getall(name)) > 1)
        raise refuse(twice, "stands twice in the address.")
    return fields.check("", values)
