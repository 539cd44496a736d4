"""How outgoing work is cut into shards, so that several instances can divide it.

Everything of one room falls into one shard, so that one owner keeps the room's budget and order;
what goes elsewhere, and the timers, fall with their conversation.
"""

from functools import lru_cache
from zlib import crc32

from bridge.domain.delivery import DESK_LEGS, Delivery
from bridge.domain.ids import ConversationId

SHARDS = 64


def shard_of(delivery: Delivery) -> int:
    """Return the shard whose owner carries this delivery."""
    if delivery.leg in DESK_LEGS:
        return _of_room(delivery.desk, delivery.room)
    return shard_of_conversation(delivery.conversation_id)


def shard_of_conversation(conversation_id: ConversationId) -> int:
    """Return the shard whose owner rings this conversation's timers."""
    return _hash(conversation_id)


@lru_cache(maxsize=1024)
def _of_room(desk: str, room: str) -> int:
    return _hash(f"{desk}:{room}")


def _hash(name: str) -> int:
    # Lone surrogates are refused later, with a better word for it than an encoding error here.
    return crc32(name.encode(errors="surrogatepass")) % SHARDS
