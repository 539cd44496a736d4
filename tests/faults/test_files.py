"""Files on their way between customer and desk: once, in their place, or told of on both sides."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.composed import House, house
from tests.servers.slack_state import ROOM


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[House]:
    """The whole application, with a short time to settle doubts in."""
    async with house(tmp_path, HANDOFF_SETTLE_SECONDS="0.6") as running:
        yield running


async def customer_sends(made: House, name: str) -> None:
    """Send words, a file, and words again, without waiting for anything but their acceptance."""
    bearer = made.bearer("token")
    form = aiohttp.FormData()
    form.add_field("file", b"%PDF-1.7 " + name.encode(), filename=name)
    _, kept = await made.ask("POST", "/v1/files", headers=bearer, data=form)
    for text, files in (("before", []), ("", [kept["id"]]), ("after", [])):
        body = {"client_id": f"{name}-{text}", "text": text, "attachments": files}
        status, said = await made.ask("POST", "/v1/messages", headers=bearer, json=body)
        assert status == 202, said


def in_thread(made: House) -> list[str]:
    """Return what stands in the thread, in order: the words, or the names of the files."""
    room = made.slack.state.rooms[ROOM]
    posts = [room.messages[ts] for ts in room.threads[made.names["slack_thread"]]]
    found: list[str] = []
    for post in posts:
        files = [file["name"] for file in post.get("files", [])]
        found += files or str(post.get("text", "")).split("\n")
    return [line for line in found if line in {"before", "after"} or line.endswith(".pdf")]


@pytest.mark.fault("F78")
@pytest.mark.parametrize("kind", ["reset", "hang", "status", "truncated"])
async def test_an_upload_whose_end_is_in_doubt_stands_once(
    tmp_path: Path, made: House, kind: str
) -> None:
    """Slack shared the file and its answer was lost: it is found, and what follows follows."""
    del tmp_path
    made.slack.fail("files.completeUploadExternal", kind, after=True, seconds=0.1)
    await customer_sends(made, "offer.pdf")
    await made.quiet()
    assert in_thread(made) == ["before", "offer.pdf", "after"]


@pytest.mark.fault("F78")
async def test_an_upload_that_surely_failed_is_made_again(made: House) -> None:
    """Refused for the moment before anything was shared: once more, and once only."""
    made.slack.fail("files.completeUploadExternal", "rate", retry_after="1")
    await customer_sends(made, "offer.pdf")
    await made.quiet()
    assert in_thread(made) == ["before", "offer.pdf", "after"]


BROKEN: dict[str, Any] = {
    "expired": {"url_private_download": "{slack}/files/F_GONE/x"},
    "refused": {"url_private_download": "{slack}/nowhere/x"},
    "another host": {"url_private_download": "https://evil.invalid/x"},
    "deleted": {"mode": "tombstone"},
    "short": {"size": 12345},
    "redirected": {},
    "a sign-in page": {"size": 0},
}


@pytest.mark.fault("F79")
@pytest.mark.parametrize("how", BROKEN)
async def test_a_file_that_cannot_be_had_is_told_to_both_sides(made: House, how: str) -> None:
    """The words arrive; the thread hears which file failed and why, the customer that one did.

    The reply bears the warning.
    """
    files, people = made.slack.files, made.slack.people
    files.redirect_to = "https://evil.invalid/x" if how == "redirected" else ""
    files.html_instead = how == "a sign-in page"
    url = made.slack.url
    change = {
        key: value.format(slack=url) if isinstance(value, str) else value
        for key, value in BROKEN[how].items()
    }
    file = {**files.add("contract.pdf", b"content"), **change}
    outcome = await people.teammate_says(
        made.names["slack_thread"], "see file", subtype="file_share", files=[file]
    )
    while not outcome.ok:
        message = made.slack.state.message(ROOM, outcome.ts)
        outcome = await people.deliver_message(ROOM, message)
    await made.quiet()
    _, page = await made.ask("GET", "/v1/messages?limit=200", headers=made.bearer("token"))
    said = [(m["role"], m["text"], m["attachments"]) for m in page["messages"]]
    assert ("teammate", "see file", []) in said
    assert [text for role, text, _ in said if role == "system" and "contract.pdf" in text]
    room = made.slack.state.rooms[ROOM]
    told = [str(m.get("text")) for m in room.messages.values() if "bot_id" in m]
    assert any("contract.pdf did not reach the customer" in text for text in told)
    assert made.slack.state.reactions[ROOM, outcome.ts] == {"warning"}


@pytest.mark.parametrize("how", ["file", "message", "note"])
async def test_a_file_that_was_taken_back_is_not_had_any_more(made: House, how: str) -> None:
    """The file deleted, the reply deleted, or edited into a note: the file is the team's again."""
    people, bearer = made.slack.people, made.bearer("token")
    file = made.slack.files.add("contract.pdf", b"content")
    thread = made.names["slack_thread"]
    sent = await people.teammate_says(thread, "see file", subtype="file_share", files=[file])
    _, page = await made.ask("GET", "/v1/messages?limit=200", headers=bearer)
    [attachment] = page["messages"][-1]["attachments"]
    assert (await made.ask("GET", attachment["url"], headers=bearer))[0] == 200
    if how == "file":
        message = made.slack.state.message(ROOM, sent.ts)
        after = {**message, "files": [{"id": file["id"], "mode": "tombstone"}]}
        await people.deliver_event(people.changed(ROOM, after, message))
    elif how == "message":
        await people.teammate_deletes(sent.ts)
    else:
        await people.teammate_edits(sent.ts, "note: oops")
    await made.quiet()
    since = f"/v1/messages?after={page['cursor']}"
    _, changes = await made.ask("GET", since, headers=bearer)
    assert [(m["attachments"], m["deleted"]) for m in changes["messages"]] == [([], how != "file")]
    assert (await made.ask("GET", attachment["url"], headers=bearer))[0] == 404


@pytest.mark.fault("F81")
async def test_a_slow_file_of_the_customers_keeps_its_place(made: House) -> None:
    """Each step of the upload takes its time: what was said after the file stands after it."""
    for method in ("files.getUploadURLExternal", "files.completeUploadExternal"):
        made.slack.fail(method, "slow", seconds=0.4, after=True)
    await customer_sends(made, "slow.pdf")
    await made.quiet()
    assert in_thread(made) == ["before", "slow.pdf", "after"]


@pytest.mark.fault("F81")
async def test_a_slow_file_of_a_teammates_keeps_its_place(made: House) -> None:
    """What a teammate says while the file is still being fetched is shown after it."""
    gate = made.slack.files.gate = asyncio.Event()
    people, thread = made.slack.people, made.names["slack_thread"]
    await people.teammate_says(thread, "before")
    file = made.slack.files.add("slow.pdf", b"content")
    sending = asyncio.create_task(
        people.teammate_says(thread, "the file", subtype="file_share", files=[file])
    )
    async with asyncio.timeout(5):
        while not made.slack.files.tokens_seen:  # noqa: ASYNC110 -- the platform has no event
            await asyncio.sleep(0.01)
    following = asyncio.create_task(people.teammate_says(thread, "after"))
    await asyncio.sleep(0.2)
    gate.set()
    assert (await sending).ok
    assert (await following).ok
    _, page = await made.ask("GET", "/v1/messages?limit=200", headers=made.bearer("token"))
    said = [m["text"] for m in page["messages"] if m["role"] == "teammate"]
    assert said == ["before", "the file", "after"]
