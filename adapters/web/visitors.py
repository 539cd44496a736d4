"""Tokens by which a customer's page is known again: signed, short, and kept nowhere.

A token says which conversation, which verified customer (if any), since when, and what it is good
for. It is good for that conversation alone: no call takes a conversation id from a customer.
"""

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from adapters.problems import Problem
from bridge.domain.ids import ConversationId
from bridge.ports.core import Clock

DAY = 86_400.0


class Pass(StrEnum):
    """What a token is good for: the customer API, or opening one stream."""

    SESSION = "session"
    STREAM = "stream"


LIVES = {Pass.SESSION: 30 * DAY, Pass.STREAM: 60.0}
"""Seconds a token lives. A session's begins anew whenever the widget opens it again; a stream's
covers the way from asking for it to opening the stream."""

LONGEST = 1024
"""Characters of the longest token worth looking at."""

_LABEL = b"handoff-bridge visitor token 1"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whom a token stands for; `customer_id` is empty unless the site vouched for it."""

    conversation_id: ConversationId
    customer_id: str
    issued_at: float
    good_for: Pass


class Visitors:
    """Issues and verifies tokens. Verified ones are remembered, at most `remembered` of them."""

    def __init__(self, secret: bytes, clock: Clock, remembered: int = 10_000) -> None:
        # A key of its own: nothing else signed with the secret can pass for a token.
        self._key = hmac.digest(secret, _LABEL, "sha256")
        self._clock = clock
        self._remembered = remembered
        self._known: OrderedDict[str, Visitor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def issue(
        self, conversation_id: ConversationId, customer_id: str = "", good_for: Pass = Pass.SESSION
    ) -> str:
        """Return a new token."""
        at = int(self._clock.now())
        claims = f"{good_for}\n{at}\n{conversation_id}\n{customer_id}".encode()
        return f"{_text(claims)}.{_text(self._sign(claims))}"

    def verify(self, token: str, good_for: Pass) -> Visitor:
        """Return whom a token stands for; raises 401 when it is not one of ours, or too old."""
        visitor = self._known.get(token)
        if visitor is None:
            visitor = self._read(token)
            self._remember(token, visitor)
        else:
            self._known.move_to_end(token)
        age = self._clock.now() - visitor.issued_at
        if visitor.good_for is not good_for or age > LIVES[good_for]:
            raise refused()
        return visitor

    def _read(self, token: str) -> Visitor:
        claims_text, _, signature_text = token.partition(".")
        if len(token) > LONGEST or not token.isascii():
            raise refused()
        claims, signature = _bytes(claims_text), _bytes(signature_text)
        if not hmac.compare_digest(self._sign(claims), signature):
            raise refused()
        # Two spellings of the same bytes would be two tokens.
        if token != f"{_text(claims)}.{_text(signature)}":
            raise refused()
        good_for, at, conversation_id, customer_id = claims.decode().split("\n")
        return Visitor(ConversationId(conversation_id), customer_id, float(at), Pass(good_for))

    def _sign(self, claims: bytes) -> bytes:
        return hmac.digest(self._key, claims, hashlib.sha256)

    def _remember(self, token: str, visitor: Visitor) -> None:
        if visitor.good_for is not Pass.SESSION:
            return
        self._known[token] = visitor
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)


NOT_VALID = "The token is not valid (any more). Open a session with POST /v1/sessions."


def refused(detail: str = NOT_VALID) -> Problem:
    """Return the answer to a token that is not good; it never says in which way."""
    return Problem(401, detail).with_headers({"WWW-Authenticate": "Bearer"})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise refused() from None
