"""What the operator asks of a running bridge: the dead deliveries, and a reload of the policy.

The command line and the bridge share the secret key, from which the operator's token is made; no
other key opens these routes. When the bridge does not run, the database is opened directly.
"""

import hmac
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from adapters.problems import Problem
from bridge.app.parts import shown
from bridge.app.policy import PolicyFile
from bridge.config import Settings, with_key
from bridge.domain.delivery import Delivery, Progress
from bridge.domain.errors import BridgeError, ConfigurationError
from bridge.domain.ids import DeliveryId
from bridge.ports.store import Settlement, Write
from bridge.relay.relay import Relay
from storage import is_to_be_made, open_reader, open_store

Answer = dict[str, object]
ALL = "all"


def operator_token(secret_key: str) -> str:
    """Return the token that the command line shows to its own bridge."""
    return hmac.digest(secret_key.encode(), b"handoff operator", "sha256").hex()


def _row(delivery: Delivery) -> Answer:
    return {
        "id": delivery.id,
        "conversation_id": delivery.conversation_id,
        "leg": str(delivery.leg),
        "attempts": delivery.attempts,
        "error": delivery.error,
        "created_at": delivery.created_at,
    }


class Operator:
    """The routes under /operator."""

    def __init__(self, relay: Relay, policy: PolicyFile, secret_key: str) -> None:
        self._relay = relay
        self._policy = policy
        self._token = f"Bearer {operator_token(secret_key)}".encode()

    def routes(self) -> list[web.RouteDef]:
        """Return them."""
        return [
            web.get("/operator/dead", self._guarded(self._list)),
            web.post("/operator/dead/{id}/{verb:retry|skip}", self._guarded(self._revive)),
            web.post("/operator/policy/reload", self._guarded(self._reload)),
        ]

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[Answer]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            given = request.headers.get("Authorization", "").encode("utf-8", "replace")
            if not hmac.compare_digest(given, self._token):
                raise Problem(401, "Authorization: this wants the operator's token.")
            return web.json_response(await handler(request))

        return answer

    async def _list(self, request: web.Request) -> Answer:
        del request
        return {"dead": [_row(d) for d in await self._relay.store.dead()]}

    async def _revive(self, request: web.Request) -> Answer:
        verb, target = request.match_info["verb"], request.match_info["id"]
        act = self._relay.reviver.retry if verb == "retry" else self._relay.reviver.skip
        if target == ALL:
            dead = await self._relay.store.dead()
            count = sum([await act(d.id) for d in dead])
            return {"done": True, "detail": f"{verb}: {count} deliveries"}
        done = await act(DeliveryId(target))
        return {"done": done, "detail": _said(verb, target, done=done)}

    async def _reload(self, request: web.Request) -> Answer:
        del request
        try:
            return {"done": True, "detail": f"policy {self._policy.reload()} is in force"}
        except ConfigurationError as error:
            return {"done": False, "detail": "\n".join(error.problems)}


def _said(verb: str, target: str, *, done: bool) -> str:
    if done:
        return f"{verb}: {target}"
    why = "is not a delivery that was given up on, or another instance carries it"
    return f"{target} {why}; see handoff dead list"


async def operate(settings: Settings, verb: str, target: str) -> Answer:
    """Do what the operator asks, by the running bridge or, when none runs, on the database.

    Raises `ConfigurationError` where no bridge was ever started, and makes nothing there.
    """
    if is_to_be_made(settings.database_url):
        where = settings.database_url
        message = f"HANDOFF_DATABASE_URL: there is no database yet at {where}; name the bridge's"
        raise ConfigurationError([message])
    settings = with_key(settings)
    answer = await _ask_running(settings, verb, target)
    return answer if answer is not None else await _do_directly(settings, verb, target)


async def _ask_running(settings: Settings, verb: str, target: str) -> Answer | None:
    base = f"http://{shown(settings.host)}:{settings.port}/operator/dead"
    headers = {"Authorization": f"Bearer {operator_token(settings.secret_key)}"}
    method, url = ("GET", base) if verb == "list" else ("POST", f"{base}/{target}/{verb}")
    timeout = aiohttp.ClientTimeout(total=10)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.request(method, url) as response,
        ):
            if response.status == web.HTTPOk.status_code:
                found: Answer = await response.json()
                return found
    except (aiohttp.ClientError, TimeoutError):
        return None
    return None


async def _do_directly(settings: Settings, verb: str, target: str) -> Answer:
    if verb == "list":
        async with open_reader(settings.database_url) as reader:
            return {"dead": [_row(d) for d in await reader.dead()]}
    async with open_store(settings.database_url) as store:
        dead = [d for d in await store.dead() if target in {ALL, d.id}]
        if not dead and target != ALL:
            return {"done": False, "detail": _said(verb, target, done=False)}
        progress = Progress.QUEUED if verb == "retry" else Progress.SKIPPED
        moved = [Settlement(d.moved(progress, attempts=0, due_at=0.0)) for d in dead]
        try:
            await store.commit(Write(settled=moved))
        except BridgeError as problem:
            return {"done": False, "detail": str(problem)}
        return {"done": True, "detail": f"{verb}: {len(moved)} deliveries"}
