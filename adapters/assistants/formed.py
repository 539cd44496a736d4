"""Asks a language model for one JSON value of a given shape: quickly, or not at all.

Whoever asks has something to fall back on, so nothing here raises: no answer in time, a broken one
or a resting server are all None.
"""

import json
from collections.abc import Mapping, Sequence

import aiohttp

from adapters.assistants.answers import BrokenReply
from adapters.assistants.chat import ChatServer, formed
from adapters.assistants.chat_reply import Heard
from adapters.assistants.chat_request import Request, Tool, Turn
from adapters.assistants.failures import Breaker
from adapters.assistants.settings import AssistantSettings
from adapters.outbound import Patient
from bridge.domain.errors import Refused, TryAgain
from bridge.domain.findings import told_to_models
from bridge.domain.messages import Message, Role
from bridge.ports.core import Clock

TOKENS = 500

_SPEAKERS = {Role.CUSTOMER: "customer", Role.ASSISTANT: "assistant", Role.TEAMMATE: "colleague"}


class FormedChat:
    """A model that answers in a shape."""

    def __init__(
        self, settings: AssistantSettings, session: aiohttp.ClientSession, clock: Clock
    ) -> None:
        self._server = ChatServer(settings, session, clock)
        self._model = settings.model
        self._breaker = Breaker(clock)

    async def ask(
        self, turns: tuple[Turn, ...], form: Tool, seconds: float
    ) -> Mapping[str, object] | None:
        """Return the model's answer to these turns, within `seconds` altogether, or None."""
        if not self._breaker.admit():
            return None
        patience = Patient(connect=seconds, first_byte=seconds, total=seconds)
        request = Request(self._model, turns, TOKENS, form=form)
        try:
            value = formed(await self._server.ask(request, patience, _unheard))
        except (BrokenReply, TryAgain, Refused):
            self._breaker.failed()
            return None
        self._breaker.succeeded()
        return value if isinstance(value, dict) else None


def _unheard(heard: Heard) -> None:
    """Nobody watches this answer grow."""


def talk_as_data(messages: Sequence[Message], longest: int) -> str:
    """Return the public talk as JSON, the newest turns that fit; no text can pose as a turn."""
    kept: list[dict[str, str]] = []
    left = longest
    for message in reversed(messages):
        speaker = _SPEAKERS.get(message.role)
        if speaker is None or message.deleted:
            continue
        text = told_to_models(message.text[: longest // 4])
        left -= len(text)
        if left < 0:
            break
        kept.append({"speaker": speaker, "text": text})
    return json.dumps(kept[::-1], ensure_ascii=False)
