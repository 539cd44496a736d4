"""Which pages may ask: exactly those of the settings, and nobody who merely looks like one."""

import pytest

from adapters.web.origins import origin_of
from tests.adapters.web.site import ORIGIN, Customer, Site, serve

FOREIGN = [
    "null",
    "",
    "*",
    "https://evil.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://shop.example:443",
    "https://shop.example/",
    "https://shop.example/path",
    "https://shop.example.",
    "https://shop.example.evil.example",
    "https://evilshop.example",
    "https://sub.shop.example",
    "https://SHOP.example",
    "https://shop.exаmple",  # with a Cyrillic а
    "https://xn--shop-example",
    "https://shop.example@evil.example",
    "https://shop.example https://evil.example",
    "file://",
]

PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_is_refused(site: Site, customer: Customer, origin: str) -> None:
    """A page of another site gets 403 from every kind of call, and may read nothing of it."""
    before = len(site.core.facts)
    body = {"client_id": "x", "text": "Hello"}
    headers = {**customer.headers, "Origin": origin}
    url = site.url + "/v1/messages"
    async with site.http.post(url, json=body, headers=headers) as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with site.http.options(url, headers={"Origin": origin, **PREFLIGHT}) as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await site.ask("POST", "/v1/sessions", json={}, headers={"Origin": origin}))[0] == 403
    assert len(site.core.facts) == before


@pytest.mark.parametrize("origin", [ORIGIN, "https://chat.example"])
async def test_an_allowed_page_may_read_the_answer(site: Site, origin: str) -> None:
    """The sites of the settings and the bridge's own may ask, and are named, never a star."""
    async with site.http.post(
        site.url + "/v1/sessions", json={}, headers={"Origin": origin}
    ) as answer:
        assert answer.status == 201
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_an_allowed_page_may_read_refusals_too(site: Site) -> None:
    """A widget sees why it was refused and when to come again."""
    headers = {"Origin": ORIGIN}
    for method, path in (("GET", "/v1/conversation"), ("POST", "/v1/messages")):
        async with site.http.request(method, site.url + path, headers=headers) as answer:
            assert answer.status == 401
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("PUT", "/v1/messages", 405)]
)
async def test_an_allowed_page_may_read_that_there_is_no_such_call(
    site: Site, method: str, path: str, status: int
) -> None:
    """What no route takes is told to the page too, and to no other."""
    for origin, told in ((ORIGIN, ORIGIN), ("https://evil.example", None)):
        sent = {"Origin": origin}
        async with site.http.request(method, site.url + path, headers=sent) as answer:
            assert answer.status == status
            assert answer.headers.get("Access-Control-Allow-Origin") == told


async def test_a_preflight_names_what_may_be_sent(site: Site) -> None:
    """A browser is told the methods of the path and the headers the widget uses."""
    url = site.url + "/v1/messages"
    async with site.http.options(url, headers={"Origin": ORIGIN, **PREFLIGHT}) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"
        assert "authorization" in answer.headers["Access-Control-Allow-Headers"]


async def test_a_stream_may_be_read_by_an_allowed_page(customer: Customer) -> None:
    """The headers that let a page read are on streams too."""
    async with await customer.listen(Origin=ORIGIN) as stream:
        assert stream.response.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_download_may_be_read_by_an_allowed_page(site: Site, customer: Customer) -> None:
    """And on files."""
    _, kept = await customer.upload("a.txt", b"x")
    headers = {**customer.headers, "Origin": ORIGIN}
    async with site.http.get(f"{site.url}/v1/files/{kept['id']}", headers=headers) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_the_bot_api_is_for_no_page(site: Site) -> None:
    """No page may read an answer of the bot API, even of an allowed site."""
    url = site.url + "/v1/bot/conversations"
    async with site.http.options(url, headers={"Origin": ORIGIN, **PREFLIGHT}) as answer:
        assert answer.status == 405
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_host_header_changes_nothing(site: Site) -> None:
    """The page of whatever host a request names is not thereby allowed."""
    headers = {"Host": "evil.example", "Origin": "https://evil.example"}
    assert (await site.ask("POST", "/v1/sessions", json={}, headers=headers))[0] == 403


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://chat.example/path?x", "https://chat.example"),
        ("https://chat.example:443", "https://chat.example"),
        ("http://chat.example:80/", "http://chat.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://CHAT.example", "https://chat.example"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://müller.example", "https://xn--mller-kva.example"),
    ],
)
def test_the_public_address_is_an_origin(url: str, origin: str) -> None:
    """The public URL is compared the way browsers write origins."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        ("https://cap.example/", "https://cap.example"),
        ("https://Cap.example", "https://cap.example"),
        ("https://cap.example:443", "https://cap.example"),
        ("http://cap.example:8080", "http://cap.example:8080"),
    ],
)
async def test_a_site_is_let_in_however_its_origin_is_written(allowed: str, origin: str) -> None:
    """The setting is brought to the form that browsers send; a request is not."""
    async with serve(allowed_origins=(allowed,)) as site:
        sent = {"Origin": origin}
        assert (await site.ask("POST", "/v1/sessions", json={}, headers=sent))[0] == 201
        sent = {"Origin": origin + "/"}
        assert (await site.ask("POST", "/v1/sessions", json={}, headers=sent))[0] == 403
