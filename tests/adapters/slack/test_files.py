"""Files both ways: shared in the thread, fetched from known hosts only, and failures told."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.slack.downloads import is_allowed
from bridge.clock import SystemClock
from bridge.domain.errors import DeliveryError, Refused, TryAgain, Uncertain
from bridge.domain.facts import FileFailed, TeammateWrote
from bridge.domain.ids import FileId
from bridge.domain.messages import Attachment, Role
from bridge.domain.posts import Post, PostKind
from tests.adapters.slack.scene import CONVERSATION, Scene, scene
from tests.servers.slack import ROOM, live_mentions
from tests.servers.slack_state import Json


class Impatient(SystemClock):
    """The machine's clock, on which nobody sleeps long."""

    async def sleep(self, seconds: float) -> None:
        """Sleep a hundredth of it."""
        await super().sleep(seconds / 100)


async def kept(at_desk: Scene, name: str = "photo.png", content: bytes = b"bytes" * 100) -> Post:
    """Keep a customer's file and return the post that shows it."""

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    attachment = await at_desk.files.put(CONVERSATION, name, chunks(), 1 << 20)
    return Post(PostKind.MESSAGE, Role.CUSTOMER, "Anna", "", attachment)


async def test_a_customers_file_stands_in_the_thread(at_desk: Scene) -> None:
    """With its bytes, its name, and who sent it, under the root."""
    at_desk.slack.files.late_shares = 2
    post = await kept(at_desk)
    ref = await at_desk.desk.post(at_desk.thread, post, ("d_1",))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert ref.endswith(shown["ts"])
    assert shown["files"][0]["name"] == "photo.png"
    assert at_desk.slack.state.contents[shown["files"][0]["id"]] == b"bytes" * 100
    assert shown["text"] == "Anna · customer"


async def test_words_with_a_file_ping_nobody(at_desk: Scene) -> None:
    """The comment of a file is read for mentions, so it is escaped."""
    post = await kept(at_desk)
    loud = Post(PostKind.MESSAGE, Role.CUSTOMER, "<!here>", "<!channel> <@U0ANN>", post.file)
    await at_desk.desk.post(at_desk.thread, loud, ("d_1",))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert live_mentions(shown) == []


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/zz", "HTTP://EVIL.EXAMPLE", "evil.example/zz", "a@evil.example"],
)
async def test_nothing_that_goes_with_a_file_is_a_link(at_desk: Scene, address: str) -> None:
    """Sharing a file cannot be asked to draw no preview: name and words hold no address."""
    post = await kept(at_desk)
    hostile = replace(post, name=address, text=f"see {address} and [this]({address})")
    await at_desk.desk.post(at_desk.thread, hostile, ("d_1",))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert not re.search(r"\w://|/\w|[.@]\w", shown["text"])
    seen = shown["text"].replace("\u2060", "")
    assert seen.startswith(f"{address} · customer: see {address} and ")


@pytest.mark.parametrize(
    ("method", "kind", "end"),
    [
        ("files.getUploadURLExternal", "status", TryAgain),
        ("files.getUploadURLExternal", "rate", TryAgain),
        ("files.completeUploadExternal", "rate", TryAgain),
        ("files.completeUploadExternal", "status", Uncertain),
        ("files.completeUploadExternal", "reset", Uncertain),
    ],
)
async def test_only_the_last_step_is_in_doubt(
    at_desk: Scene, method: str, kind: str, end: type[DeliveryError]
) -> None:
    """Before the file is shared, nothing was shown, whatever went wrong."""
    at_desk.slack.fail(method, kind)
    with pytest.raises(end):
        await at_desk.desk.post(at_desk.thread, await kept(at_desk), ("d_1",))
    assert at_desk.slack.state.thread(ROOM, at_desk.root) == []


async def test_a_file_whose_answer_was_lost_is_found(at_desk: Scene) -> None:
    """By the id it was uploaded under, since a file carries no metadata."""
    at_desk.slack.fail("files.completeUploadExternal", "reset", after=True)
    with pytest.raises(Uncertain):
        await at_desk.desk.post(at_desk.thread, await kept(at_desk), ("d_1",))
    assert await at_desk.desk.find(ROOM, at_desk.thread, "d_1", 0.0) is not None
    assert await at_desk.desk.find(ROOM, at_desk.thread, "d_2", 0.0) is None


