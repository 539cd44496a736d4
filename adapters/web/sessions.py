"""Opening a session: whose conversation it is, what is told of the customer, what the widget needs.

A conversation belongs to whoever holds its token, or to the customer the site vouches for; then
its id follows from the site's own name for the person, so that it is the same on every device.
The two never mix: an anonymous conversation stays what it is when its customer becomes known.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.messages import Json
from adapters.problems import Problem
from adapters.web.calls import MAX_ATTACHMENTS, MAX_TEXT
from adapters.web.gate import Asked, Handler, reply
from adapters.web.given import Core, WebSettings
from adapters.web.identity import Identity, IdentityCheck
from adapters.web.limits import Limits
from adapters.web.opening import check_room, tell_of
from adapters.web.visitors import Pass, Visitors
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.ids import ConversationId, derive


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose conversation is asked for; `identity` when the site vouches for the customer now."""

    conversation_id: ConversationId
    customer_id: str = ""
    identity: Identity | None = None


class Sessions:
    """Opens sessions."""

    def __init__(
        self, core: Core, settings: WebSettings, visitors: Visitors, limits: Limits
    ) -> None:
        self._core = core
        self._settings = settings
        self._visitors = visitors
        self._limits = limits
        self._identities = IdentityCheck(settings.identity_secret, core.clock)

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by the names of their calls."""
        return {"openSession": self.open}

    async def open(self, asked: Asked) -> web.Response:
        """Begin a conversation or go on with one."""
        owner = self._owner(asked)
        known = await self._core.board.conversation(owner.conversation_id)
        if known is None:
            self._limits.check("new", "", asked.address)
            if owner.identity is None:
                # The token of what was erased does not bring it back.
                owner = _Owner(_new_id())
        customer = _told(asked.body, owner, known)
        await tell_of(self._core, known, owner.conversation_id, customer)
        session = {
            "token": self._visitors.issue(owner.conversation_id, owner.customer_id),
            "conversation_id": owner.conversation_id,
            "resumed": known is not None,
            "config": self.config(),
        }
        return reply(201, session)

    def config(self) -> Json:
        """Return what the widget needs to know."""
        return {
            "name": self._settings.name,
            "accent": self._settings.accent,
            "max_text": MAX_TEXT,
            "max_attachments": MAX_ATTACHMENTS,
            "max_file_bytes": self._settings.max_file_bytes,
            "human_available": self._settings.is_staffed(),
        }

    def _owner(self, asked: Asked) -> _Owner:
        signed, token = asked.body.get("identity"), asked.body.get("token")
        if signed:
            identity = self._identify(signed, asked.address)
            named = derive("c", "identity", identity.customer_id)
            return _Owner(ConversationId(named), identity.customer_id, identity)
        if token:
            try:
                visitor = self._visitors.verify(token, Pass.SESSION)
            except Problem:
                self._limits.denied(asked.address)
            else:
                return _Owner(visitor.conversation_id, visitor.customer_id)
        return _Owner(_new_id())

    def _identify(self, signed: str, address: str) -> Identity:
        try:
            return self._identities.verify(signed)
        except Problem:
            self._limits.denied(address)
            raise


def _new_id() -> ConversationId:
    return ConversationId(derive("c", "web", secrets.token_hex(16)))


def _told(body: dict[str, Any], owner: _Owner, known: Conversation | None) -> Customer:
    """Return what is told of the customer; a page cannot rename whom the site vouched for."""
    name, email = body.get("name"), body.get("email")
    if owner.identity is not None:
        name, email = owner.identity.name, owner.identity.email
    elif owner.customer_id:
        name = email = None
    attributes = body.get("attributes") or {}
    check_room(known, attributes, "attributes")
    return Customer(
        name=name or None,
        email=email or None,
        locale=body.get("locale") or ("" if known else "en"),
        page_url=body.get("page_url"),
        external_id=owner.customer_id or None,
        attributes=attributes,
    )
