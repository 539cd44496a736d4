"""Any OpenAI-compatible server as an assistant: Chat Completions, streamed, with one tool.

The model may call `transfer_to_human`; that call is the assistant's own wish for a person. Only a
finished reply becomes an answer. What broke is asked for once more, then refused.
"""

import json

import aiohttp

from adapters.assistants.answers import BrokenReply, Escalate, escalation, plain
from adapters.assistants.chat import ChatServer
from adapters.assistants.chat_reply import Heard
from adapters.assistants.chat_request import Request, Turn
from adapters.assistants.failures import SecondChances
from adapters.assistants.phrases import phrase
from adapters.assistants.prompt import TRANSFER, Knowledge, instructions, turns_of
from adapters.assistants.settings import AssistantSettings
from bridge.domain.delivery import Answer
from bridge.domain.errors import ConfigurationError, check_all
from bridge.ports.assistant import Draft, Question
from bridge.ports.core import Clock


def _check_model(settings: AssistantSettings) -> None:
    if not settings.model:
        raise ConfigurationError(["HANDOFF_ASSISTANT_MODEL: it is missing; name the model to ask"])


def _check_access(settings: AssistantSettings) -> None:
    if not settings.api_key and not settings.base_url:
        raise ConfigurationError(
            ["OPENAI_API_KEY: it is missing (or OPENAI_BASE_URL, for a server without keys)"]
        )


class OpenAIAssistant:
    """Answers by a language model."""

    def __init__(
        self,
        settings: AssistantSettings,
        session: aiohttp.ClientSession,
        clock: Clock,
        knowledge: Knowledge | None = None,
    ) -> None:
        check_all(
            lambda: _check_model(settings),
            lambda: _check_access(settings),
            lambda: ChatServer(settings, session, clock),
        )
        self._settings = settings
        self._server = ChatServer(settings, session, clock)
        self._knowledge = knowledge
        self._chances = SecondChances()

    async def answer(self, question: Question, draft: Draft) -> Answer:
        """Return the model's answer, drafting it while it grows."""

        def listen(heard: Heard) -> None:
            if text := plain(heard.text):
                draft(text)

        try:
            heard = await self._server.ask(self._request(question), self._settings.patience, listen)
            answer = answer_of(heard, question.customer.locale)
        except BrokenReply as error:
            raise self._chances.failure(question.key, str(error)) from None
        self._chances.forget(question.key)
        return answer

    def _request(self, question: Question) -> Request:
        """Return what is asked: instructions, passages, the talk, and the one tool."""
        passages = self._knowledge(question) if self._knowledge else ()
        first = Turn("system", instructions(self._settings.prompt, question, passages))
        bounds = self._settings.bounds
        return Request(
            model=self._settings.model,
            turns=(first, *turns_of(question, bounds)),
            tokens=bounds.tokens,
            tools=(TRANSFER,),
            streams=True,
        )


def answer_of(heard: Heard, locale: str) -> Answer:
    """Return the answer that a finished reply means; raises `BrokenReply`.

    However often the tool was called, it is one escalation. Arguments that cannot be read do not
    undo it: the model did ask for a person.
    """
    if heard.finish == "length":
        raise BrokenReply("the answer was cut by the token limit")
    text = plain(heard.text)
    calls = [call for call in heard.calls.values() if call.name == TRANSFER.name]
    if calls:
        return escalation(_wish(calls[0].arguments), text)
    if heard.refused:
        return Answer(text=text or phrase("unknown", locale), failed=True)
    if not text:
        raise BrokenReply("the answer is empty")
    return Answer(text=text)


def _wish(arguments: str) -> Escalate:
    """Return the wish that a call's arguments spell, as far as they can be read."""
    try:
        found = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return Escalate()
    if not isinstance(found, dict):
        return Escalate()
    names = ("reason", "summary", "urgency")
    return Escalate(**{name: found[name] for name in names if isinstance(found.get(name), str)})
