"""The public form of a message, the same for the customer, the bot API and the outgoing webhooks.

Only what is named here leaves the house. A `Note` has no such form.
"""

from adapters.moments import rfc3339
from bridge.domain.ids import ConversationId
from bridge.domain.messages import Attachment, Author, Message

Json = dict[str, object]


def author_json(author: Author) -> Json:
    """Return whom a message is shown under."""
    return {"name": author.name, "avatar_url": author.avatar_url}


def attachment_json(attachment: Attachment) -> Json:
    """Return a file as its upload is answered."""
    return {
        "id": attachment.id,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size": attachment.size,
    }


CUSTOMER_FILES = "/v1/files"
"""Where the customer's page downloads files."""


def bot_files(conversation_id: ConversationId) -> str:
    """Return where a bot downloads files of a conversation."""
    return f"/v1/bot/conversations/{conversation_id}/files"


def message_json(message: Message, files: str = CUSTOMER_FILES) -> Json:
    """Return a `Message` of the contract; its files are at the address `files`."""
    return {
        "id": message.id,
        "seq": message.seq,
        "cursor": message.cursor,
        "role": message.role,
        "author": author_json(message.author),
        "text": message.text,
        "attachments": [
            {**attachment_json(file), "url": f"{files}/{file.id}"} for file in message.attachments
        ],
        "sent_at": rfc3339(message.sent_at),
        "edited_at": None if message.edited_at is None else rfc3339(message.edited_at),
        "deleted": message.deleted,
    }
