"""Python functions as assistants: how they are found, called, and kept from doing harm."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from adapters.assistants import AssistantSettings, Bounds, Escalate, Turn
from adapters.assistants.python import PythonAssistant, load_function
from adapters.outbound import Patient
from bridge.domain.delivery import Answer
from bridge.domain.errors import ConfigurationError, Refused, TryAgain
from bridge.domain.messages import Role
from tests.adapters.assistants.asking import Drafts, no_draft, question

GOOD = "tests.adapters.assistants.bots.good"
SETTINGS = AssistantSettings(patience=Patient(total=0.3), bounds=Bounds(answer=100, calls=2))


def made(function: Callable[[Turn], Any]) -> PythonAssistant:
    """Return an assistant of a function."""
    return PythonAssistant(function, SETTINGS)


async def ask(function: Callable[[Turn], Any], *said: Any) -> Answer:
    """Ask a function one question."""
    return await made(function).answer(question(*(said or ("Hello?",))), no_draft)


class TestLoading:
    async def test_a_function_by_its_path(self) -> None:
        """`package.module:function` is imported and called."""
        assert (await ask(load_function(f"{GOOD}:reply"), "Hi")).text == "You said: Hi"

    async def test_an_object_that_can_be_called(self) -> None:
        """A callable object with an async call is a bot too, and may answer as JSON."""
        answer = await ask(load_function(f"{GOOD}:bot"))
        assert answer == Answer(text="en", confidence=0.5)

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("", "package.module:function"),
            ("bots", "package.module:function"),
            (":reply", "package.module:function"),
            ("no.such.module:reply", "no module no"),
            ("tests.adapters.assistants.bots.broken:reply", r"RuntimeError in broken.py:3"),
            ("tests.adapters.assistants.bots.leaving:reply", r"SystemExit in leaving.py:5"),
            (f"{GOOD}:missing", "has no missing"),
            (f"{GOOD}:GREETING", "cannot be called"),
            (f"{GOOD}:too_few", "exactly one argument"),
            (f"{GOOD}:too_many", "exactly one argument"),
        ],
    )
    def test_what_cannot_be_used_says_why(self, path: str, why: str) -> None:
        """Each mistake has its own sentence, with the setting in it."""
        with pytest.raises(ConfigurationError, match=why) as failure:
            load_function(path)
        assert failure.value.problems[0].startswith(f"HANDOFF_ASSISTANT: python:{path} ")


class TestAnswers:
    async def test_what_a_function_is_given(self) -> None:
        """The newest words of the customer, the talk with its people, and the customer."""
        seen: list[Turn] = []

        def reply(turn: Turn) -> str:
            seen.append(turn)
            return "ok"

        await ask(reply, "Late!", (Role.TEAMMATE, "I have asked."), "And?")
        turn = seen[0]
        assert (turn.text, turn.locale, turn.conversation_id) == ("And?", "en", "c_1")
        assert [message.role.value for message in turn.messages] == [
            "customer",
            "teammate",
            "customer",
        ]
        assert turn.customer.email == "mia@example.com"

    async def test_pieces_are_drafts(self) -> None:
        """What is yielded grows before the customer's eyes; an escalation may end it."""
        drafts = Drafts()
        assistant = made(load_function(f"{GOOD}:in_pieces"))
        answer = await assistant.answer(question("?"), drafts)
        assert answer == Answer(text="Let me see.", escalate="cannot see", urgency="low")
        assert drafts.seen == ["Let me", "Let me see."]

    @pytest.mark.parametrize(
        ("result", "answer"),
        [
            ("Hi\x00", Answer(text="Hi")),
            (
                Escalate("refund", "s", "high"),
                Answer(escalate="refund", summary="s", urgency="high"),
            ),
            (Escalate(), Answer(escalate="the assistant asked for a person")),
            ({"text": "No idea", "failed": True}, Answer(text="No idea", failed=True)),
            (Answer(text="Hi", name="Robo"), Answer(text="Hi", name="Robo")),
        ],
    )
    async def test_what_may_be_returned(self, result: object, answer: Answer) -> None:
        """A string, a wish for a person, plain JSON, or an answer."""
        assert await ask(lambda _: result) == answer

    @pytest.mark.parametrize("result", [None, "", 7, b"bytes", {}, "a" * 101, ["a", "b"]])
    async def test_what_may_not(self, result: object) -> None:
        """Anything else is tried once more, then refused."""
        assistant = made(lambda _: result)
        with pytest.raises(TryAgain):
            await assistant.answer(question("?"), no_draft)
        with pytest.raises(Refused):
            await assistant.answer(question("?"), no_draft)


def raises(error: BaseException) -> Callable[[Turn], str]:
    """Return a function that raises."""

    def reply(turn: Turn) -> str:
        raise error

    return reply


class TestHarm:
    @pytest.mark.parametrize(
        "error", [KeyError("CANARY"), TimeoutError(), StopIteration(), SystemExit(1)]
    )
    async def test_errors_say_where_and_not_what(self, error: BaseException) -> None:
        """The failure names the kind of error and its place, never its text."""
        with pytest.raises(TryAgain) as failure:
            await ask(raises(error))
        assert "CANARY" not in failure.value.why
        assert type(error).__name__ in failure.value.why

    async def test_an_async_function_cannot_end_the_program(self) -> None:
        """`sys.exit` in a bot is one failed answer."""

        async def reply(turn: Turn) -> str:
            sys.exit(1)

        with pytest.raises(TryAgain, match="SystemExit"):
            await ask(reply)

    async def test_a_slow_function_holds_nobody_up(self) -> None:
        """While a function blocks its thread, the loop goes on; its slot stays taken."""
        release = threading.Event()

        def reply(turn: Turn) -> str:
            release.wait(10)
            return "late"

        assistant = made(reply)
        for key in ("q1", "q2"):
            with pytest.raises(TryAgain, match="did not end in time"):
                await assistant.answer(question("?", key=key), no_draft)
        with pytest.raises(TryAgain, match="too many"):
            await assistant.answer(question("?", key="q3"), no_draft)
        release.set()
        for thread in threading.enumerate():
            if thread.name == "assistant":
                await asyncio.to_thread(thread.join, 2)
        assert (await assistant.answer(question("?", key="q4"), no_draft)).text == "late"

    async def test_an_endless_generator_is_stopped(self) -> None:
        """A generator that nobody waits for is ended at its next piece."""
        ended = threading.Event()

        def reply(turn: Turn) -> Iterator[str]:
            try:
                while not ended.wait(0.01):
                    yield ""
            finally:
                ended.set()

        with pytest.raises(TryAgain):
            await ask(reply)
        assert await asyncio.to_thread(ended.wait, 2)

    async def test_too_many_words_end_a_stream(self) -> None:
        """A stream past the bound is broken, and its generator is closed."""
        closed: list[bool] = []

        async def reply(turn: Turn) -> AsyncIterator[str]:
            try:
                while True:
                    yield "far too long "
                    await asyncio.sleep(0)
            finally:
                closed.append(True)

        with pytest.raises(TryAgain, match="longer than 100"):
            await ask(reply)
        assert closed == [True]
