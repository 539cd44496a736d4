"""A Python function as the assistant: `python:package.module:function`.

It is given a `Turn` and gives a string, strings piece by piece, an `Escalate`, or the same plain
JSON as an outside assistant. What is not async runs in a thread of its own, so that a slow
function stops nobody else; one that never ends is given up, and its thread with it.
"""

import asyncio
import importlib
import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from adapters.assistants.answers import (
    BrokenReply,
    Escalate,
    answer_in,
    escalation,
    plain,
    spoken,
    worded,
)
from adapters.assistants.failures import SecondChances
from adapters.assistants.prompt import asked
from adapters.assistants.settings import AssistantSettings
from adapters.assistants.threads import Crashed, Say, Threads
from bridge.domain.conversation import Customer
from bridge.domain.delivery import Answer
from bridge.domain.errors import ConfigurationError, TryAgain
from bridge.domain.messages import Message
from bridge.ports.assistant import Draft, Question

SETTING = "HANDOFF_ASSISTANT"
WHO = "the assistant's function"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a function is given: the customer's newest words, and everything around them.

    `messages` are the last public ones, oldest first, those of teammates among them. `key` is the
    same when the same question is asked again.
    """

    text: str
    messages: tuple[Message, ...]
    customer: Customer
    locale: str
    conversation_id: str
    epoch: int
    key: str


Function = Callable[[Turn], object]


def turn_of(question: Question) -> Turn:
    """Return what the function is given."""
    return Turn(
        text=asked(question),
        messages=tuple(message for message in question.turns if not message.deleted),
        customer=question.customer,
        locale=question.customer.locale,
        conversation_id=question.conversation_id,
        epoch=question.epoch,
        key=question.key,
    )


def load_function(path: str) -> Function:
    """Return the function at `package.module:function`; raises `ConfigurationError`.

    The working directory is searched too, after everything that is installed.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise _unusable(path, "write it as python:package.module:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise _unusable(path, f"there is no module {error.name}") from None
    except (Exception, SystemExit) as error:
        place = _place(error)
        raise _unusable(path, f"importing it raised {type(error).__name__} in {place}") from error
    function = getattr(module, name, None)
    if not callable(function):
        missing = "has no" if function is None else "has something that cannot be called as"
        raise _unusable(path, f"{module_name} {missing} {name}")
    if not _takes_one(function):
        raise _unusable(path, f"{name} must take exactly one argument, the turn")
    return function  # type: ignore[no-any-return]


def _unusable(path: str, why: str) -> ConfigurationError:
    """Return the error for a function that cannot be used."""
    return ConfigurationError([f"{SETTING}: python:{path} cannot be used: {why}"])


def _takes_one(function: Callable[..., object]) -> bool:
    """Whether a function can be called with one argument."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _told(error: BaseException) -> str:
    """Return how a function failed, without any text that may hold a customer's words."""
    if isinstance(error, BrokenReply):
        return str(error)
    if isinstance(error, Crashed) and error.__cause__ is not None:
        error = error.__cause__
    return f"raised {type(error).__name__} in {_place(error)}"


def _place(error: BaseException) -> str:
    """Return the file and line where an error was raised: never what its text says."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


class _Pieces:
    """Collects what a function yields: pieces of the answer, at last perhaps an escalation."""

    def __init__(self, draft: Draft, longest: int) -> None:
        self._draft = draft
        self._longest = longest
        self._text = ""
        self._wish: Escalate | None = None

    def take(self, piece: object) -> None:
        """Take one piece; raises `BrokenReply`."""
        if isinstance(piece, Escalate):
            self._wish = self._wish or piece
        elif isinstance(piece, str):
            self._text += piece
            self._draft(worded(self._text, self._longest))
        else:
            raise BrokenReply(f"yielded a {type(piece).__name__}, not a string or Escalate")

    def answer(self) -> Answer:
        """Return the answer that all pieces make; raises `BrokenReply` when there were none."""
        if self._wish is not None:
            return escalation(self._wish, self._text)
        text = plain(self._text)
        if not text:
            raise BrokenReply("yielded nothing")
        return Answer(text=text)


class PythonAssistant:
    """Answers by a function."""

    def __init__(self, function: Function, settings: AssistantSettings) -> None:
        self._function = function
        self._seconds = settings.patience.total
        self._longest = settings.bounds.answer
        self._threads = Threads(settings.bounds.calls)
        self._chances = SecondChances()

    async def answer(self, question: Question, draft: Draft) -> Answer:
        """Call the function and return what it answered.

        Whatever goes wrong in it is tried once more, then refused.
        """
        limit = asyncio.timeout(self._seconds)

        def say(text: str) -> None:
            if text:
                draft(text)

        try:
            async with limit:
                answer = await self._called(turn_of(question), say)
        except TryAgain:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- what it raises is its own affair
            why = "did not end in time" if limit.expired() else _told(error)
            raise self._chances.failure(question.key, f"{WHO} {why}") from None
        self._chances.forget(question.key)
        return spoken(answer, question.customer.locale)

    async def _called(self, turn: Turn, draft: Draft) -> Answer:
        """Call the function where it belongs: an async one here, any other in a thread."""
        if _is_async(self._function):
            result = self._function(turn)
        else:
            result = await self._threads.run(partial(self._collected, turn), draft)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, AsyncGenerator):
            return await self._gathered(result, draft)
        return returned(result, self._longest)

    async def _gathered(self, result: AsyncGenerator[object, None], draft: Draft) -> Answer:
        """Return the answer that the pieces of an async generator make."""
        pieces = _Pieces(draft, self._longest)
        async with aclosing(result):
            async for piece in result:
                pieces.take(piece)
        return pieces.answer()

    def _collected(self, turn: Turn, say: Say) -> object:
        """Return what the function returns; what it yields is collected on the way."""
        result = self._function(turn)
        if not isinstance(result, Iterator):
            return result
        pieces = _Pieces(say, self._longest)
        for piece in result:
            pieces.take(piece)
        return pieces.answer()


def _is_async(function: Function) -> bool:
    """Whether calling a function does nothing yet but make something to await."""
    call = getattr(function, "__call__", function)  # noqa: B004 -- the method itself is wanted
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in (function, call)
    )


def returned(result: object, longest: int) -> Answer:
    """Return the answer that a function's value means; raises `BrokenReply`."""
    match result:
        case Answer():
            return replace(result, text=worded(result.text, longest))
        case Escalate():
            return escalation(result)
        case str() if result.strip():
            return Answer(text=worded(result, longest))
        case Mapping():
            return answer_in(result, longest)
        case _:
            raise BrokenReply(f"returned {_named(result)}, not a string or Escalate")


def _named(result: object) -> str:
    """Return a few words for a value that is no answer, without its content."""
    if result is None or result == "":
        return "nothing"
    return f"a {type(result).__name__}"