async def test_a_file_that_slack_never_shows_is_uncertain(tmp_path: Path) -> None:
    """Slack may say ok and not share; the desk looks a few times, then says so."""
    async with scene(tmp_path, Impatient()) as made:
        made.slack.files.never_shared = True
        with pytest.raises(Uncertain):
            await made.desk.post(made.thread, await kept(made), ("d_1",))
        assert made.slack.state.calls["files.info"] > 2
        assert await made.desk.find(ROOM, made.thread, "d_1", 0.0) is None


SWITCHED_OFF = "uploads are switched off in this workspace"


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "files.completeUploadExternal"])
@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("file_uploads_disabled", SWITCHED_OFF),
        ("file_type_not_allowed", "this kind of file is not allowed"),
        ("file_upload_size_restricted", "larger than this workspace allows"),
        ("a_refusal_of_tomorrow", "Slack refuses it (a_refusal_of_tomorrow)"),
    ],
)
async def test_a_line_stands_in_the_place_of_a_file_that_slack_never_takes(
    at_desk: Scene, step: str, code: str, why: str
) -> None:
    """It says which file and why, under the name of who sent it, once, and is found by its key."""
    at_desk.slack.fail(step, "error", code=code)
    ref = await at_desk.desk.post(at_desk.thread, await kept(at_desk, "a_b_.png"), ("d_1",))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert shown["text"].startswith("File: a_b_.png (500 B) could not be shown here: ")
    assert why in shown["text"]
    assert "a_b_.png" in str(shown["blocks"])
    assert shown["username"] == "Anna · customer"
    assert "files" not in shown
    assert await at_desk.desk.find(ROOM, at_desk.thread, "d_1", 0.0) == ref


async def test_the_words_of_a_file_that_is_refused_are_shown(at_desk: Scene) -> None:
    """Only the file is missing."""
    at_desk.slack.fail("files.completeUploadExternal", "error", code="file_uploads_disabled")
    post = replace(await kept(at_desk), text="**look** <!channel>")
    await at_desk.desk.post(at_desk.thread, post, ("d_1",))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert "look" in shown["text"]
    assert "look" in str(shown["blocks"])
    assert live_mentions(shown) == []


async def test_a_line_in_a_files_place_is_never_doubled(at_desk: Scene) -> None:
    """When its answer is lost it is in doubt, and found, like any post."""
    at_desk.slack.fail("files.completeUploadExternal", "error", code="file_uploads_disabled")
    at_desk.slack.fail("chat.postMessage", "reset", after=True)
    with pytest.raises(Uncertain):
        await at_desk.desk.post(at_desk.thread, await kept(at_desk), ("d_1",))
    assert await at_desk.desk.find(ROOM, at_desk.thread, "d_1", 0.0) is not None
    assert len(at_desk.slack.state.thread(ROOM, at_desk.root)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "channel_not_found",
        "invalid_auth",
        "is_archived",
        "missing_scope",
        "no_permission",
        "not_in_channel",
        "posting_to_general_channel_denied",
        "restricted_action_thread_locked",
        "thread_not_found",
        "token_revoked",
    ],
)
async def test_a_refusal_of_room_or_token_is_no_matter_of_the_file(
    at_desk: Scene, code: str
) -> None:
    """Words would meet it as well: the delivery is refused, and nothing is shown."""
    at_desk.slack.fail("files.completeUploadExternal", "error", code=code)
    with pytest.raises(Refused, match=code):
        await at_desk.desk.post(at_desk.thread, await kept(at_desk), ("d_1",))
    assert at_desk.slack.state.thread(ROOM, at_desk.root) == []


