"""Files: kept whole or not at all, given out only to be saved, and only to whose they are."""

import asyncio
import os
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from adapters.web.files import disposition
from bridge.domain.facts import CustomerWrote
from tests.adapters.web.site import Customer, Site

FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def form(*parts: tuple[str, bytes]) -> bytes:
    """Return a form with these parts: the disposition's parameters, and the content."""
    pieces = [
        b"--b\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (names.encode(), content)
        for names, content in parts
    ]
    return b"".join([*pieces, b"--b--\r\n"])


async def test_a_file_comes_back_as_it_was(site: Site, customer: Customer) -> None:
    """An uploaded file is described, attached to a message, and downloads byte by byte."""
    content = os.urandom(150_000)
    status, kept = await customer.upload("photo.png", content)
    assert (status, kept["name"], kept["size"]) == (201, "photo.png", 150_000)
    body = {"client_id": "f", "text": "", "attachments": [kept["id"]]}
    assert (await customer.ask("POST", "/v1/messages", json=body))[0] == 202
    _, page = await customer.ask("GET", "/v1/messages")
    [attachment] = page["messages"][0]["attachments"]
    assert attachment == {**kept, "url": f"/v1/files/{kept['id']}"}
    assert await customer.ask("GET", attachment["url"]) == (200, content)


async def test_a_file_can_do_nothing_where_it_is_opened(site: Site, customer: Customer) -> None:
    """A stored page leaves as an attachment, unsniffed, under a policy that lets nothing run."""
    _, kept = await customer.upload("x.html", b"<script>alert(1)</script>")
    url = f"{site.url}/v1/files/{kept['id']}"
    async with site.http.get(url, headers=customer.headers) as answer:
        headers = answer.headers
    assert headers["Content-Disposition"].startswith('attachment; filename="x.html"')
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_a_file_belongs_to_one_conversation(site: Site, customer: Customer) -> None:
    """Nobody else can download or attach it, whatever they know of its id."""
    _, kept = await customer.upload("a.txt", b"mine")
    other = await site.open()
    assert (await other.ask("GET", f"/v1/files/{kept['id']}"))[0] == 404
    body = {"client_id": "f", "text": "", "attachments": [kept["id"]]}
    status, problem = await other.ask("POST", "/v1/messages", json=body)
    assert (status, problem["field"]) == (422, "attachments[0]")
    assert not any(isinstance(fact, CustomerWrote) for fact in site.core.facts)


async def one_piece(content: bytes) -> AsyncIterator[bytes]:
    """Yield bytes as a desk's download would."""
    yield content


async def test_a_withdrawn_file_is_not_given_out(site: Site, customer: Customer) -> None:
    """A teammate's file is had while its message stands; then not even by attaching it again."""
    of = customer.id
    sent = await site.files.put(of, "offer.pdf", one_piece(b"%PDF"), 1000)
    url = f"/v1/files/{sent.id}"
    assert (await customer.ask("GET", url))[0] == 404
    post = await site.core.teammate_says(of, "Here it is", files=(sent,))
    assert await customer.ask("GET", url) == (200, b"%PDF")
    await site.core.teammate_edits(of, post, None)
    assert (await customer.ask("GET", url))[0] == 404
    body = {"client_id": "f", "text": "", "attachments": [sent.id]}
    status, problem = await customer.ask("POST", "/v1/messages", json=body)
    assert (status, problem["field"]) == (422, "attachments[0]")


async def test_a_teammates_file_cannot_be_kept(site: Site, customer: Customer) -> None:
    """While it stands the customer cannot attach it, and so cannot hold on to it when it goes."""
    sent = await site.files.put(customer.id, "offer.pdf", one_piece(b"%PDF"), 1000)
    post = await site.core.teammate_says(customer.id, "Here it is", files=(sent,))
    body = {"client_id": "f", "text": "", "attachments": [sent.id]}
    status, problem = await customer.ask("POST", "/v1/messages", json=body)
    assert (status, problem["field"]) == (422, "attachments[0]")
    await site.core.teammate_edits(customer.id, post, None)
    assert (await customer.ask("GET", f"/v1/files/{sent.id}"))[0] == 404


async def test_an_upload_may_be_looked_at_before_it_is_sent(customer: Customer) -> None:
    """What the customer uploaded is theirs, on a message or not."""
    _, kept = await customer.upload("a.txt", b"mine")
    assert await customer.ask("GET", f"/v1/files/{kept['id']}") == (200, b"mine")


