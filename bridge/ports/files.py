"""Files: what customers and teammates attach, kept apart from the database rows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from bridge.domain.errors import BridgeError
from bridge.domain.ids import ConversationId, FileId
from bridge.domain.messages import Attachment


class TooLarge(BridgeError):
    """The bytes passed the limit; what had been written is gone again."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was kept: its description, and its bytes in pieces.

    `from_customer`: the customer uploaded it. Of files kept by earlier versions that is not known.
    """

    attachment: Attachment
    chunks: AsyncIterator[bytes]
    from_customer: bool = False


class Files(Protocol):
    """Keeps files, each belonging to one conversation."""

    async def put(
        self,
        conversation_id: ConversationId,
        name: str,
        chunks: AsyncIterator[bytes],
        limit: int,
        *,
        from_customer: bool = False,
    ) -> Attachment:
        """Keep a file of at most `limit` bytes durably before returning.

        The name is made safe, the media type is read from the bytes. Raises `TooLarge`.
        """
        ...

    async def open(self, conversation_id: ConversationId, file_id: FileId) -> StoredFile | None:
        """Return a conversation's file, or None when it has no such one."""
        ...

    async def drop(self, conversation_id: ConversationId, file_id: FileId) -> None:
        """Delete a file that came to nothing; one that is not there is no error."""
        ...
