"""Telling the core of a customer: the fact that opens a conversation, or renews what is known."""

import secrets
from collections.abc import Mapping

from adapters.web.fields import refuse
from adapters.web.given import Core
from adapters.web.verdicts import unless_declined
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.facts import SessionOpened
from bridge.domain.ids import ConversationId

MOST_ATTRIBUTES = 100
"""Attributes a conversation may gather over all that is told of its customer."""


def check_room(known: Conversation | None, attributes: Mapping[str, str], where: str) -> None:
    """Refuse attributes beyond what a conversation can gather; `where` is their field."""
    gathered = known.customer.attributes if known is not None else {}
    if len({*gathered, *attributes}) > MOST_ATTRIBUTES:
        raise refuse(where, f"a conversation can have {MOST_ATTRIBUTES} at most.")


async def tell_of(
    core: Core, known: Conversation | None, conversation_id: ConversationId, customer: Customer
) -> None:
    """Report a conversation that is new, or whose customer is not the one known."""
    if known is not None and not _is_news(known.customer, customer):
        return
    fact = SessionOpened(
        key=f"open:{conversation_id}:{secrets.token_hex(8)}",
        at=core.clock.now(),
        conversation_id=conversation_id,
        customer=customer,
    )
    unless_declined(await core.inbox.report(fact))


def _is_news(known: Customer, told: Customer) -> bool:
    """Whether anything told differs from what is known."""
    pairs = (
        (told.name, known.name),
        (told.email, known.email),
        (told.locale, known.locale),
        (told.page_url, known.page_url),
        (told.external_id, known.external_id),
    )
    news = any(new and new != old for new, old in pairs)
    return news or not told.attributes.items() <= known.attributes.items()
