"""The optional judge: a language model that is asked when all other signs of trouble are silent.

What it is asked and what of its verdict is believed stand in `bridge.domain.policy.judge`; here is
only the call, with its budget and its breaker. No verdict in time is no verdict.
"""

import json

import aiohttp

from adapters.assistants.chat_request import Tool, Turn
from adapters.assistants.formed import FormedChat
from adapters.assistants.settings import AssistantSettings
from bridge.domain.findings import told_to_models
from bridge.domain.policy import Policy, Talk
from bridge.domain.policy.judge import Verdict, messages, read_verdict, schema
from bridge.ports.core import Clock


class ModelJudge:
    """Judges talks by a language model."""

    def __init__(
        self, settings: AssistantSettings, session: aiohttp.ClientSession, clock: Clock
    ) -> None:
        self._chat = FormedChat(settings, session, clock)

    async def verdict(self, policy: Policy, talk: Talk) -> Verdict | None:
        """Return what the model says of a talk, or None: no answer in time, or none to believe.

        Never raises; whether it is to be asked at all is `bridge.domain.policy.judge.is_wanted`.
        """
        turns = tuple(
            Turn(message["role"], told_to_models(message["content"]))
            for message in messages(policy, talk)
        )
        form = Tool("verdict", "Whether a person should take over.", schema(policy))
        seconds = policy.settings.judge.timeout_seconds
        found = await self._chat.ask(turns, form, seconds)
        return None if found is None else read_verdict(policy, talk, json.dumps(found))
