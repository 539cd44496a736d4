"""What the page's interface refuses: always with a reason, never with a server's error."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.requests import MAX_BODY, MAX_REPLY
from tests.adapters.sandbox.house import PAGE, House

LONG = "x" * (MAX_REPLY + 1)


async def _post(house: House, body: object) -> tuple[int, Any]:
    thread = await house.thread()
    return await house.call("POST", f"/sandbox/threads/{thread}/posts", body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"as": "support", "text": ""}, "text"),
        ({"as": "support", "text": " \x00 "}, "text"),
        ({"as": "support", "text": LONG}, "text"),
        ({"as": "support", "text": 5}, "text"),
        ({"as": "support"}, "text"),
        ({"as": "nobody", "text": "hi"}, "as"),
        ({"text": "hi"}, "as"),
        ({"as": "support", "text": "hi", "note": "yes"}, "note"),
        ({"as": "support", "text": "hi", "room": "x"}, "room"),
    ],
)
async def test_a_wrong_field_is_named(house: House, body: dict[str, object], field: str) -> None:
    """422, the field's name, and nothing kept or told."""
    status, problem = await _post(house, body)
    assert (status, problem["field"]) == (422, field)
    assert field in problem["detail"]
    assert house.inbox.facts == []


async def test_problems_are_problem_documents(house: House) -> None:
    """The media type and the members are those of RFC 9457."""
    async with house.client.get("/sandbox/threads/1", headers=PAGE) as answer:
        assert answer.content_type == "application/problem+json"
        problem = json.loads(await answer.text())
    assert problem["status"] == answer.status == 404
    assert problem["title"] == "Not Found"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 40_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"as":"support","text":"' + b"x" * MAX_BODY + b'"}', "application/json", 413),
        (b"as=support&text=hi", "application/x-www-form-urlencoded", 415),
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b", 400),
        (b"", "multipart/form-data", 400),
    ],
)
async def test_a_wrong_body_is_refused(house: House, body: bytes, kind: str, status: int) -> None:
    """Whatever the bytes are, the answer is one of the client's errors."""
    thread = await house.thread()
    path = f"/sandbox/threads/{thread}/posts"
    headers = {**PAGE, "Content-Type": kind}
    async with house.client.post(path, data=body, headers=headers) as answer:
        assert answer.status == status, await answer.text()


@pytest.mark.parametrize("name", ["0", "-1", "1e3", "٣", "999999999999999999999", "x" * 500])
async def test_strange_numbers_are_not_found(house: House, name: str) -> None:
    """No address makes a server's error."""
    for path in (f"/sandbox/threads/{name}", f"/sandbox/threads/{name}/files/f"):
        status, _ = await house.call("GET", path)
        assert status == 404
    status, _ = await house.call("DELETE", f"/sandbox/posts/{name}?as=support")
    assert status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({**PAGE, "Origin": "https://elsewhere.example"}, 403),
        ({**PAGE, "Origin": "null"}, 403),
        ({**PAGE, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**PAGE, "Sec-Fetch-Site": "same-site"}, 403),
        ({**PAGE, "Host": "rebound.example"}, 403),
        ({**PAGE, "Host": "["}, 403),
        ({**PAGE, "Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
async def test_only_the_page_itself_may_write(
    house: House, headers: dict[str, str], status: int
) -> None:
    """A foreign page, a foreign name for this machine, or a plain form is refused."""
    thread = await house.thread()
    body = {"as": "support", "text": "hi"}
    answered, _ = await house.call("POST", f"/sandbox/threads/{thread}/posts", body, headers)
    assert answered == status
    assert len(house.inbox.facts) == (1 if status == 201 else 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "rebound.example"},
    ],
)
async def test_only_the_page_itself_may_look(house: House, headers: dict[str, str]) -> None:
    """Reading is refused to foreign pages as well, the live line included."""
    for path in ("/sandbox/room", "/sandbox/stream"):
        status, _ = await house.call("GET", path, headers=headers)
        assert status == 403


