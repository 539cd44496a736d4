"""How every end of a call is told, what may be sent again, and what is never sent twice."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from adapters.slack.desk import SlackDesk
from adapters.slack.errors import LONGEST_WAIT, seconds_of
from adapters.slack.limits import MARKS
from adapters.slack.office import Given
from adapters.slack.settings import SlackSettings
from bridge.clock import SystemClock
from bridge.domain.errors import (
    ConfigurationError,
    DeliveryError,
    Refused,
    TryAgain,
    Uncertain,
)
from bridge.domain.handoff import State
from bridge.domain.messages import Role
from bridge.domain.posts import Amendment, Entry, Mark, Post, PostKind
from bridge.ports.desk import Turn
from storage.blobs import DiskFiles
from tests.adapters.slack.scene import HANDOFF, NOW, Scene, card, line, scene, settings_for
from tests.clocks import HandClock
from tests.servers.slack import BOT_ID, ROOM, FakeSlack, Fault


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Scene]:
    """A desk that waits a third of a second for an answer."""
    async with scene(tmp_path, timeout=0.3) as made:
        yield made


async def end_of(at_desk: Scene, text: str = "hello") -> DeliveryError:
    """Post and return how that failed."""
    with pytest.raises(DeliveryError) as caught:
        await at_desk.desk.post(at_desk.thread, line(text), ("d_1",))
    return caught.value


UNCERTAIN = [
    ("reset", {"after": True}),
    ("reset", {}),
    ("close", {"after": True}),
    ("hang", {"after": True}),
    ("hang", {}),
    ("status", {"status": 500}),
    ("status", {"status": 503, "after": True}),
    ("status", {"status": 408}),
    ("not_json", {"after": True}),
    ("truncated", {"after": True}),
    ("no_ts", {"after": True}),
    ("error", {"code": "internal_error"}),
    ("error", {"code": "fatal_error", "after": True}),
    ("error", {"code": "service_unavailable"}),
    ("error", {"code": "request_timeout"}),
]


@pytest.mark.parametrize(("kind", "more"), UNCERTAIN)
async def test_what_may_have_happened_is_uncertain(
    hasty: Scene, kind: str, more: dict[str, object]
) -> None:
    """One request leaves, whatever its end, and `find` tells the truth afterwards."""
    calls = hasty.slack.state.calls["chat.postMessage"]
    hasty.slack.faults.add("chat.postMessage", _fault(kind, more))
    assert isinstance(await end_of(hasty), Uncertain)
    assert hasty.slack.state.calls["chat.postMessage"] == calls + 1
    found = await hasty.desk.find(ROOM, hasty.thread, "d_1", time.time())
    assert (found is not None) is bool(more.get("after"))


def _fault(kind: str, more: dict[str, object]) -> Fault:
    return Fault(kind, **more)  # type: ignore[arg-type]


REFUSED = [
    ("channel_not_found", False),
    ("not_in_channel", False),
    ("is_archived", False),
    ("restricted_action", False),
    ("msg_too_long", False),
    ("no_permission", False),
    ("missing_scope", False),
    ("token_revoked", False),
    ("account_inactive", False),
    ("metadata_too_large", False),
    ("an_error_of_tomorrow", False),
    ("thread_not_found", True),
    ("message_not_found", True),
    ("cannot_reply_to_message", True),
]


@pytest.mark.parametrize(("code", "lost"), REFUSED)
async def test_what_slack_refuses_by_name_is_refused(
    at_desk: Scene, code: str, *, lost: bool
) -> None:
    """The code is told, with a mend where there is one, and whether the thread is lost."""
    at_desk.slack.fail("chat.postMessage", "error", code=code)
    error = await end_of(at_desk)
    assert isinstance(error, Refused)
    assert code in error.why
    assert error.lost_thread is lost


@pytest.mark.parametrize("code", ["ratelimited", "rate_limited", "message_limit_exceeded"])
async def test_too_many_by_code_is_tried_again(at_desk: Scene, code: str) -> None:
    """Slack also says so with HTTP 200."""
    at_desk.slack.fail("chat.postMessage", "error", code=code)
    error = await end_of(at_desk)
    assert isinstance(error, TryAgain)
    assert error.after


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1", 1), ("30", 30), ("3600", LONGEST_WAIT), (None, 1), ("-5", 1), ("soon", 1), ("٣", 1)],
)
async def test_too_many_calls_pause_the_room(
    at_desk: Scene, header: str | None, seconds: float
) -> None:
    """`Retry-After` is kept within reason and stops this room alone."""
    fault = Fault("rate", retry_after=None if header == "٣" else header)
    at_desk.slack.faults.add("chat.postMessage", fault)
    error = await end_of(at_desk)
    assert isinstance(error, TryAgain)
    assert error.after == seconds == seconds_of(header)
    assert not at_desk.desk.pacer.ready(ROOM)
    assert at_desk.desk.pacer.ready("C0OTHER")


@pytest.mark.fault("F17")
async def test_what_never_left_is_tried_again(tmp_path: Path) -> None:
    """A port nobody listens on, a name nobody knows, a door that speaks no TLS."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with FakeSlack() as slack:
        for base in (
            f"http://127.0.0.1:{port}/api/",
            "http://nobody.invalid/api/",
            f"https://{slack.host}/api/",
        ):
            error = await _end_at(base, tmp_path)
            assert isinstance(error, TryAgain), base
        assert slack.state.posts() == []