async def test_a_file_stands_once_in_a_message(customer: Customer) -> None:
    """The same id twice in one list is a mistake that is named."""
    _, kept = await customer.upload("a.txt", b"mine")
    body = {"client_id": "f", "text": "", "attachments": [kept["id"], kept["id"]]}
    status, problem = await customer.ask("POST", "/v1/messages", json=body)
    assert (status, problem["field"]) == (422, "attachments[1]")


async def test_the_limit_is_exact(site: Site, customer: Customer) -> None:
    """A file of the greatest size is kept, one byte more is refused and not kept."""
    assert (await customer.upload("a", b"x" * 200_000))[0] == 201
    status, problem = await customer.upload("b", b"x" * 200_001)
    assert (status, problem["limit"]) == (413, 200_000)
    assert len(site.files.kept) == 1


async def test_a_large_body_is_refused_unread(site: Site, customer: Customer) -> None:
    """A body announced as too large is refused before it is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    token = customer.session["token"]
    writer.write(
        f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: 999999999\r\n\r\n".encode()
    )
    async with asyncio.timeout(5):
        assert b" 413 " in await reader.readline()
    writer.close()


async def test_a_streamed_body_is_cut_at_the_limit(site: Site, customer: Customer) -> None:
    """Without a length the same limit holds, while the body is still coming."""

    async def endless() -> object:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(2000):
            yield b"x" * 10_000

    headers = {**customer.headers, **FORM}
    try:
        async with site.http.post(
            site.url + "/v1/files", data=endless(), headers=headers
        ) as answer:
            assert answer.status == 413
    except aiohttp.ClientConnectionError:
        # The server may close before the whole body was sent; the client then sees only that.
        pass
    assert site.files.kept == {}


MALFORMED = {
    "second part": (
        form(('name="file"; filename="a"', b"1"), ('name="file"; filename="b"', b"2")),
        422,
    ),
    "extra field": (form(('name="file"; filename="a"', b"1"), ('name="note"', b"2")), 422),
    "field first": (form(('name="note"', b"2"), ('name="file"; filename="a"', b"1")), 422),
    "other name": (form(('name="upload"; filename="a"', b"1")), 422),
    "no file name": (form(('name="file"', b"1")), 422),
    "20,000 parts": (form(*[('name="file"; filename="a"', b"1")] * 20_000)[:180_000], 422),
    "nested": (
        b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n",
        422,
    ),
    "breaks off": (form(('name="file"; filename="a"', b"1"))[:-8], 400),
    "breaks off in the head": (b"--b\r\nContent-Dispo", 400),
    "bad head": (b"--b\r\nContent Disposition\r\n\r\nx\r\n--b--\r\n", 400),
    "long head": (b"--b\r\nX: " + b"y" * 20_000 + b"\r\n\r\nx\r\n--b--\r\n", 400),
    "other boundary": (b"--c\r\n\r\nx\r\n--c--\r\n", 400),
    "garbage": (os.urandom(1000).replace(b"--b", b""), 400),
    "empty": (b"", 400),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_form_keeps_nothing(site: Site, customer: Customer, name: str) -> None:
    """Whatever is wrong with the form, it is refused and no file is kept."""
    body, wanted = MALFORMED[name]
    status, problem = await customer.ask("POST", "/v1/files", data=body, headers=FORM)
    assert status == wanted, problem
    assert site.files.kept == {}


@pytest.mark.parametrize(
    "name",
    [
        "plain.txt",
        'quo"te.txt',
        "back\\slash",
        "naïve café.pdf",
        "報告書.docx",
        "new\r\nSet-Cookie: x=1",
        "gpj.\u202eexe",
        "nul\0byte",
        "../../etc/passwd",
        "\ud800.txt",
        "",
    ],
)
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    """The header names the file exactly, in ASCII, and holds nothing but the two names."""
    header = disposition(name)
    assert re.fullmatch(
        r"attachment; filename=\"[\w .-]*\"; filename\*=UTF-8''[\w.~%-]*", header, re.ASCII
    )


async def test_an_upload_to_an_erased_conversation_is_refused(
    site: Site, customer: Customer
) -> None:
    """The token of an erased conversation keeps no file."""
    site.core.erase(customer.id)
    assert (await customer.upload("a", b"x"))[0] == 401
    assert site.files.kept == {}
