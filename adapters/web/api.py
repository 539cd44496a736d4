"""The customer API: what a customer says and does, as facts; what is stored, as JSON.

Every fact's key is made from what it says and what it was said about, so that a request sent
twice is taken once.
"""

from collections.abc import Iterable

from aiohttp import web

from adapters.problems import Problem
from adapters.web.blank import is_blank
from adapters.web.fields import refuse
from adapters.web.gate import Asked, Handler, nothing, reply
from adapters.web.given import Core
from adapters.web.keys import digest_of, moment_of
from adapters.web.limits import Limits
from adapters.web.pages import page_of
from adapters.web.verdicts import (
    declined,
    handoff_of,
    placed,
    state_of,
    unless_declined,
)
from adapters.web.visitors import Pass, Visitors, refused
from bridge.domain.conversation import Conversation
from bridge.domain.facts import (
    AssistantWanted,
    CustomerRated,
    CustomerSaw,
    CustomerWrote,
    Declined,
    Fact,
    PersonAsked,
    Verdict,
)
from bridge.domain.ids import ConversationId, FileId
from bridge.domain.messages import Attachment
from bridge.ports.core import Typing
from bridge.ports.files import Files


class CustomerApi:
    """The calls of the customer API, sessions, files and the stream left out."""

    def __init__(self, core: Core, files: Files, visitors: Visitors, limits: Limits) -> None:
        self._core = core
        self._files = files
        self._visitors = visitors
        self._limits = limits

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by the names of their calls."""
        return {
            "getConversation": self.conversation,
            "getMessages": self.messages,
            "postMessage": self.write,
            "escalate": self.escalate,
            "returnToAssistant": self.go_back,
            "tellTyping": self.type,
            "tellRead": self.read,
            "rate": self.rate,
            "getStreamTicket": self.ticket,
        }

    async def conversation(self, asked: Asked) -> web.Response:
        """Answer with the state of the conversation."""
        conversation = await self._conversation(asked.conversation_id)
        return reply(200, await state_of(self._core.board, conversation))

    async def messages(self, asked: Asked) -> web.Response:
        """Answer with a page of the log."""
        board, conversation_id = self._core.board, asked.conversation_id
        return reply(200, await page_of(board, conversation_id, asked.query, self._conversation))

    async def write(self, asked: Asked) -> web.Response:
        """Take a message."""
        conversation_id, body = asked.conversation_id, asked.body
        text, ids = body["text"], body.get("attachments") or []
        if not ids and is_blank(text):
            raise refuse("text", "must not be blank when there are no attachments.")
        attachments = await self._attached(conversation_id, ids) if ids else ()
        digest = digest_of(text, *ids)
        fact = CustomerWrote(
            key=f"web:{conversation_id}:{body['client_id']}",
            at=self._core.clock.now(),
            conversation_id=conversation_id,
            text=text,
            attachments=attachments,
            digest=digest,
        )
        return reply(*placed(await self._report(fact), digest))

    async def escalate(self, asked: Asked) -> web.Response:
        """Call a person."""
        before = await self._conversation(asked.conversation_id)
        fact = PersonAsked(
            key=f"ask:{moment_of(before)}",
            at=self._core.clock.now(),
            conversation_id=before.id,
            source="button",
            reason=asked.body.get("reason", ""),
        )
        unless_declined(await self._report(fact))
        after = await self._conversation(before.id)
        return reply(202, await handoff_of(self._core.board, after))

    async def go_back(self, asked: Asked) -> web.Response:
        """Give the floor back to the assistant."""
        before = await self._conversation(asked.conversation_id)
        key, at = f"return:{moment_of(before)}", self._core.clock.now()
        fact = AssistantWanted(key=key, at=at, conversation_id=before.id)
        unless_declined(await self._report(fact))
        after = await self._conversation(before.id)
        return reply(202, await state_of(self._core.board, after))

    async def type(self, asked: Asked) -> web.Response:
        """Pass on that the customer is typing, not more often than is useful."""
        if self._limits.may_type(asked.conversation_id):
            self._core.presence.tell(asked.conversation_id, Typing("customer"))
        return nothing()

    async def read(self, asked: Asked) -> web.Response:
        """Take how far the customer has read."""
        seq, conversation_id = asked.body["seq"], asked.conversation_id
        conversation = await self._conversation(conversation_id)
        if seq > conversation.seq:
            raise refuse("seq", f"must be at most {conversation.seq}, the last message's.")
        if seq > conversation.read:
            key, at = f"read:{conversation_id}:{seq}", self._core.clock.now()
            fact = CustomerSaw(key=key, at=at, conversation_id=conversation_id, read=seq)
            unless_declined(await self._report(fact))
        return nothing()

    async def rate(self, asked: Asked) -> web.Response:
        """Take a rating; the same rating at the same point of the talk is taken once."""
        body = asked.body
        conversation = await self._conversation(asked.conversation_id)
        about, score, comment = body["about"], body["score"], body.get("comment", "")
        if about == "teammate" and not _met_teammate(conversation):
            raise Problem(409, "about: no teammate has been in this conversation.", field="about")
        digest = digest_of(about, str(score), comment)
        fact = CustomerRated(
            key=f"rating:{moment_of(conversation)}:{digest}",
            at=self._core.clock.now(),
            conversation_id=conversation.id,
            about=about,
            score=score,
            comment=comment,
        )
        unless_declined(await self._report(fact))
        return nothing()

    async def ticket(self, asked: Asked) -> web.Response:
        """Give the right to open a stream."""
        ticket = self._visitors.issue(asked.conversation_id, good_for=Pass.STREAM)
        return reply(201, {"ticket": ticket})

    async def _conversation(self, conversation_id: ConversationId) -> Conversation:
        found = await self._core.board.conversation(conversation_id)
        if found is None:
            raise refused()
        return found

    async def _report(self, fact: Fact) -> Verdict:
        """Report a fact; a token of a conversation that is gone is not good any more."""
        verdict = await self._core.inbox.report(fact)
        if isinstance(verdict, Declined):
            raise refused() if verdict.code == "unknown" else declined(verdict)
        return verdict

    async def _attached(
        self, conversation_id: ConversationId, ids: Iterable[str]
    ) -> tuple[Attachment, ...]:
        """Return the files of these ids; raises 422 naming those that the customer did not upload.

        One from a teammate could not be withdrawn any more if it stood on the customer's message.
        """
        attachments: dict[str, Attachment] = {}
        for index, file_id in enumerate(ids):
            where = f"attachments[{index}]"
            if file_id in attachments:
                raise refuse(where, "stands twice in the list.")
            stored = await self._files.open(conversation_id, FileId(file_id))
            if stored is None or not stored.from_customer:
                raise refuse(where, "is no file of the customer's; upload it to /v1/files.")
            attachments[file_id] = stored.attachment
        return tuple(attachments.values())


def _met_teammate(conversation: Conversation) -> bool:
    handoff = conversation.handoff
    return handoff is not None and (handoff.number > 1 or handoff.claimed_at is not None)