async def test_running_out_of_time_before_sending_is_no_doubt(tmp_path: Path) -> None:
    """A listener that takes no connection: surely nothing was sent."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(address)
        base = f"http://127.0.0.1:{address[1]}/api/"
        assert isinstance(await _end_at(base, tmp_path, patience=0.4), TryAgain)
        for one in crowd:
            one.close()


async def _end_at(base: str, folder: Path, patience: float = 10.0) -> DeliveryError:
    settings = SlackSettings(
        bot_token="xoxb-x", room=ROOM, signing_secret="s" * 32, api_url=base, timeout=patience
    )
    async with aiohttp.ClientSession() as session, DiskFiles(folder) as files:
        desk = SlackDesk(Given(settings, session, files, SystemClock()))
        with pytest.raises(DeliveryError) as caught:
            await desk.office.web.post_message({"channel": ROOM, "text": "x"})
    return caught.value


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """The token goes nowhere else."""
    async with scene(tmp_path) as made:
        made.slack.fail("chat.postMessage", "status", status=302)
        assert isinstance(await end_of(made), Refused)


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long"])
async def test_blocks_slack_dislikes_are_left_out(at_desk: Scene, code: str) -> None:
    """The same words go once more as text, since surely nothing was shown."""
    at_desk.slack.fail("chat.postMessage", "error", code=code)
    await at_desk.desk.post(at_desk.thread, line("**bold** words"), ("d_1",))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert shown["text"] == "bold words"
    assert "blocks" not in shown


HISTORY = """&&& < {n} >
- one
  2. two