async def test_a_file_goes_with_a_reply(house: House) -> None:
    """The bytes are kept in the thread's conversation and named in the fact and at the desk."""
    thread = await house.thread()
    body = (
        '--b\r\nContent-Disposition: form-data; name="as"\r\n\r\nsupport\r\n'
        '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nThe label.\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="étiquette 48213.pdf"\r\n'
        "Content-Type: text/html\r\n\r\n%PDF-1.7\r\n--b--\r\n"
    )
    path = f"/sandbox/threads/{thread}/posts"
    headers = {**PAGE, "Content-Type": "multipart/form-data; boundary=b"}
    async with house.client.post(path, data=body.encode(), headers=headers) as answer:
        assert answer.status == 201
        post = (await answer.json())["post"]
    assert [file["name"] for file in post["files"]] == ["étiquette 48213.pdf"]
    [fact] = house.inbox.facts
    assert [file.id for file in fact.attachments] == ["f_1"]  # type: ignore[union-attr]
    async with house.client.get(f"/sandbox/threads/{thread}/files/f_1") as answer:
        assert await answer.read() == b"%PDF-1.7"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_a_deleted_post_gives_out_no_file(house: House) -> None:
    """What does not stand in the thread any more cannot be fetched by its address either."""
    thread = await house.thread()
    form = FormData()
    form.add_field("as", "support")
    form.add_field("text", "The label.")
    form.add_field("file", b"%PDF", filename="label.pdf")
    async with house.client.post(
        f"/sandbox/threads/{thread}/posts", data=form, headers=PAGE
    ) as answer:
        post = (await answer.json())["post"]
    url = f"/sandbox/threads/{thread}/files/{post['files'][0]['id']}"
    assert (await house.client.get(url)).status == 200
    await house.call("DELETE", f"/sandbox/posts/{post['id']}?as=support")
    assert (await house.client.get(url)).status == 404


async def test_a_note_carries_no_file(house: House) -> None:
    """What the customer could fetch is never attached to words for the team."""
    thread = await house.thread()
    for text in ("note: see the photo", ""):
        form = FormData()
        form.add_field("as", "support")
        if text:
            form.add_field("text", text)
        else:
            form.add_field("note", "true")
        form.add_field("file", b"photo", filename="photo.png")
        path = f"/sandbox/threads/{thread}/posts"
        async with house.client.post(path, data=form, headers=PAGE) as answer:
            assert (answer.status, (await answer.json())["field"]) == (422, "file")
    assert house.files.shelf == {}


async def test_too_many_or_nameless_parts_are_refused(house: House) -> None:
    """Six files, a hundred parts, or words of a megabyte are the sender's error."""
    thread = await house.thread()
    path = f"/sandbox/threads/{thread}/posts"
    for parts, status in (
        ([("file", b"x", "a.txt")] * 6, 422),
        ([("extra", "x", None)] * 100, 413),
        ([("text", "x" * 1_000_000, None)], 413),
    ):
        form = FormData(default_to_multipart=True)
        for name, body, filename in parts:
            form.add_field(name, body, filename=filename, content_type="text/plain")
        async with house.client.post(path, data=form, headers=PAGE) as answer:
            assert answer.status == status


async def test_no_file_of_another_conversation_is_given(house: House) -> None:
    """A file is found only from a thread of its own conversation."""
    thread = await house.thread()
    status, _ = await house.call("GET", f"/sandbox/threads/{thread}/files/f_9")
    assert status == 404


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(body=st.dictionaries(st.sampled_from(["as", "text", "note", "verb", "x"]), HOSTILE))
async def test_nothing_a_page_sends_breaks_the_server(
    tmp_path_factory: pytest.TempPathFactory, body: dict[str, Any]
) -> None:
    """Any JSON object gets an answer below 500 from every writing call."""
    path: Path = tmp_path_factory.mktemp("desk") / "desk.db"
    house = House(path)
    await house.start()
    try:
        thread = await house.thread()
        for end in ("posts", "verbs", "typing"):
            given_body = {"as": "support", **body}
            status, _ = await house.call("POST", f"/sandbox/threads/{thread}/{end}", given_body)
            assert status < 500
    finally:
        await house.stop()
