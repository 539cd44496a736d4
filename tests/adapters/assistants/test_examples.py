"""The examples of the documentation, run as they are written there."""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from adapters.assistants import AssistantSettings, make_assistant
from adapters.assistants.answers import answer_in
from adapters.assistants.faq import FaqAssistant
from adapters.assistants.faq_index import Faq
from adapters.assistants.faq_pages import load_sections
from adapters.assistants.python import PythonAssistant, load_function
from adapters.assistants.scripted import load_script
from adapters.outbound import open_session
from adapters.webhooks import WebhookSender, signing_keys
from bridge.clock import SystemClock
from bridge.domain.delivery import Answer
from bridge.domain.errors import Refused
from bridge.ports.assistant import Assistant
from tests.adapters.assistants.asking import Drafts, no_draft, question
from tests.servers.assistant_webhook import SECRET, FakeReceiver, replies

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
PATIENCE = 20.0

node = pytest.mark.skipif(
    shutil.which("node") is None, reason="no Node on this machine: `make tools` installs it"
)


def examples(page: str) -> dict[str, str]:
    """Return the marked examples of a page by name."""
    text = (DOCS / page).read_text("utf-8")
    return dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```\n", text, re.DOTALL))


SHOWN = {**examples("assistants.md"), **examples("bot-api.md")}


@pytest.mark.parametrize("name", [name for name in SHOWN if name.startswith("examples/")])
def test_what_a_page_shows_is_the_file(name: str) -> None:
    """The code on a page is the code of the file it names."""
    assert (DOCS / name).read_text("utf-8") == SHOWN[name]


def test_every_example_is_there() -> None:
    """Both pages hold the examples that the tests below run."""
    assert {"faq", "question", "replies", "script"} < SHOWN.keys()
    assert {"examples/bot.mjs", "examples/python_bot.py"} < SHOWN.keys()


async def test_the_faq_page(tmp_path: Path) -> None:
    """The page of the documentation answers questions worded like its hints."""
    (tmp_path / "visits.md").write_text(SHOWN["faq"], "utf-8")
    assistant = FaqAssistant(Faq(load_sections(tmp_path)))
    for asked, told in (
        ("how much is a ticket?", "Twelve euros, children under twelve nothing."),
        ("opening times please", "From Tuesday to Sunday, 10:00 to 18:00."),
    ):
        assert (await assistant.answer(question(asked), no_draft)).text == told


async def test_the_question_of_a_webhook() -> None:
    """What is documented as the question is what is really sent."""
    async with FakeReceiver() as receiver, open_session() as session:
        receiver.next(replies({"text": "ok"}))
        settings = AssistantSettings(url=receiver.url, secret=SECRET)
        assistant = make_assistant("webhook", settings, session, SystemClock())
        await assistant.answer(question("Where is my parcel?"), no_draft)
        assert receiver.received[0].body == json.loads(SHOWN["question"])


@pytest.mark.parametrize("line", SHOWN["replies"].splitlines())
def test_the_replies_of_a_webhook(line: str) -> None:
    """Each documented reply is understood, all of its fields used."""
    reply = json.loads(line)
    answer = answer_in(reply, 8_000)
    assert (answer.escalate is not None) == ("escalate" in reply)
    assert answer.failed == reply.get("failed", False)
    assert answer.confidence == reply.get("confidence")
    assert answer.name == reply.get("name")


def test_the_script(tmp_path: Path) -> None:
    """The documented script can be played."""
    path = tmp_path / "script.jsonl"
    path.write_text(SHOWN["script"], "utf-8")
    assert len(load_script(path)) == 4


class TestPythonBot:
    @pytest.fixture
    def assistant(self) -> Iterator[Assistant]:
        """The function of the example, found as it would be in its own folder."""
        before = list(sys.path)
        sys.path.append(str(EXAMPLES))
        yield PythonAssistant(load_function("python_bot:reply"), AssistantSettings())
        sys.path[:] = before
        sys.modules.pop("python_bot", None)

    async def test_it_answers(self, assistant: Assistant) -> None:
        """Pieces grow into the answer."""
        drafts = Drafts()
        answer = await assistant.answer(question("And on Saturday?"), drafts)
        assert answer == Answer(text="On Saturday we are open from ten to four.")
        assert drafts.seen[0] == "On Saturday we are open"

    async def test_it_asks_for_a_person(self, assistant: Assistant) -> None:
        """What it does not know goes to people."""
        answer = await assistant.answer(question("My parcel is lost"), no_draft)
        assert answer.escalate == "asked something other than the opening hours"


class Program:
    """A program of its own, whose lines can be awaited."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self, pattern: str) -> re.Match[str]:
        """Return the first line that matches, from here on."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self._process.stdout.readline()).decode():
                if found := re.search(pattern, line):
                    return found
        raise AssertionError(f"it ended without saying {pattern}")

    async def is_told(self, line: str) -> None:
        """Type a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()


@asynccontextmanager
async def program(*command: str, **settings: str) -> AsyncIterator[Program]:
    """Run a program and end it afterwards."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HANDOFF_", "SLACK_"))}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**kept, **settings},
        cwd=ROOT,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE):
            await process.communicate()


@node
class TestWebhookBot:
    @pytest.fixture
    async def url(self) -> AsyncIterator[str]:
        """The Node assistant, running on a free port."""
        command = ("node", str(EXAMPLES / "webhook_bot.mjs"))
        async with program(*command, WEBHOOK_SECRET=SECRET, PORT="0") as bot:
            port = (await bot.says(r"port (\d+)"))[1]
            yield f"http://127.0.0.1:{port}/"

    async def test_it_answers_what_is_signed(self, url: str) -> None:
        """It understands the question, checks its signature, and asks for people when it should."""
        async with open_session() as session:
            settings = AssistantSettings(url=url, secret=SECRET)
            assistant = make_assistant("webhook", settings, session, SystemClock())
            answer = await assistant.answer(question("Hello", "Where is it?"), no_draft)
            assert answer.text == "You wrote 2 messages, the last one: Where is it?"
            answer = await assistant.answer(question("I want a refund", key="q2"), no_draft)
            assert answer.escalate == "a refund needs a person"

    async def test_an_event_wants_no_answer(self, url: str) -> None:
        """An outgoing webhook to the same address is taken, and the next question answered."""
        async with open_session() as session:
            keys, clock = signing_keys("HANDOFF_WEBHOOK_SECRET", SECRET), SystemClock()
            sender = WebhookSender(URL(url), keys, session, clock)
            for shown in ("event", "handoff-event"):
                event = json.loads(SHOWN[shown])
                await sender.send("d_1", event["type"], event["data"])
            assistant = make_assistant(
                "webhook", AssistantSettings(url=url, secret=SECRET), session, clock
            )
            assert (await assistant.answer(question("Hello"), no_draft)).text

    async def test_it_refuses_what_is_not(self, url: str) -> None:
        """Another secret gets 401."""
        async with open_session() as session:
            settings = AssistantSettings(url=url, secret="whsec_b3RoZXIgc2VjcmV0")
            assistant = make_assistant("webhook", settings, session, SystemClock())
            with pytest.raises(Refused, match="401"):
                await assistant.answer(question("Hello"), no_draft)


@node
class TestNodeBot:
    """The bot of the bot API, against the whole bridge with the sandbox desk."""

    @pytest.fixture
    async def bridge(self, tmp_path: Path) -> AsyncIterator[str]:
        """A running bridge; its address."""
        settings = {
            "HANDOFF_DATABASE_URL": f"sqlite:///{tmp_path}/bridge.db",
            "HANDOFF_PORT": "0",
            "HANDOFF_API_KEYS": "a-key-for-the-bot",
            "HANDOFF_DESKS": "sandbox",
            "HANDOFF_ASSISTANT": "none",
            "HANDOFF_LOG_FORMAT": "text",
        }
        async with program(sys.executable, "-m", "bridge", "serve", **settings) as serving:
            yield (await serving.says(r"(http://127\.0\.0\.1:\d+)"))[1]

    async def test_from_question_to_person(self, bridge: str) -> None:
        """It answers what it knows, hands over what it does not, falls silent, and shows the
        teammate's reply.
        """
        key = {"BRIDGE_URL": bridge, "BRIDGE_KEY": "a-key-for-the-bot"}
        async with program("node", str(EXAMPLES / "bot.mjs"), **key) as bot:
            await bot.is_told("When do you open?")
            await bot.says("Bot: We are open from nine to five.")
            await bot.is_told("My parcel is lost")
            async with aiohttp.ClientSession(bridge) as desk:
                thread = await opened(desk)
                await replied(desk, thread, "Hello, I am looking into it.")
                await bot.says("Hello, I am looking into it.")
                await bot.is_told("Are you open now?")
                await replied(desk, thread, "That was for me.")
                found = await bot.says("Bot:|That was for me.")
                assert found[0] == "That was for me."


async def opened(desk: aiohttp.ClientSession) -> Any:
    """Return the first thread at the sandbox desk, once there is one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with desk.get("/sandbox/room") as response:
                threads = (await response.json())["threads"]
            if threads:
                return threads[0]["id"]
            await asyncio.sleep(0.1)


async def replied(desk: aiohttp.ClientSession, thread: Any, text: str) -> None:
    """Write in the thread as a teammate."""
    async with desk.get("/sandbox/room") as response:
        teammate = (await response.json())["teammates"][0]["id"]
    said = {"as": teammate, "text": text}
    path, headers = f"/sandbox/threads/{thread}/posts", {"X-Handoff-Desk": "1"}
    async with desk.post(path, json=said, headers=headers) as response:
        assert response.status == 201, await response.text()