> quoted
```
  *x* & y
```
see [the page](https://shop.example/a)"""


async def test_a_page_of_the_history_without_blocks_keeps_every_word(at_desk: Scene) -> None:
    """Nothing is cut, however many characters are written as entities, and it is found again."""
    entries = tuple(
        Entry(Role.CUSTOMER, "Anna", NOW, HISTORY.format(n=n), ("a&b.png",)) for n in range(30)
    )
    page = Post(PostKind.TRANSCRIPT, entries=entries)
    at_desk.slack.fail("chat.postMessage", "error", code="invalid_blocks")
    ref = await at_desk.desk.post(at_desk.thread, page, ("d_1",))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    for number in range(30):
        assert f"&amp;&amp;&amp; &lt; {number} &gt;" in shown["text"]
    for part in (
        "• one\n    2. two\n> quoted\n```\n  *x* &amp; y\n```\nsee the page (https://shop.example/a)",
        "Anna · customer  2027-01-15 08:00 UTC",
        "📎 a&amp;b.png",
    ):
        assert shown["text"].count(part) == 30
    assert "…" not in shown["text"]
    assert await at_desk.desk.find(ROOM, at_desk.thread, "d_1", 0.0) == ref


async def test_a_card_whose_blocks_slack_dislikes_stays_current(at_desk: Scene) -> None:
    """It is opened and changed as text."""
    at_desk.slack.fail("chat.postMessage", "error", code="invalid_blocks")
    thread = await at_desk.desk.open_thread(ROOM, card(), "d_2")
    [_, root] = at_desk.slack.state.roots()
    for part in ("Anna", "asked_for_person", "a human please", "3 to 5 days", HANDOFF):
        assert part in root["text"]
    at_desk.slack.fail("chat.update", "error", code="invalid_blocks")
    await at_desk.desk.refresh(thread, card(owner="Ben", summary="x" * 9000))
    assert "Ben" in root["text"]
    assert root["blocks"] == []


async def test_what_every_post_carries(at_desk: Scene) -> None:
    """Its delivery ids where people do not see them, no previews, no linked names."""
    await at_desk.desk.post(at_desk.thread, line("hello"), ("d_1", "d_2"))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert shown["metadata"] == {
        "event_type": "handoff_delivery",
        "event_payload": {"k": "d_1,d_2"},
    }
    for root in (shown, at_desk.slack.state.message(ROOM, at_desk.root)):
        assert root["unfurl_links"] is root["unfurl_media"] is root["link_names"] is False
        assert root["parse"] == "none"


@pytest.mark.parametrize(
    ("role", "name", "shown"),
    [
        (Role.CUSTOMER, "Anna", "Anna · customer"),
        (Role.CUSTOMER, "Ann (Support)\u202e\n", "Ann (Support) · customer"),
        (Role.CUSTOMER, "", "Customer · customer"),
        (Role.CUSTOMER, "<!channel>", "‹!channel› · customer"),
        (Role.ASSISTANT, "Assistant", "Assistant · AI"),
    ],
)
async def test_customers_and_assistant_speak_under_their_names(
    at_desk: Scene, role: Role, name: str, shown: str
) -> None:
    """A mark that nobody can fake says what they are."""
    await at_desk.desk.post(at_desk.thread, line("hello", name, role), ("d_1",))
    [post] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert post["username"] == shown
    assert post["icon_emoji"]


async def test_a_long_name_keeps_its_mark(at_desk: Scene) -> None:
    """At most sixty characters, the mark among them."""
    await at_desk.desk.post(at_desk.thread, line("hello", "x" * 500), ("d_1",))
    [post] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert len(post["username"]) <= 60
    assert post["username"].endswith(" · customer")


async def test_a_loud_notice_shows_in_the_room(at_desk: Scene) -> None:
    """And a quiet one does not."""
    for loud in (True, False):
        post = Post(PostKind.NOTICE, text="still waiting", loud=loud)
        await at_desk.desk.post(at_desk.thread, post, ("d",))
    shown = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert [bool(m.get("reply_broadcast")) for m in shown] == [True, False]


async def test_find_reads_short_pages(at_desk: Scene) -> None:
    """Fifteen messages a page are enough, however long the thread."""
    at_desk.slack.page_limit = 15
    for number in range(40):
        await at_desk.desk.post(at_desk.thread, line(str(number)), (f"d_{number}",))
    found = await at_desk.desk.find(ROOM, at_desk.thread, "d_39", time.time())
    assert found is not None
    assert at_desk.slack.state.calls["conversations.replies"] == 3


async def test_one_look_tells_of_all_that_a_post_carries(at_desk: Scene) -> None:
    """Lines that had to wait stand in one post by the hundred: it is read once, not for each."""
    keys = tuple(f"d_{number}" for number in range(300))
    made = await at_desk.desk.post(at_desk.thread, line("all of them"), keys)
    found = {await at_desk.desk.find(ROOM, at_desk.thread, key, time.time()) for key in keys}
    assert found == {made}
    assert at_desk.slack.state.calls["conversations.replies"] == 1


async def test_find_believes_only_our_own_posts(at_desk: Scene) -> None:
    """Somebody else's message with the same metadata is not ours."""
    payload = {"event_type": "handoff_delivery", "event_payload": {"k": "d_1"}}
    at_desk.slack.people.write(at_desk.root, "ha", metadata=payload, bot_id="B0OTHER")
    assert await at_desk.desk.find(ROOM, at_desk.thread, "d_1", time.time()) is None
    at_desk.slack.people.write(at_desk.root, "ok", metadata=payload, bot_id=BOT_ID)
    assert await at_desk.desk.find(ROOM, at_desk.thread, "d_1", time.time()) is not None


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("error", {"code": "missing_scope"}),
        ("status", {"status": 500}),
        ("rate", {"retry_after": "7"}),
        ("reset", {}),
    ],
)
async def test_a_look_up_that_fails_says_nothing_about_the_post(
    at_desk: Scene, kind: str, more: dict[str, object]
) -> None:
    """It is tried again; never is a post believed absent because Slack could not be asked."""
    at_desk.slack.faults.add("conversations.replies", _fault(kind, more))
    with pytest.raises(TryAgain):
        await at_desk.desk.find(ROOM, at_desk.thread, "d_1", time.time())


