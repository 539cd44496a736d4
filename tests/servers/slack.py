"""A fake Slack over real HTTP: the Web API, uploads, downloads, Socket Mode, and people who act.

`async with FakeSlack() as slack:` serves on a free port of the loopback; `slack.api_url` is the
base to configure. `python -m tests.servers.slack --port N` is the same as a process of its own,
driven by `POST /control` and read by `GET /ledger`, for benchmarks and for tests that kill.
"""

import argparse
import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import web

from tests.servers.slack_faults import Fault, Faults, RateLimit, fail
from tests.servers.slack_files import FileMethods
from tests.servers.slack_people import People
from tests.servers.slack_socket import Sockets
from tests.servers.slack_state import (
    APP_ID,
    BOT_ID,
    BOT_USER,
    ROOM,
    TEAM,
    Json,
    Room,
    SlackError,
    Workspace,
    after,
    live_mentions,
    person,
    public,
)

__all__ = [
    "APP_ID",
    "BOT_ID",
    "BOT_USER",
    "ROOM",
    "TEAM",
    "FakeSlack",
    "Fault",
    "RateLimit",
    "live_mentions",
    "person",
]

BOT_TOKEN = "xoxb-fake-bot-token"
APP_TOKEN = "xapp-fake-app-token"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"

SCOPES = (
    "chat:write,chat:write.customize,commands,app_mentions:read,channels:history,groups:history,"
    "channels:read,groups:read,users:read,files:read,files:write,reactions:write,pins:write"
)

Method = Callable[[Json], Json]


