"""The door Slack posts to: what is forged, stale, malformed, too large, repeated, or not stored.

Every refusal stands beside a control that passes, so that no test succeeds by refusing all.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.ingress import LARGEST_BODY
from bridge.domain.facts import TeammateWrote
from tests.adapters.slack.scene import Scene, scene
from tests.servers.slack import APP_ID, BOT_USER, SIGNING_SECRET, TEAM
from tests.servers.slack_people import sign

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def event_body(at_desk: Scene, text: str = "hello") -> bytes:
    """Return a valid event's bytes."""
    message = at_desk.slack.people.write(at_desk.root, text)
    event = {**message, "channel": "C0SUPPORT", "event_ts": message["ts"]}
    return json.dumps(at_desk.slack.people.envelope(event)).encode()


async def send(at_desk: Scene, body: Any, headers: dict[str, str], content_type: str = JSON) -> int:
    """Post bytes with these headers; returns the status."""
    target = at_desk.slack.people.target
    async with at_desk.session.post(
        target, data=body, headers={"Content-Type": content_type, **headers}
    ) as response:
        await response.read()
        return response.status


def signed(body: bytes, *, secret: str = SIGNING_SECRET, at: str | None = None) -> dict[str, str]:
    """Return the headers of a signed body."""
    timestamp = at or str(int(time.time()))
    signature = sign(secret, timestamp, body)
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}


async def test_a_signed_event_is_taken(at_desk: Scene) -> None:
    """The control of all that follows."""
    body = event_body(at_desk)
    assert await send(at_desk, body, signed(body)) == 200
    assert at_desk.only(TeammateWrote).text == "hello"


def forged(body: bytes) -> dict[str, dict[str, str]]:
    """Return headers that must not pass, by name."""
    good = signed(body)
    now = int(time.time())
    arabic = "".join(chr(0x660 + int(digit)) for digit in str(now)).encode().decode("latin-1")
    time_, sign_ = "X-Slack-Request-Timestamp", "X-Slack-Signature"
    return {
        "nothing": {},
        "no signature": {time_: good[time_]},
        "no time": {sign_: good[sign_]},
        "empty": {time_: "", sign_: ""},
        "another secret": signed(body, secret="another-secret-another"),
        "another body": signed(body + b" "),
        "truncated": {**good, sign_: good[sign_][:-1]},
        "capitals": {**good, sign_: good[sign_].upper()},
        "no version": {**good, sign_: good[sign_][3:]},
        "too old": signed(body, at=str(now - 302)),
        "too new": signed(body, at=str(now + 302)),
        "word": signed(body, at="abc"),
        "float": signed(body, at=f"{now}.5"),
        "signed number": signed(body, at=f"+{now}"),
        "underscore": signed(body, at=f"{now // 10}_{now % 10}"),
        "5,000 digits": signed(body, at="9" * 5000),
        "arabic digits": {time_: arabic, sign_: good[sign_]},
        "not ascii": {**good, sign_: "v0=\xe9\xe9"},
        "legacy token": {"Authorization": "Bearer legacy"},
    }


@pytest.mark.parametrize("name", list(forged(b"")))
async def test_forged_and_stale_requests_are_refused(at_desk: Scene, name: str) -> None:
    """401, and nothing happens."""
    body = event_body(at_desk)
    assert await send(at_desk, body, forged(body)[name]) == 401
    assert at_desk.facts == []


@pytest.mark.parametrize("skew", [-295, 295])
async def test_clocks_may_differ_by_five_minutes(at_desk: Scene, skew: int) -> None:
    """Just inside the window is fine on both sides."""
    body = event_body(at_desk)
    assert await send(at_desk, body, signed(body, at=str(int(time.time()) + skew))) == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"ssl_check=1&token=legacy", FORM),
        (b'{"type":"url_verification","challenge":"<b>x</b>"}', JSON),
        (b"\xff\xfe", JSON),
        (b"[" * 200_000, JSON),
        (b"not json", JSON),
    ],
)
async def test_unsigned_bodies_are_not_even_read(
    at_desk: Scene, body: bytes, content_type: str
) -> None:
    """Whatever an unsigned request says, it is 401."""
    assert await send(at_desk, body, {}, content_type) == 401


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xfe", JSON),
        (b"", JSON),
        (b"not json", JSON),
        (b"[]", JSON),
        (b"null", JSON),
        (b"NaN", JSON),
        (b'{"type": "event_callback", "event": NaN}', JSON),
        (b'{"a":' * 100_000, JSON),
        (b"[" * 200_000, JSON),
        (b"", FORM),
        (b"payload=", FORM),
        (b"payload=[]", FORM),
        (b"payload=%ff", FORM),
        (b"a=1&" * 200, FORM),
        (b"unknown=1", FORM),
    ],
)
async def test_signed_and_malformed_is_a_bad_request(
    at_desk: Scene, body: bytes, content_type: str
) -> None:
    """400 for what cannot be read, never a failure of ours."""
    assert await send(at_desk, body, signed(body), content_type) == 400


