"""Outgoing webhooks, signed as the Standard Webhooks specification 1.0.0 says.

A webhook carries the id of its delivery, the same on every attempt: the receiver can tell a
repetition, so an attempt whose end is unknown is simply made again.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from adapters.messages import Json, bot_files, message_json
from adapters.moments import rfc3339
from adapters.outbound import Patient, retry_after, unreachable
from bridge.domain.delivery import TellMessage
from bridge.domain.errors import ConfigurationError, DeliveryError, Refused, TryAgain
from bridge.domain.messages import Message
from bridge.ports.core import Clock

PREFIX = "whsec_"
"""Before the base64 form of a symmetric secret ("Signature scheme" of the specification)."""

NEVER_TAKEN = {
    410: "it is gone (410): remove the address or bring it back",
    413: "it finds the event too large (413)",
}

REDIRECTS = range(300, 400)

MOST_AT_ONCE = 20
"""Calls at one time. A receiver that hangs keeps each of them waiting, and takes no more than that
of the connections that assistants and desks are reached by; one that comes back is not overrun.
"""

NEXT_TURN = 1.0
"""Seconds after which an event that found no place among the calls is tried again."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The signing keys; the first is the current one, others are on their way out."""

    keys: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Keys({len(self.keys)} hidden)"


def signing_keys(setting: str, text: str) -> Keys:
    """Return the keys in a setting: one or more secrets with spaces between.

    `whsec_…` is base64; anything else is taken as the very bytes. Raises `ConfigurationError`.
    """
    secrets = text.split()
    if not secrets:
        raise ConfigurationError([f"{setting}: it is empty; give a secret, for example whsec_…"])
    return Keys(tuple(_key(setting, secret) for secret in secrets))


def _key(setting: str, secret: str) -> bytes:
    """Return the bytes of one secret."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ConfigurationError([f"{setting}: what follows {PREFIX} must be base64"])
    return key


def signature(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature: `v1,` and the base64 HMAC-SHA256 of id, timestamp and body."""
    signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(keys: Keys | None, webhook_id: str, now: float, body: bytes) -> dict[str, str]:
    """Return the headers of one attempt made at `now`; without keys there is no signature."""
    timestamp = int(now)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
    }
    if keys is not None:
        signatures = (signature(key, webhook_id, timestamp, body) for key in keys.keys)
        headers["webhook-signature"] = " ".join(signatures)
    return headers


def envelope(event: str, at: float, data: Mapping[str, object]) -> bytes:
    """Return the body of a webhook: what happened, when, and the event itself."""
    content = {"type": event, "timestamp": rfc3339(at), "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def event_of(told: TellMessage, message: Message) -> Json:
    """Return what is told of a message: its public form, and where it belongs."""
    return {
        "conversation_id": message.conversation_id,
        **message_json(message, bot_files(message.conversation_id)),
        "client_id": told.client_id or None,
    }


def outcome(status: int, wait: str | None, now: float) -> DeliveryError | None:
    """Return how an attempt failed by its status, or None when it was taken.

    A receiver that is being deployed answers 401 or 404 for a while: such answers are tried again,
    as often as any other delivery, before the event is given up.
    """
    if status // 100 == 2:  # noqa: PLR2004 -- the class of statuses that mean success
        return None
    if status in REDIRECTS:
        return Refused(f"the webhook address redirects ({status}): set the final address")
    if status in NEVER_TAKEN:
        return Refused(f"the webhook was refused: {NEVER_TAKEN[status]}")
    # A wait that was told is not counted: one of no time at all would be tried without an end.
    return TryAgain(f"the webhook address answered {status}", retry_after(wait, now) or None)


class WebhookSender:
    """Sends events to one address."""

    def __init__(
        self,
        url: URL,
        keys: Keys | None,
        session: aiohttp.ClientSession,
        clock: Clock,
        patience: Patient | None = None,
        most: int = MOST_AT_ONCE,
    ) -> None:
        self._url = url
        self._keys = keys
        self._session = session
        self._clock = clock
        self._patience = patience or Patient(first_byte=15.0, total=20.0)
        self._slots = asyncio.Semaphore(most)

    async def send(
        self, delivery_id: str, event: str, body: Mapping[str, object], at: float | None = None
    ) -> None:
        """Send one event that happened at `at` (epoch seconds; now, when not given).

        Raises `TryAgain` (also when it may have arrived) or `Refused`.
        """
        await self._turn()
        try:
            failure = await self._attempt(delivery_id, event, body, at)
        finally:
            self._slots.release()
        if failure is not None:
            raise failure

    async def _turn(self) -> None:
        """Take a place among the calls; raises `TryAgain` when none is free in time.

        Only the wait is bounded here: a call that begins has its whole time, so that a burst cuts
        none short. It may end after the lease of its lane: another instance may then send the event
        as well, under the same id, which is harmless.
        """
        try:
            async with asyncio.timeout(self._patience.total):
                await self._slots.acquire()
        except TimeoutError:
            # With a wait that is told, an attempt that was never made is not counted.
            raise TryAgain("other webhooks took all places", after=NEXT_TURN) from None

    async def tell(self, delivery_id: str, told: TellMessage, message: Message, at: float) -> None:
        """Send a message as it is now, new or changed at `at`; raises `TryAgain` or `Refused`."""
        await self.send(delivery_id, told.event, event_of(told, message), at)

    async def _attempt(
        self, delivery_id: str, event: str, body: Mapping[str, object], at: float | None
    ) -> DeliveryError | None:
        """Make one call; the answer's body is of no interest and is not read."""
        now = self._clock.wall()
        content = envelope(event, now if at is None else at, body)
        headers = signed_headers(self._keys, delivery_id, now, content)
        try:
            async with self._session.post(
                self._url,
                data=content,
                headers=headers,
                timeout=self._patience.timeout(),
                allow_redirects=False,
            ) as response:
                return outcome(response.status, response.headers.get("Retry-After"), now)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return unreachable("the webhook address", error)