class FakeSlack:
    """The workspace, served. Everything is open to the test: state, faults, people, ledger."""

    def __init__(self, *, port: int = 0, echo: bool = False) -> None:
        self.state = Workspace()
        self.faults = Faults()
        self.posting = RateLimit()
        self.updating = RateLimit()
        self.reading = RateLimit()
        self.latency = 0.0
        self.page_limit = 1000
        self.scopes = SCOPES
        self.echo = echo
        self.tokens = {BOT_TOKEN}
        self._under_way = 0
        self._late: list[tuple[Room, Json]] = []
        self.files = FileMethods(self)
        self.people = People(self)
        self.sockets = Sockets(self)
        self._port = port
        self._runner: web.AppRunner | None = None
        self._methods: dict[str, Method] = {
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.postEphemeral": self._post_ephemeral,
            "conversations.replies": self._replies,
            "conversations.history": self._history,
            "conversations.info": self._info,
            "users.info": self._user,
            "auth.test": self._auth,
            "reactions.add": self._react,
            "reactions.remove": self._unreact,
            "pins.add": self._pin,
            "pins.remove": self._unpin,
            "views.open": self._open_view,
            "apps.connections.open": self.sockets.open,
            **self.files.methods(),
        }

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/api/{method}", self._serve)
        app.router.add_get("/api/{method}", self._serve)
        app.router.add_get("/ledger", self._show_ledger)
        app.router.add_post("/control", self._control)
        app.router.add_post("/response/{id}", self.people.take_response)
        app.router.add_routes([*self.files.routes(), *self.sockets.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.people.stop()
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where the fake is served."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def host(self) -> str:
        """The host and port of the fake."""
        return f"127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        """The base to set as SLACK_API_URL."""
        return f"{self.url}/api/"

    def fail(self, method: str, kind: str, *, times: int = 1, **more: Any) -> None:
        """Let the next calls of a method go wrong; see `Fault`."""
        self.faults.add(method, Fault(kind, **more), times)

    @property
    def is_busy(self) -> bool:
        """Whether a call is being answered or an echo is on its way."""
        return bool(self._under_way) or self.people.is_echoing

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self._under_way += 1
        try:
            return await self._served(request)
        finally:
            self._under_way -= 1

    async def _served(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.state.calls[method] += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        known = self._methods.get(method)
        if known is None:
            return web.json_response({"ok": False, "error": "unknown_method"})
        if not self._is_authorised(request, method):
            return web.json_response({"ok": False, "error": "invalid_auth"})
        fields = await _fields(request)
        limited = self._limited(method, fields)
        if limited is not None:
            return limited
        fault = self.faults.next(method)
        if fault is not None and not fault.after and fault.kind not in {"slow", "late", "twice"}:
            return await fail(fault, request, {})
        answer = _with_effect(known, fields, fault)
        if fault is not None:
            return await fail(fault, request, answer)
        return _json(answer, {"x-oauth-scopes": self.scopes} if method == "auth.test" else None)

    def _is_authorised(self, request: web.Request, method: str) -> bool:
        accepted = {APP_TOKEN} if method == "apps.connections.open" else self.tokens
        return request.headers.get("Authorization", "").removeprefix("Bearer ") in accepted

    def _limited(self, method: str, fields: Json) -> web.Response | None:
        limit, key = self.posting, str(fields.get("channel"))
        if method == "chat.update":
            limit, key = self.updating, "workspace"
        elif method == "conversations.replies":
            limit, key = self.reading, "workspace"
        elif method != "chat.postMessage":
            return None
        wait = limit.refuses(key)
        if wait is None:
            return None
        headers = {"Retry-After": str(int(wait) + 1)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)

    # ── chat ────────────────────────────────────────────────────────────────────────────────────

    def _post_message(self, fields: Json) -> Json:
        room = self.state.room(fields.get("channel"))
        if not fields.get("text") and not fields.get("blocks"):
            raise SlackError("no_text")
        message = {
            "type": "message",
            "subtype": "bot_message",
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "ts": self.state.next_ts(),
            **{k: v for k, v in fields.items() if k not in {"channel", "_late"}},
        }
        self.state.put(room, message, fields.get("_late", 0.0))
        self.state.note("post", room.id, message["ts"], message=message)
        if "_visible_at" in message:
            self._late.append((room, message))
        elif self.echo:
            self.people.echo(room.id, message)
        return {"ok": True, "channel": room.id, "ts": message["ts"], "message": message}

    def show_late(self) -> None:
        """Echo the late messages that can be seen by now."""
        for room, message in list(self._late):
            if self.state.is_visible(message):
                self._late.remove((room, message))
                if self.echo:
                    self.people.echo(room.id, public(message, metadata=True))

    def _update(self, fields: Json) -> Json:
        room, message = self._own(fields)
        if len(str(fields.get("text", ""))) > 4000:
            raise SlackError("msg_too_long")
        keep = {k: v for k, v in fields.items() if k in {"text", "blocks", "metadata"}}
        message.update(keep)
        self.state.note("update", room.id, message["ts"], text=message.get("text"))
        return {"ok": True, "channel": room.id, "ts": message["ts"], "text": message.get("text")}

    def _delete(self, fields: Json) -> Json:
        room, message = self._own(fields)
        if message.get("username"):
            raise SlackError("cant_delete_message")
        self.state.remove(room, message["ts"])
        self.state.note("delete", room.id, message["ts"])
        return {"ok": True, "channel": room.id, "ts": message["ts"]}

    def _own(self, fields: Json) -> tuple[Room, Json]:
        room = self.state.room(fields.get("channel"))
        message = room.messages.get(str(fields.get("ts")))
        if message is None:
            raise SlackError("message_not_found")
        if message.get("bot_id") != BOT_ID:
            raise SlackError("cant_update_message")
        return room, message

    def _post_ephemeral(self, fields: Json) -> Json:
        room = self.state.room(fields.get("channel"))
        if fields.get("user") not in self.state.people:
            raise SlackError("user_not_in_channel")
        ts = self.state.next_ts()
        self.state.ephemeral.append(dict(fields))
        self.state.note("ephemeral", room.id, ts, user=fields["user"], text=fields.get("text"))
        return {"ok": True, "message_ts": ts}

    # ── reading ─────────────────────────────────────────────────────────────────────────────────

    def _replies(self, fields: Json) -> Json:
        room = self.state.room(fields.get("channel"))
        root = str(fields.get("ts"))
        if root not in room.messages:
            raise SlackError("thread_not_found")
        found = list(after(room.threads.get(root, []), str(fields.get("oldest", "0"))))
        return self._page(room, fields, [root, *found])

    def _history(self, fields: Json) -> Json:
        room = self.state.room(fields.get("channel"))
        found = after(room.order, str(fields.get("oldest", "0")))
        roots = [
            ts for ts in found if room.messages[ts].get("thread_ts", ts) == ts
        ]  # replies stand in their threads only
        return self._page(room, fields, roots[::-1])

    def _page(self, room: Room, fields: Json, timestamps: list[str]) -> Json:
        size = min(int(fields.get("limit", 100)), self.page_limit)
        start = int(fields.get("cursor") or 0)
        metadata = str(fields.get("include_all_metadata", "")).casefold() == "true"
        messages = [room.messages[ts] for ts in timestamps]
        seen = [message for message in messages if self.state.is_visible(message)]
        more = start + size < len(seen)
        cursor = str(start + size) if more else ""
        return {
            "ok": True,
            "messages": [public(m, metadata=metadata) for m in seen[start : start + size]],
            "has_more": more,
            "response_metadata": {"next_cursor": cursor},
        }

    def _info(self, fields: Json) -> Json:
        room = self.state.rooms.get(str(fields.get("channel")))
        if room is None:
            raise SlackError("channel_not_found")
        channel = {"id": room.id, "name": room.name, "is_member": room.member}
        return {"ok": True, "channel": channel | {"is_archived": room.archived}}

    def _user(self, fields: Json) -> Json:
        user = self.state.people.get(str(fields.get("user")))
        if user is None:
            raise SlackError("user_not_found")
        return {"ok": True, "user": user}

    def _auth(self, fields: Json) -> Json:
        return {
            "ok": True,
            "url": "https://acme.slack.com/",
            "team": "Acme",
            "team_id": TEAM,
            "user": "bridge",
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
        }

    # ── marks, pins, views ──────────────────────────────────────────────────────────────────────

    def _react(self, fields: Json) -> Json:
        channel, ts, name = self._marked(fields)
        if name in self.state.reactions[channel, ts]:
            raise SlackError("already_reacted")
        self.state.reactions[channel, ts].add(name)
        self.state.note("reaction", channel, ts, name=name)
        return {"ok": True}

    def _unreact(self, fields: Json) -> Json:
        channel, ts, name = self._marked(fields)
        if name not in self.state.reactions[channel, ts]:
            raise SlackError("no_reaction")
        self.state.reactions[channel, ts].discard(name)
        self.state.note("reaction_removed", channel, ts, name=name)
        return {"ok": True}

    def _marked(self, fields: Json) -> tuple[str, str, str]:
        channel, ts = str(fields.get("channel")), str(fields.get("timestamp"))
        self.state.message(channel, ts)
        return channel, ts, str(fields.get("name"))

    def _pin(self, fields: Json) -> Json:
        room, ts = self.state.room(fields.get("channel")), str(fields.get("timestamp"))
        self.state.message(room.id, ts)
        if ts in room.pins:
            raise SlackError("already_pinned")
        if len(room.pins) >= 100:
            raise SlackError("too_many_pins")
        room.pins.add(ts)
        self.state.note("pin", room.id, ts)
        return {"ok": True}

    def _unpin(self, fields: Json) -> Json:
        room, ts = self.state.room(fields.get("channel")), str(fields.get("timestamp"))
        if ts not in room.pins:
            raise SlackError("no_pin")
        room.pins.discard(ts)
        self.state.note("unpin", room.id, ts)
        return {"ok": True}

    def _open_view(self, fields: Json) -> Json:
        self.state.views.append(fields)
        return {"ok": True, "view": {"id": f"V{len(self.state.views)}", **fields["view"]}}

    # ── driving it as a process ─────────────────────────────────────────────────────────────────

    async def _show_ledger(self, request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        shown = {
            "entries": self.state.ledger[since:],
            "calls": self.state.calls,
            "refused": self.posting.refused,
            "reactions": [[*place, *names] for place, names in self.state.reactions.items()],
            "pins": {room.id: sorted(room.pins) for room in self.state.rooms.values()},
            "ephemeral": self.state.ephemeral,
        }
        return web.json_response(shown)

    async def _control(self, request: web.Request) -> web.Response:
        order = await request.json()
        result = await CONTROLS[order.pop("do")](self, **order)
        return web.json_response({"ok": True, "result": result})


async def _set(slack: FakeSlack, **values: Any) -> None:
    if "posts_per_second" in values:
        slack.posting = RateLimit(values["posts_per_second"], values.get("burst", 1))
    slack.latency = values.get("latency", slack.latency)
    slack.page_limit = values.get("page_limit", slack.page_limit)
    slack.echo = values.get("echo", slack.echo)
    if "target" in values:
        slack.people.target = values["target"]


async def _fail(slack: FakeSlack, method: str, kind: str, times: int = 1, **more: Any) -> None:
    slack.fail(method, kind, times=times, **more)


async def _clear(slack: FakeSlack) -> None:
    slack.faults.clear()


async def _act(slack: FakeSlack, name: str, **arguments: Any) -> Any:
    outcome = await getattr(slack.people, f"teammate_{name}")(**arguments)
    return outcome.as_json()


CONTROLS: dict[str, Any] = {"set": _set, "fail": _fail, "clear": _clear, "act": _act}


async def _fields(request: web.Request) -> Json:
    body = await request.read()
    if request.content_type == "application/json":
        loaded = json.loads(body or b"{}")
        return loaded if isinstance(loaded, dict) else {}
    return dict(parse_qsl(body.decode())) | dict(request.query)


def _with_effect(method: Method, fields: Json, fault: Fault | None) -> Json:
    """Do what was asked for: late, or twice, when the fault says so."""
    if fault is not None and fault.kind == "late":
        fields["_late"] = fault.seconds
    answer = _answered(method, fields)
    if fault is not None and fault.kind == "twice":
        _answered(method, fields)
    return answer


def _answered(method: Method, fields: Json) -> Json:
    try:
        return method(fields)
    except SlackError as error:
        return {"ok": False, "error": error.code}


def _json(answer: Json, headers: dict[str, str] | None) -> web.Response:
    return web.Response(
        body=json.dumps(answer).encode(), content_type="application/json", headers=headers
    )


async def _main(port: int, target: str, ready: Path | None) -> None:
    async with FakeSlack(port=port) as slack:
        slack.people.target = target
        print(slack.url, flush=True)
        if ready is not None:
            ready.write_text(slack.url)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--target", default="", help="the bridge's /slack/events")
    parser.add_argument("--ready", type=Path, help="file that gets the address once it serves")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(options.port, options.target, options.ready))