async def test_a_file_that_slack_does_not_tell_of_is_looked_for(tmp_path: Path) -> None:
    """It was taken: that Slack refuses to say where it stands makes it uncertain, not refused."""
    async with scene(tmp_path, Impatient()) as made:
        made.slack.fail("files.info", "error", times=9, code="missing_scope")
        with pytest.raises(Uncertain):
            await made.desk.post(made.thread, await kept(made), ("d_1",))
        assert await made.desk.find(ROOM, made.thread, "d_1", 0.0) is not None
        assert len(made.slack.state.thread(ROOM, made.root)) == 1


async def test_a_line_stands_in_the_place_of_a_file_that_is_gone(at_desk: Scene) -> None:
    """What is not kept any more cannot be posted, now or later, and holds nothing back."""
    gone = Attachment(FileId("f_none"), "x.png", "image/png", 2_100_000)
    await at_desk.desk.post(at_desk.thread, Post(PostKind.MESSAGE, file=gone), ("d_1",))
    [shown] = at_desk.slack.state.thread(ROOM, at_desk.root)
    assert shown["text"] == (
        "File: x.png (2.1 MB) could not be shown here: it is not kept any more."
    )


async def shared(at_desk: Scene, *files: Json, text: str = "see file") -> None:
    """Let a teammate share files in the thread."""
    await at_desk.slack.people.teammate_says(
        at_desk.root, text, subtype="file_share", files=list(files)
    )


async def test_a_teammates_file_reaches_the_customer(at_desk: Scene) -> None:
    """With the words, kept on our side, fetched with the token from the listed host."""
    file = at_desk.slack.files.add("offer.txt", b"our offer")
    await shared(at_desk, file)
    fact = at_desk.only(TeammateWrote)
    [attachment] = fact.attachments
    stored = await at_desk.files.open(CONVERSATION, attachment.id)
    assert stored is not None
    assert b"".join([chunk async for chunk in stored.chunks]) == b"our offer"
    assert (fact.text, attachment.name) == ("see file", "offer.txt")
    assert at_desk.slack.files.tokens_seen == ["Bearer xoxb-fake-bot-token"]


async def test_a_file_without_words_is_relayed_too(at_desk: Scene) -> None:
    """And two of them arrive in one message."""
    add = at_desk.slack.files.add
    await shared(at_desk, add("a.txt", b"a"), add("b.txt", b"b"), text="")
    assert [a.name for a in at_desk.only(TeammateWrote).attachments] == ["a.txt", "b.txt"]


@pytest.mark.fault("F87")
async def test_a_note_with_a_file_fetches_nothing(at_desk: Scene) -> None:
    """What stays inside is not taken out of Slack."""
    await shared(at_desk, at_desk.slack.files.add("secret.txt", b"x"), text="note: look")
    fact = at_desk.only(TeammateWrote)
    assert (fact.note, fact.attachments) == (True, ())
    assert at_desk.slack.files.tokens_seen == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url_private_download": "https://evil.invalid/x"}, "address"),
        ({"url_private_download": "http://files.slack.com/x"}, "address"),
        ({"url_private_download": "file:///etc/passwd"}, "address"),
        ({"url_private_download": "https://files.slack.com@evil.invalid/x"}, "address"),
        ({"url_private_download": "", "url_private": ""}, "address"),
        ({"url_private_download": "http://[::1"}, "address"),
        ({"mode": "tombstone"}, "deleted"),
        ({"mode": "hidden_by_limit"}, "hides"),
        ({"is_external": True}, "outside"),
        ({"size": 10**9}, "larger"),
        ({"size": 12345}, "part"),
        ({"file_access": "check_file_info", "id": "F_NONE"}, "does not let us"),
    ],
)
async def test_a_file_that_cannot_be_had_is_told(
    tmp_path: Path, change: dict[str, object], why: str
) -> None:
    """The words go on, and one fact says which file failed and why; the token goes nowhere."""
    async with scene(tmp_path, Impatient()) as made:
        file = {**made.slack.files.add("x.txt", b"content"), **change}
        await shared(made, file)
        wrote, failed = made.facts
        assert isinstance(wrote, TeammateWrote)
        assert isinstance(failed, FileFailed)
        assert (wrote.text, wrote.attachments) == ("see file", ())
        assert failed.name == "x.txt"
        assert why in failed.why


