"""The assistant contract, kept by every assistant, with real servers behind those that need one."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.assistants import AssistantSettings, Escalate, Turn, make_assistant
from adapters.assistants.python import PythonAssistant
from adapters.assistants.scripted import ScriptedAssistant, load_script
from adapters.outbound import Patient, open_session
from bridge.clock import SystemClock
from bridge.ports.assistant import Assistant
from tests.contracts.assistant import (
    WORDS,
    Asked,
    AssistantContract,
    Breaks,
    Refers,
    Rig,
    RigMaker,
    Speaks,
)
from tests.servers import assistant_webhook, openai
from tests.servers.assistant_webhook import FakeReceiver
from tests.servers.openai import FakeOpenAI

QUICK = Patient(connect=1.0, first_byte=0.3, total=0.6)


class ScriptedRig(Rig):
    """Its situation is the script it plays, read anew each time."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self.will_answer(WORDS)

    def _plays(self, line: dict[str, object]) -> None:
        self._script.write_text(json.dumps(line), "utf-8")
        self.assistant = ScriptedAssistant(load_script(self._script), SystemClock())

    def will_answer(self, text: str) -> None:
        self._plays({"text": text, "delay_ms": 5})

    def will_escalate(self, reason: str, summary: str) -> None:
        self._plays({"escalate": {"reason": reason, "summary": summary}})

    def will_break(self) -> None:
        self._plays({"error": "the model is down"})


class OpenAIRig(Rig):
    def __init__(self, assistant: Assistant, server: FakeOpenAI) -> None:
        super().__init__(assistant)
        self._server = server

    def will_answer(self, text: str) -> None:
        self._server.next(openai.says(*(f"{word} " for word in text.split())))

    def will_escalate(self, reason: str, summary: str) -> None:
        wish = {"reason": reason, "summary": summary, "urgency": "high"}
        self._server.next(openai.transfers(wish, times=2))

    def will_break(self) -> None:
        self._server.next(openai.dies(openai.chunk({"content": "Half of an ans"})))

    def will_stall(self) -> None:
        self._server.next(openai.stalls())


class WebhookRig(Rig):
    def __init__(self, assistant: Assistant, receiver: FakeReceiver) -> None:
        super().__init__(assistant)
        self._receiver = receiver

    def will_answer(self, text: str) -> None:
        self._receiver.next(assistant_webhook.replies({"messages": [{"text": text}]}))

    def will_escalate(self, reason: str, summary: str) -> None:
        wish = {"reason": reason, "summary": summary}
        self._receiver.next(assistant_webhook.replies({"escalate": wish}))

    def will_break(self) -> None:
        self._receiver.next(assistant_webhook.sends(b"<html>It works!</html>"))

    def will_stall(self) -> None:
        self._receiver.next(assistant_webhook.hangs)


class PythonRig(Rig):
    """The behaviour is set by what `self.result` is; the functions below read it."""

    def __init__(self, settings: AssistantSettings, kind: str) -> None:
        functions = {
            "plain": self._plain,
            "generator": self._generator,
            "async": self._async,
            "async generator": self._async_generator,
        }
        super().__init__(PythonAssistant(functions[kind], settings))
        self.result: Any = None

    def _plain(self, turn: Turn) -> object:
        if self.result == "stall":
            time.sleep(0.9)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def _generator(self, turn: Turn) -> Iterator[object]:
        result = self._plain(turn)
        yield from result.split(" ") if isinstance(result, str) else [result]

    async def _async(self, turn: Turn) -> object:
        if self.result == "stall":
            await SystemClock().sleep(60)
        return self._plain(turn)

    async def _async_generator(self, turn: Turn) -> AsyncIterator[object]:
        result = await self._async(turn)
        for piece in result.split(" ") if isinstance(result, str) else [result]:
            yield piece

    def will_answer(self, text: str) -> None:
        self.result = text

    def will_escalate(self, reason: str, summary: str) -> None:
        self.result = Escalate(reason, summary)

    def will_break(self) -> None:
        self.result = ValueError("my code is 4711-canary")

    def will_stall(self) -> None:
        self.result = "stall"


def _local(rig: Rig) -> AbstractAsyncContextManager[Rig]:
    """Return a rig that needs no server."""

    @asynccontextmanager
    async def made() -> AsyncIterator[Rig]:
        yield rig

    return made()


async def _built(spec: str) -> Assistant:
    """Return an assistant that makes no calls."""
    async with open_session() as session:
        return make_assistant(spec, AssistantSettings(), session, SystemClock())


class TestFaq(Speaks):
    @pytest.fixture
    async def make_rig(self) -> RigMaker:
        rig = Rig(await _built("faq"))
        return lambda: _local(rig)


class TestNone(Asked):
    @pytest.fixture
    async def make_rig(self) -> RigMaker:
        rig = Rig(await _built("none"))
        return lambda: _local(rig)


class TestScripted(Speaks, Refers, Breaks):
    @pytest.fixture
    def make_rig(self, tmp_path: Path) -> RigMaker:
        return lambda: _local(ScriptedRig(tmp_path / "script.jsonl"))


class TestOpenAI(AssistantContract):
    @pytest.fixture
    def make_rig(self) -> RigMaker:
        @asynccontextmanager
        async def made() -> AsyncIterator[Rig]:
            async with FakeOpenAI() as server, open_session() as session:
                settings = AssistantSettings(
                    base_url=server.url, api_key="sk-canary", model="tiny", patience=QUICK
                )
                assistant = make_assistant("openai", settings, session, SystemClock())
                yield OpenAIRig(assistant, server)

        return made


class TestWebhook(AssistantContract):
    @pytest.fixture
    def make_rig(self) -> RigMaker:
        @asynccontextmanager
        async def made() -> AsyncIterator[Rig]:
            async with FakeReceiver() as receiver, open_session() as session:
                settings = AssistantSettings(
                    url=receiver.url, secret=assistant_webhook.SECRET, patience=QUICK
                )
                assistant = make_assistant("webhook", settings, session, SystemClock())
                yield WebhookRig(assistant, receiver)

        return made


class TestPython(AssistantContract):
    @pytest.fixture(params=["plain", "generator", "async", "async generator"])
    def make_rig(self, request: pytest.FixtureRequest) -> RigMaker:
        rig = PythonRig(AssistantSettings(patience=QUICK), request.param)
        return lambda: _local(rig)