async def test_the_challenge_is_plain_text(at_desk: Scene) -> None:
    """A signed challenge comes back as text no browser would run."""
    body = b'{"type":"url_verification","challenge":"<script>x</script>"}'
    target = at_desk.slack.people.target
    headers = {"Content-Type": JSON, **signed(body)}
    async with at_desk.session.post(target, data=body, headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert await response.text() == "<script>x</script>"


async def test_a_signed_connection_check_is_answered(at_desk: Scene) -> None:
    """Slack's check of the certificate wants a 200."""
    body = b"ssl_check=1&token=legacy"
    assert await send(at_desk, body, signed(body), FORM) == 200


async def test_a_body_too_large_is_refused(at_desk: Scene) -> None:
    """413 with a length given, and 413 while it streams without one."""
    body = b'{"a":"' + b"x" * LARGEST_BODY + b'"}'
    assert await send(at_desk, BytesIO(body), signed(body)) == 413
    assert await send(at_desk, pieces(LARGEST_BODY + 1), signed(b"")) == 413
    assert await send(at_desk, pieces(10), signed(b"x" * 10)) == 400


async def pieces(size: int) -> AsyncIterator[bytes]:
    """Yield so many bytes, piece by piece, without saying how many before."""
    for start in range(0, size, 65536):
        yield b"x" * min(65536, size - start)


async def test_a_long_message_is_not_too_large(at_desk: Scene) -> None:
    """40,000 characters, all of them two bytes long and escaped, pass."""
    await at_desk.slack.people.teammate_says(at_desk.root, "é" * 40_000)
    assert len(at_desk.only(TeammateWrote).text) == 40_000


async def test_an_exact_replay_counts_once(at_desk: Scene) -> None:
    """The same signed bytes again are answered 200 and change nothing."""
    body = event_body(at_desk)
    headers = signed(body)
    assert [await send(at_desk, body, headers) for _ in range(3)] == [200] * 3
    assert at_desk.only(TeammateWrote)


@pytest.mark.parametrize(
    "change",
    [
        {"team_id": "T0OTHER", "authorizations": [{"team_id": "T0OTHER"}]},
        {"team_id": "T0OTHER", "authorizations": []},
    ],
)
async def test_another_workspace_is_refused(at_desk: Scene, change: dict[str, Any]) -> None:
    """403 for a payload that is not for our installation."""
    envelope = json.loads(event_body(at_desk)) | change
    body = json.dumps(envelope).encode()
    assert await send(at_desk, body, signed(body)) == 403
    assert at_desk.facts == []


async def test_another_app_is_refused(tmp_path: Path) -> None:
    """With our app's id known, other apps' payloads get 403 and ours pass."""
    async with scene(tmp_path, app_id=APP_ID) as made:
        envelope = json.loads(event_body(made)) | {"api_app_id": "A0OTHER"}
        body = json.dumps(envelope).encode()
        assert await send(made, body, signed(body)) == 403
        assert (await made.slack.people.teammate_says(made.root, "hi")).statuses == [200]


async def test_a_shared_channel_is_known_by_its_authorization(at_desk: Scene) -> None:
    """The outer team may be the other side's; what counts is whose installation it is for."""
    envelope = json.loads(event_body(at_desk)) | {"team_id": "T0OTHER"}
    body = json.dumps(envelope).encode()
    assert await send(at_desk, body, signed(body)) == 200
    assert len(at_desk.facts) == 1


@pytest.mark.parametrize(
    "event",
    [
        {"type": "reaction_added", "user": "U0ANN", "item": {"type": "message"}},
        {"type": "member_joined_channel", "user": "U0ANN", "channel": "C0SUPPORT"},
        {"type": "never_heard_of"},
        {},
    ],
)
async def test_events_of_no_interest_are_taken(at_desk: Scene, event: dict[str, Any]) -> None:
    """200, or Slack would count failures and send them again."""
    assert (await at_desk.slack.people.deliver_event(event)).statuses == [200]


async def test_a_warning_of_too_many_events_is_taken(at_desk: Scene) -> None:
    """`app_rate_limited` is no event and gets 200."""
    body = json.dumps({"type": "app_rate_limited", "team_id": TEAM}).encode()
    assert await send(at_desk, body, signed(body)) == 200


async def test_what_is_not_stored_is_not_acknowledged(at_desk: Scene) -> None:
    """503 while the store is away; Slack's next attempt is taken, once."""
    people = at_desk.slack.people
    at_desk.inbox.away = True
    message = people.write(at_desk.root, "keep me")
    people.retry_after = ()
    assert (await people.deliver_message("C0SUPPORT", message)).statuses == [503]
    at_desk.inbox.away = False
    people.retry_after = (0.0,)
    assert (await people.deliver_message("C0SUPPORT", message)).statuses == [200]
    assert at_desk.only(TeammateWrote).text == "keep me"


async def test_the_answer_waits_for_the_store(at_desk: Scene) -> None:
    """Nothing is acknowledged before the inbox has returned."""
    at_desk.inbox.slow = 0.15
    began = asyncio.get_running_loop().time()
    await at_desk.slack.people.teammate_says(at_desk.root, "slow")
    assert asyncio.get_running_loop().time() - began >= 0.15
    assert at_desk.only(TeammateWrote)


@pytest.mark.fault("F02")
async def test_a_retry_that_arrives_first_is_taken(at_desk: Scene) -> None:
    """A delivery marked as a retry may be the only copy."""
    body = event_body(at_desk)
    headers = {**signed(body), "x-slack-retry-num": "3", "x-slack-retry-reason": "http_timeout"}
    assert await send(at_desk, body, headers) == 200
    assert at_desk.only(TeammateWrote)


async def test_while_slack_cannot_say_who_somebody_is_nothing_is_lost(at_desk: Scene) -> None:
    """The first words of an unknown person are asked for again until they can be judged."""
    at_desk.slack.fail("users.info", "status", times=1)
    outcome = await at_desk.slack.people.teammate_says(at_desk.root, "hi")
    assert outcome.statuses == [503, 200]
    assert at_desk.only(TeammateWrote).text == "hi"


async def test_someone_known_is_relayed_while_slack_is_away(at_desk: Scene) -> None:
    """Who was looked up once needs no look-up now."""
    people = at_desk.slack.people
    await people.teammate_says(at_desk.root, "one")
    at_desk.slack.fail("users.info", "status", times=9)
    assert (await people.teammate_says(at_desk.root, "two")).statuses == [200]
    assert len(at_desk.facts) == 2


async def test_many_first_events_ask_slack_once(at_desk: Scene) -> None:
    """Twenty events of one person at once need one look-up and one auth.test."""
    people = at_desk.slack.people
    written = [people.write(at_desk.root, f"line {i}") for i in range(20)]
    await asyncio.gather(*(people.deliver_message("C0SUPPORT", m) for m in written))
    assert len(at_desk.facts) == 20
    assert at_desk.slack.state.calls["users.info"] == 1
    assert at_desk.slack.state.calls["auth.test"] == 1


FIELDS = (
    *("type", "subtype", "channel", "ts", "thread_ts", "user", "text", "blocks", "elements"),
    *("files", "attachments", "message", "previous_message", "edited", "deleted_ts", "bot_id"),
    *("client_msg_id", "style", "url", "unicode", "offset", "indent", "parent_user_id"),
)
WORDS = (
    *("message", "message_changed", "message_deleted", "file_share", "tombstone", TEAM, BOT_USER),
    *("C0SUPPORT", "U0ANN", "rich_text", "rich_text_section", "rich_text_list", "link", "emoji"),
    *("1700000000.000001", "1800000000.000001", "javascript:alert(1)", "1f512", "\ud800"),
)

scraps = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=8,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=60)
@given(kind=st.sampled_from(["message", "app_mention"]), scrap=scraps, base=st.booleans())
def test_no_signed_event_makes_us_fail(
    tmp_path_factory: pytest.TempPathFactory, kind: str, scrap: Any, *, base: bool
) -> None:
    """Whatever stands in an event, it is taken; never a failure of ours."""
    event: dict[str, Any] = {}
    if base:
        event |= {"channel": "C0SUPPORT", "user": "U0ANN", "ts": "1800000000.000001"}
        event |= {"thread_ts": "1700000000.000001", "text": "hi"}
    event |= scrap if isinstance(scrap, dict) else {"text": scrap}
    folder = tmp_path_factory.mktemp("scrap")
    assert asyncio.run(_delivered(folder, event | {"type": kind})) == [200]


async def _delivered(folder: Path, event: dict[str, Any]) -> list[int]:
    async with scene(folder, begin=False) as made:
        made.slack.people.retry_after = ()
        return (await made.slack.people.deliver_event(event)).statuses