async def test_a_redirect_gets_no_token(tmp_path: Path) -> None:
    """Files are not fetched around corners."""
    async with scene(tmp_path, Impatient()) as made:
        made.slack.files.redirect_to = f"{made.slack.url}/files/elsewhere/x"
        await shared(made, made.slack.files.add("x.txt", b"x"), text="")
        assert made.only(FileFailed)
        assert len(made.slack.files.tokens_seen) == 1


async def test_a_sign_in_page_is_no_file(tmp_path: Path) -> None:
    """That is what Slack sends without the right to read files; the mend is named."""
    async with scene(tmp_path, Impatient()) as made:
        made.slack.files.html_instead = True
        await shared(made, {**made.slack.files.add("x.png", b"x"), "size": 0}, text="")
        assert "files:read" in made.only(FileFailed).why


async def test_a_file_larger_than_it_said_is_cut_off(tmp_path: Path) -> None:
    """The cap counts bytes, not promises."""
    async with scene(tmp_path, Impatient(), max_file_bytes=1000) as made:
        file = {**made.slack.files.add("x.bin", b"x" * 5000), "size": 10}
        await shared(made, file, text="")
        assert "larger" in made.only(FileFailed).why


async def test_a_file_of_a_shared_channel_is_looked_up(at_desk: Scene) -> None:
    """Slack Connect sends files without addresses; files.info has them."""
    file = at_desk.slack.files.add("x.txt", b"x")
    await shared(at_desk, {"id": file["id"], "file_access": "check_file_info"})
    assert len(at_desk.only(TeammateWrote).attachments) == 1


async def test_a_slow_file_is_asked_for_again_and_fetched_once(at_desk: Scene) -> None:
    """Slack wants its answer in three seconds: it is told "not yet", the work goes on, and the
    customer gets the file as soon as it is there.
    """
    gate = at_desk.slack.files.gate = asyncio.Event()
    background = asyncio.create_task(at_desk.rooms.run())
    await asyncio.sleep(0)
    people = at_desk.slack.people
    people.retry_after = ()
    file = at_desk.slack.files.add("big.bin", b"x" * 100)
    message = people.write(at_desk.root, "big", subtype="file_share", files=[file])
    first = await people.deliver_message(ROOM, message)
    assert (first.statuses, at_desk.facts) == ([503], [])
    gate.set()
    await at_desk.inbox.arrived.wait()
    second = await people.deliver_message(ROOM, message)
    assert second.statuses == [200]
    assert len(at_desk.only(TeammateWrote).attachments) == 1
    assert len(at_desk.slack.files.tokens_seen) == 1
    background.cancel()
    with pytest.raises(asyncio.CancelledError):
        await background


@pytest.mark.parametrize(
    ("url", "hosts", "allowed"),
    [
        ("https://files.slack.com/a", {"files.slack.com"}, True),
        ("https://files.slack.com:443/a", {"files.slack.com"}, True),
        ("https://files.slack.com:8443/a", {"files.slack.com"}, False),
        ("https://gov.example:8443/a", {"gov.example:8443"}, True),
        ("https://evil.files.slack.com/a", {"files.slack.com"}, False),
        ("https://files.slack.com.evil.example/a", {"files.slack.com"}, False),
        ("http://files.slack.com/a", {"files.slack.com"}, False),
        ("http://127.0.0.1:99/a", {"127.0.0.1:99"}, True),
        ("http://127.0.0.1:99/a", {"127.0.0.1"}, True),
        ("http://127.0.0.1:99/a", {"files.slack.com"}, False),
        ("http://10.0.0.1/a", {"10.0.0.1"}, False),
        ("//files.slack.com/a", {"files.slack.com"}, False),
        ("https://files.slack.com:bad/a", {"files.slack.com"}, False),
    ],
)
def test_where_the_token_may_go(url: str, hosts: set[str], *, allowed: bool) -> None:
    """Https to a listed host; plain http only to this machine, and only when listed."""
    assert is_allowed(url, frozenset(hosts)) is allowed
