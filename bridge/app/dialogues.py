"""The stored conversations as dialogues, for `handoff policy backtest`; only ever read."""

import asyncio
from collections.abc import Iterable

from bridge.config import read_settings
from bridge.domain.handoff import Handoff
from bridge.domain.ids import ConversationId
from bridge.domain.messages import Message, Role
from bridge.domain.policy.replaying import Dialogue, Said
from storage import open_reader
from storage.store import Reader

PAGE = 500
SPEAKERS = frozenset({Role.CUSTOMER, Role.ASSISTANT, Role.TEAMMATE})
ALL_MESSAGES = 1_000_000


def stored_dialogues() -> Iterable[Dialogue]:
    """Return every stored conversation as a dialogue, by id. Raises `BridgeError`."""
    return asyncio.run(_read(read_settings().database_url))


async def _read(url: str) -> list[Dialogue]:
    found: list[Dialogue] = []
    async with open_reader(url) as reader:
        after = ""
        while page := await reader.conversation_ids(after, PAGE):
            found += [await _dialogue(reader, one) for one in page]
            after = page[-1]
    return found


async def _dialogue(reader: Reader, conversation_id: ConversationId) -> Dialogue:
    log = await reader.history(conversation_id, 1, ALL_MESSAGES)
    handoffs = await reader.handoffs(conversation_id)
    return dialogue_of(conversation_id, log, handoffs[0] if handoffs else None)


def dialogue_of(
    conversation_id: ConversationId, log: tuple[Message, ...], first: Handoff | None
) -> Dialogue:
    """Return one conversation as a dialogue; what was said after the first handoff is left out.

    What the policy of the time did is the truth it is compared with.
    """
    until = first.from_seq if first is not None else ALL_MESSAGES
    turns = tuple(
        Said(place, message.role, message.text)
        for place, message in enumerate(m for m in log if m.role in SPEAKERS)
        if message.seq <= until and not message.deleted
    )
    after = turns[-1].place if first is not None and turns else None
    return Dialogue(conversation_id, "en", turns, first is not None, after)