async def test_a_post_that_becomes_visible_late_is_found_then(hasty: Scene) -> None:
    """Not there at first, there a moment later."""
    hasty.slack.faults.add("chat.postMessage", Fault("late", after=True, seconds=0.2))
    assert isinstance(await end_of(hasty), Uncertain)
    assert await hasty.desk.find(ROOM, hasty.thread, "d_1", time.time()) is None
    await asyncio.sleep(0.25)
    assert await hasty.desk.find(ROOM, hasty.thread, "d_1", time.time()) is not None


async def test_the_card_is_pinned_while_open(at_desk: Scene) -> None:
    """Once, and unpinned at the end; Slack is not asked again for what is so already."""
    pins = at_desk.slack.state.rooms[ROOM].pins
    for _ in range(2):
        await at_desk.desk.refresh(at_desk.thread, card())
        assert pins == {at_desk.root}
    for _ in range(2):
        await at_desk.desk.refresh(at_desk.thread, card(is_open=False))
        assert pins == set()
    assert at_desk.slack.state.calls["pins.add"] == at_desk.slack.state.calls["pins.remove"] == 1


@pytest.mark.parametrize(
    "code",
    [
        "an_error_of_tomorrow",
        "already_pinned",
        "channel_not_found",
        "invalid_auth",
        "message_not_found",
        "missing_scope",
        "no_permission",
        "no_pin",
        "not_pinnable",
        "permission_denied",
        "restricted_action",
        "too_many_pins",
    ],
)
async def test_pins_are_a_courtesy(at_desk: Scene, code: str) -> None:
    """Whatever Slack refuses about a pin, now or at the end, the card is current."""
    for method, state in (("pins.add", State.ACTIVE), ("pins.remove", State.RESOLVED)):
        at_desk.slack.fail(method, "error", code=code)
        await at_desk.desk.refresh(at_desk.thread, card(state, owner=f"Ann {state}"))
        assert f"Ann {state}" in str(at_desk.slack.state.message(ROOM, at_desk.root)["blocks"])
        await at_desk.desk.refresh(at_desk.thread, card(state))
        assert at_desk.slack.state.calls[method] == 1


@pytest.mark.parametrize("kind", ["rate", "status", "reset"])
async def test_a_pin_that_got_no_answer_is_tried_again(at_desk: Scene, kind: str) -> None:
    """Slack being busy or away refuses nothing."""
    at_desk.slack.fail("pins.add", kind)
    with pytest.raises(TryAgain):
        await at_desk.desk.refresh(at_desk.thread, card())
    await at_desk.desk.refresh(at_desk.thread, card())
    assert at_desk.slack.state.rooms[ROOM].pins == {at_desk.root}


async def test_a_missing_permission_is_not_a_bad_token(at_desk: Scene) -> None:
    """The mend that is named is one that helps."""
    at_desk.slack.fail("chat.postMessage", "error", code="no_permission")
    error = await end_of(at_desk)
    assert isinstance(error, Refused)
    assert "SLACK_BOT_TOKEN" not in error.why
    assert "ask an admin" in error.why


async def test_changes_may_be_repeated(at_desk: Scene) -> None:
    """An uncertain end of an update is told as one to try again."""
    for method in ("chat.update", "reactions.add"):
        at_desk.slack.fail(method, "status", times=1)
    with pytest.raises(TryAgain):
        await at_desk.desk.refresh(at_desk.thread, card())
    post = await at_desk.desk.post(at_desk.thread, line("hello"), ("d_1",))
    with pytest.raises(TryAgain):
        await at_desk.desk.amend(post, Amendment(mark=Mark.SHOWN))


async def test_a_mark_on_a_post_that_is_gone_is_no_failure(at_desk: Scene) -> None:
    """Who deletes a reply while it is being marked leaves nothing to mend."""
    post = await at_desk.desk.post(at_desk.thread, line("hello"), ("d_1",))
    at_desk.slack.fail("reactions.add", "error", code="message_not_found")
    await at_desk.desk.amend(post, Amendment(mark=Mark.FAILED))
    assert at_desk.slack.state.calls["reactions.add"] == 1


