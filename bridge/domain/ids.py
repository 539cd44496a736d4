"""Names of things: our own ids, and the opaque references that only adapters make and read.

Ids are derived from the fact that caused them, so that replaying a fact names the same things
again. Nothing here is random.
"""

import hashlib
from typing import NewType

ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
HandoffId = NewType("HandoffId", str)
DeliveryId = NewType("DeliveryId", str)
FileId = NewType("FileId", str)

ThreadRef = NewType("ThreadRef", str)
"""A thread at a desk, opaque to the core; what is before the first colon names the desk."""

PostRef = NewType("PostRef", str)
"""A post in a thread, opaque to the core; same prefix."""


def derive(prefix: str, *parts: str) -> str:
    """Return a stable id: `prefix`, an underscore, and 20 hexadecimal digits of a digest."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=10).hexdigest()
    return f"{prefix}_{digest}"


def handoff_id_of(conversation_id: ConversationId, number: int) -> HandoffId:
    """Return the id of a conversation's handoff with this number."""
    return HandoffId(derive("h", conversation_id, str(number)))


def desk_of(ref: str) -> str:
    """Return the name of the desk that made a reference."""
    return ref.partition(":")[0]
