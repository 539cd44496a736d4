"""The bot API: an outside AI bot brings its conversations here and hands them to people.

The bot speaks for two: it puts in the customer's words, and its own answers while it has the
floor. An answer made under an old epoch is refused and shown to nobody.
"""

import secrets
from typing import Any

from aiohttp import web

from adapters.messages import Json, bot_files
from adapters.problems import Problem
from adapters.web.fields import refuse
from adapters.web.files import file_for_customer, give
from adapters.web.gate import Asked, Handler, not_there, reply
from adapters.web.given import Core
from adapters.web.importing import check_conflicts, check_ids, inside
from adapters.web.keys import bot_key, digest_of, moment_of
from adapters.web.opening import check_room, tell_of
from adapters.web.pages import page_of
from adapters.web.shapes import case_json
from adapters.web.verdicts import handoff_of, placed, state_of, unless_declined
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.facts import (
    AssistantWanted,
    BotWrote,
    PersonAsked,
    Taken,
)
from bridge.domain.ids import ConversationId, FileId, derive
from bridge.ports.files import Files


class BotApi:
    """The calls of the bot API. `desks` are the desks there are, when a bot names one."""

    def __init__(self, core: Core, files: Files, desks: tuple[str, ...]) -> None:
        self._core = core
        self._files = files
        self._desks = desks

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by the names of their calls."""
        return {
            "openBotConversation": self.open,
            "postBotMessage": self.write,
            "escalateBotConversation": self.escalate,
            "returnBotConversation": self.go_back,
            "getBotConversation": self.conversation,
            "getBotMessages": self.messages,
            "downloadBotFile": self.file,
        }

    async def open(self, asked: Asked) -> web.Response:
        """Begin a conversation, or find the one of the same external id."""
        external_id = asked.body.get("external_id")
        name = ("bot", external_id) if external_id else ("bot", "", secrets.token_hex(16))
        conversation_id = ConversationId(derive("c", *name))
        messages = asked.body.get("messages") or []
        check_ids(messages)
        known = await self._core.board.conversation(conversation_id)
        told = _told(asked.body["customer"], known)
        if known is not None:
            await check_conflicts(self._core, known, conversation_id, messages)
        await tell_of(self._core, known, conversation_id, told)
        for index, message in enumerate(messages):
            try:
                await self._say(conversation_id, message, past=True)
            except Problem as problem:
                raise inside(index, problem) from None
        after = await self._conversation(conversation_id)
        return reply(201, {"id": after.id, "epoch": after.epoch})

    async def write(self, asked: Asked) -> web.Response:
        """Take the customer's words or the bot's."""
        conversation_id = asked.conversation_id
        status, place, floor, epoch = await self._say(conversation_id, asked.body)
        if not floor:
            now = await self._conversation(conversation_id)
            floor, epoch = now.floor, now.epoch
        return reply(status, {**place, "floor": floor, "epoch": epoch})

    async def _say(
        self, conversation_id: ConversationId, said: dict[str, Any], *, past: bool = False
    ) -> tuple[int, Json, str, int]:
        """Report a message; returns the status, its place, and the floor and epoch if told."""
        digest = digest_of(said["role"], said["text"])
        fact = BotWrote(
            key=bot_key(conversation_id, said["client_id"]),
            at=self._core.clock.now(),
            conversation_id=conversation_id,
            role=said["role"],
            text=said["text"],
            epoch=said.get("epoch"),
            digest=digest,
            past=past,
            sent_at=said.get("sent_at"),
            client_id=said["client_id"],
        )
        verdict = await self._core.inbox.report(fact)
        status, place = placed(verdict, digest)
        if isinstance(verdict, Taken):
            return status, place, verdict.floor, verdict.epoch
        return status, place, "", 0

    async def escalate(self, asked: Asked) -> web.Response:
        """Call a person for the bot."""
        body = asked.body
        self._check_desk(body)
        before = await self._conversation(asked.conversation_id)
        fact = PersonAsked(
            key=f"ask:{moment_of(before)}",
            at=self._core.clock.now(),
            conversation_id=before.id,
            source="bot",
            reason=body["reason"],
            summary=body.get("summary", ""),
            evidence=body.get("evidence", ""),
            urgency=body.get("urgency", "normal"),
            desk=body.get("desk", ""),
            room=body.get("room", ""),
        )
        unless_declined(await self._core.inbox.report(fact))
        after = await self._conversation(before.id)
        return reply(202, await handoff_of(self._core.board, after))

    def _check_desk(self, body: dict[str, Any]) -> None:
        desk = body.get("desk")
        if desk and desk not in self._desks:
            raise refuse("desk", f"must be one of {', '.join(self._desks) or 'none'}.")

    async def go_back(self, asked: Asked) -> web.Response:
        """Give the floor back to the assistant."""
        before = await self._conversation(asked.conversation_id)
        key, at = f"return:{moment_of(before)}", self._core.clock.now()
        fact = AssistantWanted(key=key, at=at, conversation_id=before.id)
        unless_declined(await self._core.inbox.report(fact))
        after = await self._conversation(before.id)
        return reply(202, await state_of(self._core.board, after))

    async def conversation(self, asked: Asked) -> web.Response:
        """Answer with the conversation, its customer and its handoff."""
        conversation = await self._conversation(asked.conversation_id)
        state = await state_of(self._core.board, conversation)
        return reply(200, {**state, **case_json(conversation)})

    async def messages(self, asked: Asked) -> web.Response:
        """Answer with a page of the log."""
        board, conversation_id = self._core.board, asked.conversation_id
        files, find = bot_files(conversation_id), self._conversation
        return reply(200, await page_of(board, conversation_id, asked.query, find, files))

    async def file(self, asked: Asked) -> web.StreamResponse:
        """Give out a file of the conversation."""
        file_id = FileId(asked.request.match_info["file_id"])
        given = self._files, self._core.board, asked.conversation_id, file_id
        stored = await file_for_customer(*given)
        if stored is None:
            raise not_there("file in this conversation")
        return await give(stored, asked)

    async def _conversation(self, conversation_id: ConversationId) -> Conversation:
        found = await self._core.board.conversation(conversation_id)
        if found is None:
            raise not_there("conversation")
        return found


def _told(about: dict[str, Any], known: Conversation | None) -> Customer:
    """Return what a bot tells of the customer; raises 422 when it is more than can be kept."""
    attributes = about.get("attributes") or {}
    check_room(known, attributes, "customer.attributes")
    return Customer(
        name=about.get("name") or None,
        email=about.get("email") or None,
        locale=about.get("locale") or ("" if known else "en"),
        external_id=about.get("external_id"),
        attributes=attributes,
    )