async def test_a_mark_after_a_restart_replaces_the_one_before(tmp_path: Path) -> None:
    """What stands there is taken away even by a desk that does not remember it."""
    async with scene(tmp_path) as made:
        post = await made.desk.post(made.thread, line("hello"), ("d_1",))
        await made.desk.amend(post, Amendment(mark=Mark.SHOWN))
        again = SlackDesk(Given(settings_for(made.slack), made.session, made.files, SystemClock()))
        await again.amend(post, Amendment(mark=Mark.READ))
        [names] = [n for n in made.slack.state.reactions.values() if n]
        assert names == {"eyes"}


async def test_marks_are_paced_where_nothing_else_is(tmp_path: Path) -> None:
    """However many replies want theirs at once, a second brings no more than it may."""
    clock = HandClock(time.time() - 3600)
    async with scene(tmp_path, clock) as made:
        posts = [
            await made.desk.post(made.thread, line(f"{n}"), (f"d_{n}",))
            for n in range(MARKS.burst + 1)
        ]
        marking = [
            asyncio.ensure_future(made.desk.amend(post, Amendment(mark=Mark.SHOWN)))
            for post in posts
        ]
        await asyncio.gather(*marking[:-1])
        assert not marking[-1].done()
        clock.advance(1)
        await marking[-1]
        assert len(made.slack.state.reactions) == len(posts)


async def test_a_mark_on_a_new_post_needs_one_call(tmp_path: Path) -> None:
    """On a reply written since the start nothing of ours can stand: nothing is taken away."""
    async with scene(tmp_path, HandClock(time.time() - 3600)) as made:
        post = await made.desk.post(made.thread, line("hello"), ("d_1",))
        await made.desk.amend(post, Amendment(mark=Mark.READ))
        assert made.slack.state.calls["reactions.remove"] == 0


async def test_what_slack_will_not_delete_is_emptied(at_desk: Scene) -> None:
    """A post under another name cannot be deleted; its words go all the same."""
    post = await at_desk.desk.post(at_desk.thread, line("a secret"), ("d_1",))
    await at_desk.desk.amend(post, Amendment())
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert "secret" not in str(shown["text"]) + str(shown["blocks"])


async def test_a_bad_token_stops_the_start(tmp_path: Path) -> None:
    """A token Slack refuses is named; Slack being away is not a reason not to start."""
    async with FakeSlack() as slack, aiohttp.ClientSession() as session, DiskFiles(tmp_path) as f:
        bad = Given(settings_for(slack, bot_token="xoxb-wrong"), session, f, SystemClock())
        with pytest.raises(ConfigurationError, match="SLACK_BOT_TOKEN"):
            await SlackDesk(bad).__aenter__()
        good = Given(settings_for(slack), session, f, SystemClock())
        slack.fail("auth.test", "status")
        async with SlackDesk(good) as desk:
            # To learn who we are takes as long as a call may: the post is an attempt of its own.
            with pytest.raises(TryAgain) as put_off:
                await desk.open_thread(ROOM, card(), "d_1")
            assert put_off.value.after == 0.0
            assert slack.state.roots() == []
            assert (await desk.open_thread(ROOM, card(), "d_1")).startswith("slack:T0TEAM:")


async def test_a_desk_needs_no_session_of_its_own(at_desk: Scene) -> None:
    """Fifty posts at once go over the session given, each once."""
    await asyncio.gather(
        *(at_desk.desk.post(at_desk.thread, line(f"{i}"), (f"d_{i}",)) for i in range(50))
    )
    shown = [m["text"] for m in at_desk.slack.state.thread(ROOM, at_desk.root)]
    assert sorted(shown, key=int) == [str(i) for i in range(50)]


@pytest.mark.slow
async def test_turns_keep_the_rate_slack_wants(tmp_path: Path) -> None:
    """With turns taken, a room of 20 posts a second refuses nothing and is kept busy."""
    async with scene(tmp_path, posts_per_second=20.0) as made:
        made.slack.posting.per_second, made.slack.posting.burst = 20.0, 2
        began = time.monotonic()

        async def one(number: int) -> None:
            await made.desk.pacer.turn(ROOM, Turn.WORDS)
            await made.desk.post(made.thread, line(str(number)), (f"d_{number}",))

        await asyncio.gather(*(one(i) for i in range(40)))
        took = time.monotonic() - began
    assert made.slack.posting.refused == 0
    assert took <= 40 / 20.0 * 1.15
