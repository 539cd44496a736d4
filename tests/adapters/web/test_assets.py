"""The widget's files over HTTP: cached, packed, loadable from anywhere, nothing else reachable."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from adapters.web.assets import Assets, load
from tests.adapters.web.test_http import serving

SCRIPT = "customElements.define('x-y', class extends HTMLElement {}); // é " + "x" * 2000


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A server of a folder with a widget in it."""
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "widget.js").write_text(SCRIPT)
    (folder / "chat.css").write_text("a{}")
    (folder / "icon.png").write_bytes(b"\x89PNG")
    (tmp_path / "secret.txt").write_text("secret")
    async with serving(*Assets(load(folder)).routes()) as address:
        yield address


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that unpacks nothing by itself."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def test_the_widget_can_be_loaded_from_anywhere(
    url: str, http: aiohttp.ClientSession
) -> None:
    """Any page may load it; it is a script, is kept a while, and is what stands in the file."""
    async with http.get(url + "/widget.js", headers={"Accept-Encoding": "identity"}) as answer:
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer.headers["Cache-Control"].startswith("public, max-age=")
        assert "Content-Encoding" not in answer.headers
        assert (await answer.read()).decode() == SCRIPT


async def test_it_is_packed_for_who_can_unpack(url: str, http: aiohttp.ClientSession) -> None:
    """With gzip it is the same file in fewer bytes, under another tag."""
    async with http.get(url + "/widget.js", headers={"Accept-Encoding": "gzip, br"}) as answer:
        assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == (
            "gzip",
            "Accept-Encoding",
        )
        packed = await answer.read()
        tag = answer.headers["ETag"]
    assert gzip.decompress(packed).decode() == SCRIPT
    async with http.get(url + "/widget.js", headers={"Accept-Encoding": "identity"}) as answer:
        assert answer.headers["ETag"] != tag


async def test_what_did_not_change_is_not_sent_again(url: str, http: aiohttp.ClientSession) -> None:
    """A browser that has it hears 304, and gets the new file once there is one."""
    async with http.get(url + "/widget.js") as answer:
        tag = answer.headers["ETag"]
    async with http.get(url + "/widget.js", headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    async with http.get(url + "/widget.js", headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


async def test_parts_have_their_types(url: str, http: aiohttp.ClientSession) -> None:
    """Styles and pictures have theirs too; pictures are not packed again."""
    async with http.get(url + "/chat.css") as answer:
        assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    async with http.get(url + "/icon.png") as answer:
        assert (answer.headers["Content-Type"], await answer.read()) == ("image/png", b"\x89PNG")


@pytest.mark.parametrize(
    "path",
    ["/none.js", "/..%2fsecret.txt", "/static/../../secret.txt", "/widget.js/", "/secret.txt"],
)
async def test_nothing_else_can_be_reached(
    url: str, http: aiohttp.ClientSession, path: str
) -> None:
    """Only the names that were there at the start exist."""
    async with http.get(url + path) as answer:
        assert answer.status == 404
        assert b"secret" not in await answer.read()


async def test_a_look_at_the_head_is_enough(url: str, http: aiohttp.ClientSession) -> None:
    """HEAD tells the tag and the length without the file."""
    async with http.head(url + "/widget.js", headers={"Accept-Encoding": "identity"}) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert int(answer.headers["Content-Length"]) == len(SCRIPT.encode())


def test_a_missing_folder_is_no_catastrophe(tmp_path: Path) -> None:
    """Without a built widget the server still starts."""
    assert load(tmp_path / "nothing") == {}
