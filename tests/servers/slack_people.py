"""People in the fake workspace: what they do changes the state and reaches the bridge as events.

Deliveries are signed as Slack signs them and repeated as Slack repeats them: any answer outside
2xx is tried again three times, with the number and the reason of the retry in headers.
https://docs.slack.dev/apis/events-api
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.servers.slack_state import APP_ID, BOT_USER, ROOM, TEAM, Json

if TYPE_CHECKING:
    from tests.servers.slack import FakeSlack


@dataclass(slots=True)
class Outcome:
    """What became of one delivery: each answer's status, and the last body."""

    ts: str = ""
    statuses: list[int] = field(default_factory=list)
    body: str = ""

    @property
    def ok(self) -> bool:
        """Whether the last answer was a success."""
        return bool(self.statuses) and 200 <= self.statuses[-1] < 300

    def as_json(self) -> Json:
        """Return it as plain JSON."""
        return {"ts": self.ts, "statuses": self.statuses, "body": self.body}


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a body.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class People:
    """Those who act. `target` is the bridge's address; `retry_after` the pauses before retries.

    `patience` is how many seconds Slack waits for an answer.
    """

    def __init__(self, slack: "FakeSlack") -> None:
        self._slack = slack
        self.target = ""
        self.secret = "0123456789abcdef0123456789abcdef"
        self.retry_after: Sequence[float] = (0.0, 0.05, 0.1)
        self.skew = 0.0
        self.responses: list[Json] = []
        self.copies = 1
        self.patience = 3.0
        self.tells_metadata = True
        self._events = 0
        self._session: aiohttp.ClientSession | None = None
        self.echoes: list[Outcome] = []
        self._echoes: set[asyncio.Task[Any]] = set()

    async def stop(self) -> None:
        """Stop what is still on its way."""
        for task in list(self._echoes):
            task.cancel()
        await asyncio.gather(*self._echoes, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    # ── what people do ──────────────────────────────────────────────────────────────────────────

    async def teammate_says(
        self, thread: str | None, text: str, user: str = "U0ANN", channel: str = ROOM, **more: Any
    ) -> Outcome:
        """Write in a thread (`thread` is its root's ts), or in the room when it is None."""
        message = self.write(thread, text, user, channel, **more)
        return await self.deliver_message(channel, message)

    def write(
        self, thread: str | None, text: str, user: str = "U0ANN", channel: str = ROOM, **more: Any
    ) -> Json:
        """Put a person's message into the workspace without telling anybody."""
        state = self._slack.state
        ts = state.next_ts()
        message: Json = {
            "type": "message",
            "user": user,
            "text": text,
            "ts": ts,
            "team": TEAM,
            "client_msg_id": f"00000000-0000-4000-8000-{int(ts.replace('.', '')) % 10**12:012d}",
            **more,
        }
        if thread is not None:
            message["thread_ts"] = thread
            root = state.rooms[channel].messages.get(thread, {})
            message["parent_user_id"] = BOT_USER if "bot_id" in root else root.get("user", "")
        return state.put(state.rooms[channel], message)

    async def deliver_message(self, channel: str, message: Json) -> Outcome:
        """Send the events of a message: `message`, and `app_mention` when it names the bot."""
        event = {
            **message,
            "channel": channel,
            "channel_type": "channel",
            "event_ts": message["ts"],
        }
        outcome = await self.deliver_event(event)
        outcome.ts = message["ts"]
        if f"<@{BOT_USER}>" in str(message.get("text")):
            await self.deliver_event({**event, "type": "app_mention"})
        return outcome

    async def teammate_edits(
        self, ts: str, text: str, channel: str = ROOM, editor: str | None = None, **more: Any
    ) -> Outcome:
        """Change the text of a message; `more` overrides fields of the nested message."""
        return await self.deliver_event(self.edit(ts, text, channel, editor, **more))

    def edit(
        self, ts: str, text: str, channel: str = ROOM, editor: str | None = None, **more: Any
    ) -> Json:
        """Change a message in the workspace and return the event that tells of it."""
        message = self._slack.state.message(channel, ts)
        previous = dict(message)
        message.pop("blocks", None)
        edited = {"user": editor or message.get("user"), "ts": self._slack.state.next_ts()}
        message.update({"text": text, "edited": edited, **more})
        return self.changed(channel, message, previous)

    def changed(self, channel: str, message: Json, previous: Json) -> Json:
        """Return a `message_changed` event."""
        now = self._slack.state.next_ts()
        return {
            "type": "message",
            "subtype": "message_changed",
            "hidden": True,
            "channel": channel,
            "ts": now,
            "event_ts": now,
            "message": dict(message),
            "previous_message": previous,
        }

    async def teammate_deletes(self, ts: str, channel: str = ROOM) -> Outcome:
        """Delete a message; a root with replies becomes a tombstone, as in Slack."""
        state = self._slack.state
        room = state.rooms[channel]
        if room.threads.get(ts):
            previous = dict(room.messages[ts])
            tomb = {"subtype": "tombstone", "text": "This message was deleted.", "hidden": True}
            message = {**previous, **tomb, "user": "USLACKBOT"}
            return await self.deliver_event(self.changed(channel, message, previous))
        return await self.deliver_event(self.deletion(channel, state.remove(room, ts)))

    def deletion(self, channel: str, previous: Json) -> Json:
        """Return a `message_deleted` event."""
        now = self._slack.state.next_ts()
        return {
            "type": "message",
            "subtype": "message_deleted",
            "hidden": True,
            "channel": channel,
            "ts": now,
            "event_ts": now,
            "deleted_ts": previous["ts"],
            "previous_message": previous,
        }

    async def teammate_reacts(
        self, ts: str, name: str, user: str = "U0ANN", channel: str = ROOM
    ) -> Outcome:
        """Put an emoji on a message."""
        item = {"type": "message", "channel": channel, "ts": ts}
        event = {"type": "reaction_added", "user": user, "reaction": name, "item": item}
        return await self.deliver_event({**event, "event_ts": self._slack.state.next_ts()})

    async def teammate_clicks(
        self, ts: str, action_id: str, user: str = "U0ANN", channel: str = ROOM, **more: Any
    ) -> Outcome:
        """Press a button (or choose in a menu) of a message. `more` overrides the action."""
        message = self._slack.state.message(channel, ts)
        block, element = _element(message, action_id)
        action = {
            "type": element.get("type", "button"),
            "action_id": action_id,
            "block_id": block.get("block_id", ""),
            "action_ts": self._slack.state.next_ts(),
            **({"value": element["value"]} if "value" in element else {}),
            **more,
        }
        return await self.deliver_form(
            {"payload": json.dumps(self.click(message, channel, user, action))}
        )

    def click(self, message: Json, channel: str, user: str, action: Json) -> Json:
        """Return the payload of a click."""
        return {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "acme"},
            "user": {"id": user, "team_id": TEAM},
            "api_app_id": APP_ID,
            "token": "legacy",
            "trigger_id": f"trigger.{self._slack.state.next_ts()}",
            "response_url": f"{self._slack.url}/response/{action['action_ts']}",
            "container": {"type": "message", "message_ts": message["ts"], "channel_id": channel},
            "channel": {"id": channel, "name": "support"},
            "message": message,
            "actions": [action],
        }

    async def teammate_submits(self, view: Json, values: Json, user: str = "U0ANN") -> Outcome:
        """Send a modal in."""
        payload = {
            "type": "view_submission",
            "team": {"id": TEAM},
            "user": {"id": user, "team_id": TEAM},
            "api_app_id": APP_ID,
            "view": {"id": f"V{self._slack.state.next_ts()}", **view, "state": {"values": values}},
        }
        return await self.deliver_form({"payload": json.dumps(payload)})

    async def teammate_commands(
        self, text: str, user: str = "U0ANN", channel: str = ROOM, command: str = "/handoff"
    ) -> Outcome:
        """Use a slash command."""
        ts = self._slack.state.next_ts()
        return await self.deliver_form(
            {
                "command": command,
                "text": text,
                "user_id": user,
                "team_id": TEAM,
                "channel_id": channel,
                "api_app_id": APP_ID,
                "trigger_id": f"trigger.{ts}",
                "response_url": f"{self._slack.url}/response/{ts}",
            }
        )

    # ── how it reaches the bridge ───────────────────────────────────────────────────────────────

    def envelope(self, event: Json, event_id: str | None = None) -> Json:
        """Return the outer payload of an event."""
        self._events += 1
        return {
            "type": "event_callback",
            "token": "legacy",
            "team_id": TEAM,
            "api_app_id": APP_ID,
            "event": event,
            "event_id": event_id or f"Ev{self._events:08d}",
            "event_time": int(self._slack.state.now()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }

    async def deliver_event(self, event: Json, event_id: str | None = None) -> Outcome:
        """Deliver an event, `copies` times under different ids, until it is taken."""
        outcome = Outcome()
        for _ in range(self.copies):
            envelope = self.envelope(event, event_id)
            if self._slack.sockets.connected:
                outcome = await self._slack.sockets.deliver("events_api", envelope)
            else:
                outcome = await self._insist(_json_body(envelope), "application/json")
        return outcome

    async def deliver_payload(self, payload: Json) -> Outcome:
        """Deliver an outer payload that is no event, as `app_rate_limited`."""
        return await self._insist(_json_body(payload), "application/json")

    async def deliver_form(self, fields: Json) -> Outcome:
        """Deliver an interactive payload or a command, which Slack does only once."""
        if self._slack.sockets.connected:
            kind = "interactive" if "payload" in fields else "slash_commands"
            payload = json.loads(fields["payload"]) if "payload" in fields else fields
            return await self._slack.sockets.deliver(kind, payload)
        outcome = Outcome()
        body = urlencode(fields).encode()
        await self.post(body, "application/x-www-form-urlencoded", outcome)
        return outcome

    async def _insist(self, body: bytes, content_type: str) -> Outcome:
        outcome = Outcome()
        headers: dict[str, str] = {}
        for number, pause in enumerate((None, *self.retry_after)):
            if pause is not None:
                await asyncio.sleep(pause)
                headers = {"x-slack-retry-num": str(number), "x-slack-retry-reason": "http_error"}
            answered = await self.post(body, content_type, outcome, headers)
            if outcome.ok or "x-slack-no-retry" in answered:
                break
        return outcome

    async def post(
        self,
        body: bytes,
        content_type: str,
        outcome: Outcome,
        headers: dict[str, str] | None = None,
    ) -> dict[str, str]:
        """Send one signed request; returns the headers of the answer."""
        timestamp = str(int(self._slack.state.now() + self.skew))
        signed = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self.secret, timestamp, body),
            **(headers or {}),
        }
        try:
            waits = aiohttp.ClientTimeout(total=self.patience)
            async with self.session.post(
                self.target, data=body, headers=signed, timeout=waits
            ) as response:
                outcome.statuses.append(response.status)
                outcome.body = await response.text()
                return {name.casefold(): value for name, value in response.headers.items()}
        except (aiohttp.ClientError, TimeoutError):
            outcome.statuses.append(0)
            return {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session all deliveries share."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session

    def echo(self, channel: str, message: Json) -> None:
        """Send one of the bridge's own posts back to it as an event."""
        if not self.target:
            return
        event = {**message, "channel": channel, "event_ts": message["ts"]}
        if not self.tells_metadata:
            event.pop("metadata", None)
        task = asyncio.create_task(self._echo(event))
        self._echoes.add(task)
        task.add_done_callback(self._echoes.discard)

    async def _echo(self, event: Json) -> None:
        self.echoes.append(await self.deliver_event(event))

    @property
    def is_echoing(self) -> bool:
        """Whether an echo is on its way."""
        return bool(self._echoes)

    async def echoed(self) -> list[Outcome]:
        """Wait for the echoes under way and return what became of all."""
        await asyncio.gather(*self._echoes)
        return self.echoes

    async def take_response(self, request: web.Request) -> web.Response:
        """Take what was posted to a `response_url`."""
        self.responses.append(await request.json())
        return web.Response(text="ok")


def _json_body(payload: Json) -> bytes:
    return json.dumps(payload).encode()


def _element(message: Json, action_id: str) -> tuple[Json, Json]:
    for block in message.get("blocks", []):
        for element in block.get("elements", []):
            if element.get("action_id") == action_id:
                return block, element
    return {}, {}
