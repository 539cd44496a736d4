"""Every call of the bot API, as one table: for an AI bot that exists already."""

from adapters.web.calls import (
    ABOUT_CUSTOMER,
    ATTRIBUTES,
    CLIENT_ID,
    CURSOR,
    LINE,
    MAX_IMPORT,
    MOMENT,
    NOT_BLANK,
    PAGE_QUERY,
    Call,
    Who,
)
from adapters.web.fields import Choice, Field, Fields, Listed, Text
from bridge.domain.policy.settings import URGENCIES

BOT_PATH = "/v1/bot/"
BOT_ROLES = Choice(("customer", "assistant"))
BOT_MESSAGE = (
    Field("client_id", CLIENT_ID, "The sender's own id; the same id is taken once.", needed=True),
    Field("role", BOT_ROLES, "Whose words these are.", needed=True),
    Field(
        "text",
        NOT_BLANK,
        "The words, in the Markdown subset; characters that show nothing do not count.",
        needed=True,
    ),
)

BOT_CALLS = (
    Call(
        "openBotConversation",
        "POST",
        "/v1/bot/conversations",
        Who.API_KEY,
        "Begin a conversation for an outside bot; the same external_id is the same conversation.",
        {201: "BotConversation"},
        Fields(
            "BotConversationRequest",
            Field("external_id", Text(200, 1, line=True), "The bot's own id of the conversation."),
            Field(
                "customer",
                Fields(
                    "BotCustomer",
                    Field("external_id", Text(200, 1, line=True), "The customer's id at the site."),
                    *ABOUT_CUSTOMER,
                    Field("attributes", ATTRIBUTES, "What else is known of the customer."),
                ),
                "The customer.",
                needed=True,
            ),
            Field(
                "messages",
                Listed(
                    Fields("Said", *BOT_MESSAGE, Field("sent_at", MOMENT, "When it was said.")), 200
                ),
                "What was said so far, oldest first.",
            ),
        ),
        max_body=MAX_IMPORT,
        problems=(409,),
        conflict="BotConflict",
    ),
    Call(
        "postBotMessage",
        "POST",
        "/v1/bot/conversations/{id}/messages",
        Who.API_KEY,
        "Put in the customer's words, or the bot's answer while it has the floor.",
        {200: "BotAccepted", 202: "BotAccepted"},
        Fields(
            "BotMessageRequest",
            *BOT_MESSAGE,
            Field("epoch", CURSOR, "The epoch the answer was made under."),
        ),
        problems=(404, 409),
        conflict="BotConflict",
    ),
    Call(
        "escalateBotConversation",
        "POST",
        "/v1/bot/conversations/{id}/escalate",
        Who.API_KEY,
        "Call a person. Idempotent while a handoff is open.",
        {202: "HandoffAnswer"},
        Fields(
            "BotEscalateRequest",
            Field("reason", Text(2000, 1), "Why, for the teammates.", needed=True),
            Field("summary", Text(4000), "The case so far, for the teammates."),
            Field("evidence", Text(2000), "The customer's words that led to it."),
            Field("urgency", Choice(URGENCIES), "How soon."),
            Field("desk", LINE, "The desk; without a room, its first."),
            Field("room", LINE, "The room; without a desk, the first desk's."),
        ),
        problems=(404,),
    ),
    Call(
        "returnBotConversation",
        "POST",
        "/v1/bot/conversations/{id}/return",
        Who.API_KEY,
        "Give the conversation back to the assistant.",
        {202: "Conversation"},
        Fields("BotReturnRequest"),
        problems=(404,),
    ),
    Call(
        "getBotConversation",
        "GET",
        "/v1/bot/conversations/{id}",
        Who.API_KEY,
        "The conversation, its customer and its handoff.",
        {200: "BotView"},
        problems=(404,),
    ),
    Call(
        "getBotMessages",
        "GET",
        "/v1/bot/conversations/{id}/messages",
        Who.API_KEY,
        "Everything created or changed since a cursor, in order.",
        {200: "Messages"},
        query=PAGE_QUERY,
        problems=(404,),
    ),
    Call(
        "downloadBotFile",
        "GET",
        "/v1/bot/conversations/{id}/files/{file_id}",
        Who.API_KEY,
        "Download a file of this conversation.",
        {200: "Bytes"},
        media_type="*/*",
        problems=(404,),
    ),
)
