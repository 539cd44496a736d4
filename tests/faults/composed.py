"""The whole application as it is put together for a real start, in this process, and its store.

It runs on a SQLite file with two desks (a fake Slack and the sandbox) and no assistant of its own.
Two customers are there: one whose handoff stands in Slack, one whose handoff stands in the sandbox.
"""

import asyncio
import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from adapters.web.visitors import DAY, Pass, Visitors
from bridge.app.operator import operator_token
from bridge.app.run import Background, Started, started
from bridge.clock import SystemClock
from bridge.config import read_settings
from bridge.domain.ids import ConversationId
from bridge.log import JsonLines
from tests.servers.slack import BOT_TOKEN, SIGNING_SECRET, FakeSlack
from tests.servers.slack_state import ROOM

KEY = "key-of-the-bots-0123456789"
SECRET_KEY = "secret-of-the-bridge-0123456789"
IDENTITY_SECRET = "secret-of-the-site-0123456789abcdef"
SHOP = "https://shop.example"
TEAMMATE = {"X-Handoff-Desk": "1"}

RESTLESS = {"shard": "id", "instance": "id", "counters": "name", "sqlite_sequence": "name"}
"""Tables in which time alone, or a look, changes a row: of these only this column is compared."""

WORKING = "SELECT count(*) FROM delivery WHERE progress IN ('queued', 'sending')"

SECRETS = (KEY, SECRET_KEY, IDENTITY_SECRET, BOT_TOKEN, SIGNING_SECRET)


class EarlierClock(SystemClock):
    """A clock that is behind, to make tokens that are old by now."""

    def __init__(self, behind: float) -> None:
        self._behind = behind

    def now(self) -> float:
        """Return the time as it was."""
        return super().now() - self._behind


