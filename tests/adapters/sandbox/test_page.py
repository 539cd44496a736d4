"""The demo page as it is served: whole, strict, and nothing from outside."""

import re
from pathlib import Path

import pytest

from adapters.sandbox.page import FOLDER
from tests.adapters.sandbox.house import House

SOURCES = sorted(path for path in FOLDER.iterdir() if path.suffix in {".html", ".js", ".css"})
# From a string to markup, to code, or to an inline style.
DANGEROUS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\("
    r"|new Function|setAttribute\(\s*[\"']style|srcdoc|javascript:"
)
OUTSIDE = re.compile(r"(?:src|href)=\"(?:https?:)?//|url\(\s*[\"']?(?:https?:)?//|@import")


@pytest.mark.parametrize("path", ["/", "/demo"])
async def test_the_page_forbids_everything_inline_and_foreign(house: House, path: str) -> None:
    """The policy allows scripts and styles from here only, and no way from string to script."""
    async with house.client.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert answer.content_type == "text/html"
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy


async def test_all_that_the_page_asks_for_is_served(house: House) -> None:
    """Each script, style and picture named in the page and its modules has an answer."""
    wanted = {"/demo.js", "/demo.css"}
    for source in SOURCES:
        text = source.read_text()
        wanted |= set(re.findall(r'(?:src|href)="(/demo[^"#]*)"', text))
        wanted |= {f"/demo/{name}" for name in re.findall(r'from "\./(?:demo/)?([^"]+)"', text)}
    assert len(wanted) > 10
    for path in sorted(wanted):
        async with house.client.get(path) as answer:
            assert answer.status == 200, path


async def test_an_unchanged_part_is_not_sent_twice(house: House) -> None:
    """Who has the newest version gets 304."""
    async with house.client.get("/demo.css") as first:
        tag = first.headers["ETag"]
    async with house.client.get("/demo.css", headers={"If-None-Match": tag}) as second:
        assert (second.status, await second.read()) == (304, b"")


async def test_the_page_opens_from_a_link_elsewhere(house: House) -> None:
    """A link on another site may lead here; only the desk's own calls are closed to others."""
    async with house.client.get("/", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_part_turns_text_into_markup_or_calls_outside(source: Path) -> None:
    """The sources hold no way from a string to markup and no foreign address to load from."""
    text = source.read_text()
    assert DANGEROUS.findall(text) == []
    assert OUTSIDE.findall(text) == []
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", text)
