"""Under which names facts are taken once.

A key is made from what is said and what it is said about, never from chance, so that a request
that is sent again names the same thing again.
"""

import hashlib

from bridge.domain.conversation import Conversation
from bridge.domain.ids import ConversationId


def digest_of(*parts: str) -> str:
    """Return what tells two bodies under one client id apart."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode()
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()


def bot_key(conversation_id: ConversationId, client_id: str) -> str:
    """Return under which name a bot's message is taken once."""
    return f"bot:{conversation_id}:{client_id}"


def moment_of(conversation: Conversation) -> str:
    """Return what names this point of the talk: a wish repeated without any answer is the same."""
    return f"{conversation.id}:{conversation.epoch}:{conversation.seq}"