class Lines(logging.Handler):
    """Keeps the log as the lines that would be written."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self.format(record))


def environment(folder: Path, slack: FakeSlack, **changes: str) -> dict[str, str]:
    """Return the settings of a start."""
    return {
        "HANDOFF_DATABASE_URL": f"sqlite:///{folder}/handoff.db",
        "HANDOFF_PORT": "0",
        "HANDOFF_SECRET_KEY": SECRET_KEY,
        "HANDOFF_IDENTITY_SECRET": IDENTITY_SECRET,
        "HANDOFF_API_KEYS": f"another-key-0123456789,{KEY}",
        "HANDOFF_ALLOWED_ORIGINS": SHOP,
        "HANDOFF_RATE_LIMITS": "off",
        "HANDOFF_DESKS": "slack,sandbox",
        "HANDOFF_ASSISTANT": "none",
        "HANDOFF_SLACK_ROOM": ROOM,
        "HANDOFF_SLACK_POSTS_PER_SECOND": "0",
        "HANDOFF_SLACK_FILE_HOSTS": slack.host,
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        **changes,
    }


@dataclass
class House:
    """A running application, its surroundings, and the names that requests may be made with."""

    folder: Path
    slack: FakeSlack
    http: aiohttp.ClientSession
    app: Started
    log: Lines
    names: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Make a call; returns the status and the body, parsed where it is JSON."""
        async with self.http.request(method, self.app.url + path, **options) as answer:
            raw = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, json.loads(raw) if is_json else raw

    def bearer(self, name: str) -> dict[str, str]:
        """Return the header that shows one of the names."""
        return {"Authorization": f"Bearer {self.names[name]}"}

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table, the desk's own included, and the files there are."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for name in ("handoff.db", "handoff.sandbox.db"):
            address = f"file:{self.folder / name}?mode=ro"
            with contextlib.closing(sqlite3.connect(address, uri=True)) as reader:
                master = "SELECT name FROM sqlite_master WHERE type = 'table'"
                for (table,) in reader.execute(master).fetchall():
                    columns = RESTLESS.get(table, "*")
                    rows = reader.execute(f"SELECT {columns} FROM {table}")  # noqa: S608
                    found[f"{name}:{table}"] = sorted(rows.fetchall(), key=repr)
        files = sorted(path for path in (self.folder / "files").rglob("*") if path.is_file())
        found["files"] = [(str(path), path.stat().st_size) for path in files]
        return found

    def changes(self, before: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[Any]]:
        """Return what is stored otherwise than before: rows that came and rows that went."""
        now = self.stored()
        return {
            table: [
                row for row in (*rows, *before[table]) if (row in rows) != (row in before[table])
            ]
            for table, rows in now.items()
            if rows != before[table]
        }

    async def quiet(self) -> None:
        """Wait until nothing is on its way any more."""
        async with asyncio.timeout(20):
            while self._ask_store(WORKING):  # noqa: ASYNC110 -- a file has no event
                await asyncio.sleep(0.01)

    async def all_shown(self) -> None:
        """Wait until it is stored that the first customer's page has shown everything."""
        mine = "SELECT shown = seq FROM conversation WHERE id = ?"
        async with asyncio.timeout(20), self._stream():
            while not self._ask_store(mine, self.names["conversation"]):  # noqa: ASYNC110 -- likewise
                await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def _stream(self) -> AsyncIterator[None]:
        path = f"{self.app.url}/v1/stream?ticket={self.names['ticket']}"
        async with self.http.get(path) as answer:
            assert answer.status == 200
            yield

    def _ask_store(self, question: str, *given: str) -> Any:
        """Return the first column of the first row."""
        address = f"file:{self.folder / 'handoff.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as reader:
            return reader.execute(question, given).fetchone()[0]

    async def people(self) -> None:
        """Bring both customers to a person, and note the names of all there is."""
        for which in ("", "other_"):
            _, session = await self.ask("POST", "/v1/sessions", json={"name": "Mia"})
            self.names[f"{which}token"] = session["token"]
            self.names[f"{which}conversation"] = session["conversation_id"]
            form = aiohttp.FormData()
            form.add_field("file", b"bytes", filename="a.txt")
            bearer = self.bearer(f"{which}token")
            _, kept = await self.ask("POST", "/v1/files", headers=bearer, data=form)
            self.names[f"{which}file"] = kept["id"]
        first = {"client_id": "first", "text": "hello"}
        await self.ask("POST", "/v1/messages", headers=self.bearer("token"), json=first)
        await self.ask("POST", "/v1/escalate", headers=self.bearer("token"), json={})
        await self._sandbox()
        await self.quiet()
        room = self.slack.state.rooms[ROOM]
        self.names["slack_thread"] = next(ts for ts in room.order)
        self.names["handoff"] = (
            await self.ask("GET", "/v1/conversation", headers=self.bearer("token"))
        )[1]["handoff"]["id"]
        self._tokens()

    async def _sandbox(self) -> None:
        """Bring the other customer to the sandbox, where a teammate answers; they send a file."""
        path = f"/v1/bot/conversations/{self.names['other_conversation']}/escalate"
        self.names["key"] = KEY
        called = {"reason": "x", "desk": "sandbox"}
        await self.ask("POST", path, headers=self.bearer("key"), json=called)
        await self.quiet()
        _, room = await self.ask("GET", "/sandbox/room", headers=TEAMMATE)
        thread = room["threads"][0]
        self.names["thread"] = str(thread["id"])
        said = {"as": room["teammates"][0]["id"], "text": "Good day."}
        where = f"/sandbox/threads/{thread['id']}/posts"
        _, done = await self.ask("POST", where, headers=TEAMMATE, json=said)
        self.names |= {"post": str(done["post"]["id"]), "mate": said["as"]}
        self.names["other_mate"] = room["teammates"][1]["id"]
        # A desk gives out what stands in its thread, and nothing else of the conversation.
        shown = {"client_id": "shown", "text": "", "attachments": [self.names["other_file"]]}
        await self.ask("POST", "/v1/messages", headers=self.bearer("other_token"), json=shown)

    def _tokens(self) -> None:
        """Note tokens that are not good (any more), and the keys of other doors."""
        mine = ConversationId(self.names["conversation"])
        secret = SECRET_KEY.encode()
        now, old = SystemClock(), EarlierClock(61)
        foreign = Visitors(b"another secret, 0123456789", now)
        self.names |= {
            "ticket": Visitors(secret, now).issue(mine, good_for=Pass.STREAM),
            "old_ticket": Visitors(secret, old).issue(mine, good_for=Pass.STREAM),
            "old_token": Visitors(secret, EarlierClock(31 * DAY)).issue(mine),
            "forged_token": foreign.issue(mine),
            "forged_ticket": foreign.issue(mine, good_for=Pass.STREAM),
            "unknown_token": Visitors(secret, now).issue(ConversationId("c_gone")),
            "operator": operator_token(SECRET_KEY),
            "now": str(int(time.time())),
        }


@contextlib.asynccontextmanager
async def running(folder: Path, slack: FakeSlack, **changes: str) -> AsyncIterator[Started]:
    """Run the application in a task of its own until the end of the block."""
    loop = asyncio.get_running_loop()
    settings = read_settings(
        environment(folder, slack, **changes), look_for_file="HANDOFF_CONFIG" in changes
    )
    up: asyncio.Future[Started] = loop.create_future()
    done = asyncio.Event()

    async def work() -> None:
        async with asyncio.TaskGroup() as group, started(settings, Background(group)) as app:
            up.set_result(app)
            await done.wait()

    task = loop.create_task(work())
    waited: set[asyncio.Future[Any]] = {task, up}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield up.result() if up.done() else await _failed(task)
    finally:
        done.set()
        await task


async def _failed(task: asyncio.Task[None]) -> Started:
    await task
    raise AssertionError("it ended before it began")


@contextlib.asynccontextmanager
async def house(folder: Path, **changes: str) -> AsyncIterator[House]:
    """Run it with everything around it."""
    log, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.INFO)
    try:
        async with FakeSlack() as slack:
            slack.people.retry_after = ()
            jar = aiohttp.DummyCookieJar()
            async with (
                running(folder, slack, **changes) as app,
                aiohttp.ClientSession(cookie_jar=jar) as http,
            ):
                slack.people.target = f"{app.url}/slack/events"
                made = House(folder, slack, http, app, log)
                await made.people()
                yield made
    finally:
        root.removeHandler(log)
        root.setLevel(level)
