"""One page of a conversation's log, as both APIs answer it."""

from collections.abc import Awaitable, Callable
from typing import Any

from adapters.messages import CUSTOMER_FILES, Json, message_json
from adapters.web.calls import PAGE_SIZE
from bridge.domain.conversation import Conversation
from bridge.domain.ids import ConversationId
from bridge.ports.core import Board

Find = Callable[[ConversationId], Awaitable[Conversation]]


async def page_of(
    board: Board,
    conversation_id: ConversationId,
    query: dict[str, Any],
    find: Find,
    files: str = CUSTOMER_FILES,
) -> Json:
    """Return the page that a query asks for; its files are at the address `files`.

    `find` returns the conversation or raises; it is asked only when the page is empty. A cursor
    beyond the log is of another log, as after a restored backup: the page is then the first one.
    """
    after, limit = query.get("after", 0), query.get("limit", PAGE_SIZE)
    found, more = await board.messages(conversation_id, after, limit)
    if not found and after > (await find(conversation_id)).cursor:
        after = 0
        found, more = await board.messages(conversation_id, after, limit)
    cursor = found[-1].cursor if found else after
    listed = [message_json(message, files) for message in found]
    return {"messages": listed, "cursor": cursor, "more": more}
