"""Requests nobody thought of: whatever comes, the answer is one the description knows."""

import asyncio
import json
import random
from typing import Any

import pytest

from adapters.web.calls import Call, Who
from adapters.web.openapi import CALLS
from tests.adapters.web.site import Customer, Site

ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**19, 2**53, [], {}, [[]], {"a": {}}, [None], ["f_1"]),
    *("", " ", "\0", "\ud800", "\u202e", "a\nb", "🧯" * 50, "x" * 20_000, {"\ud800": 1}),
    *("../../etc/passwd", "'; DROP TABLE x; --", "<script>", "${7*7}", "{{7*7}}", "%00", "NaN"),
    *("2026-01-31T12:00:00Z", "2026-13-31", "a@b", "https://x.example", "javascript:x", "en"),
    *("teammate", "assistant", "customer", "high", "sandbox"),
]
QUERIES = ["", "", "", "?after=0", "?after=-1", "?after=x", "?limit=%ff", "?limit=0", "?x=1", "?="]


def body_for(call: Call, chance: random.Random) -> Any:
    """Return a body that is nearly right, or not at all."""
    if chance.random() < 0.1:
        return chance.choice(ODD)
    names = [field.name for field in call.body] if call.body else []
    body = {name: chance.choice(ODD) for name in names if chance.random() < 0.7}
    if "client_id" in names:
        body["client_id"] = f"c{chance.randrange(50)}"
    if chance.random() < 0.15:
        body[str(chance.choice(ODD))[:30]] = chance.choice(ODD)
    return body


def raw_for(body: Any, chance: random.Random) -> bytes:
    """Return the body as bytes, some of them broken."""
    raw = bytearray(json.dumps(body).encode())
    while chance.random() < 0.1 and raw:
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


async def ask(site: Site, customer: Customer, call: Call, chance: random.Random) -> int:
    """Make one odd call; returns the status. The harness holds the answer against the contract."""
    target = str(customer.id) if chance.random() < 0.8 else "c_other"
    query = chance.choice(QUERIES)
    key = {"Authorization": "Bearer key-of-a-bot"}
    headers = dict(key if call.who is Who.API_KEY else customer.headers)
    headers["Content-Type"] = chance.choice(["application/json"] * 9 + ["text/plain"])
    raw = raw_for(body_for(call, chance), chance) if call.method == "POST" else None
    async with asyncio.timeout(10):
        status, _ = await site.ask(
            call.method, call.path.replace("{id}", target) + query, data=raw, headers=headers
        )
    return status


@pytest.mark.parametrize("seed", range(4))
async def test_no_request_is_ever_our_mistake(site: Site, customer: Customer, seed: int) -> None:
    """Hundreds of odd requests to every call: no 5xx, no answer that is not described."""
    chance = random.Random(seed)
    calls = [call for call in CALLS if call.who is not Who.TICKET]
    statuses = [await ask(site, customer, chance.choice(calls), chance) for _ in range(300)]
    assert max(statuses) < 500
    assert {200, 202, 422} <= set(statuses)
