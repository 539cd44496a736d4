"""The Markdown subset of messages as the widget shows it."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.servers.customer_api import CustomerApi

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EXAMPLES = {
    "plain words": "<p>plain words</p>",
    "two\nlines": "<p>two\nlines</p>",
    "one\n\ntwo": "<p>one</p><p>two</p>",
    "**bold** and __bold__": "<p><strong>bold</strong> and <strong>bold</strong></p>",
    "*soft* and _soft_": "<p><em>soft</em> and <em>soft</em></p>",
    "**bold *and* soft**": "<p><strong>bold <em>and</em> soft</strong></p>",
    "~~gone~~": "<p><s>gone</s></p>",
    "`code *stays*`": "<p><code>code *stays*</code></p>",
    "``a ` b``": "<p><code>a ` b</code></p>",
    "``a`": "<p>``a`</p>",
    r"\``a`": "<p>`<code>a</code></p>",
    "2 * 3 * 4": "<p>2 * 3 * 4</p>",
    "snake_case_name": "<p>snake_case_name</p>",
    "**Haus**tür": "<p><strong>Haus</strong>tür</p>",
    "这是**重要**的": "<p>这是<strong>重要</strong>的</p>",
    "** not bold **": "<p>** not bold **</p>",
    r"\*not soft\*": "<p>*not soft*</p>",
    "5 < 6 & 7 > 2": "<p>5 &lt; 6 &amp; 7 &gt; 2</p>",
    "<b>not markup</b>": "<p>&lt;b&gt;not markup&lt;/b&gt;</p>",
    "&amp; &lt;": "<p>&amp;amp; &amp;lt;</p>",
    "# Title": "<p><strong>Title</strong></p>",
    "### Title ###": "<p><strong>Title</strong></p>",
    "#hashtag": "<p>#hashtag</p>",
    "- one\n- two": "<ul><li><p>one</p></li><li><p>two</p></li></ul>",
    "* one\n\n* two": "<ul><li><p>one</p></li><li><p>two</p></li></ul>",
    "1. one\n2. two": '<ol start="1"><li><p>one</p></li><li><p>two</p></li></ol>',
    "3) three": '<ol start="3"><li><p>three</p></li></ol>',
    "- a\n  - b\n- c": "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>c</p></li></ul>",
    "Look:\n- one\nend": "<p>Look:</p><ul><li><p>one</p></li></ul><p>end</p>",
    "> said\n> before\n\nnow": "<blockquote><p>said\nbefore</p></blockquote><p>now</p>",
    "```\nlet a = 1;\n\n  b\n```\nend": "<pre><code>let a = 1;\n\n  b</code></pre><p>end</p>",
    "````\na\n```\nb\n~~~\n````": "<pre><code>a\n```\nb\n~~~</code></pre>",
    "~~~js\nopen": "<pre><code>open</code></pre>",
}

LINKS = {
    "[words](https://example.com/a_b)": ("words", "https://example.com/a_b"),
    "[**bold**](http://example.com)": ("bold", "http://example.com/"),
    "see https://example.com/a, then": ("https://example.com/a", "https://example.com/a"),
    "(https://example.com/x)": ("https://example.com/x", "https://example.com/x"),
    "<https://example.com>": ("https://example.com", "https://example.com/"),
    "[call](tel:+491234)": ("call", "tel:+491234"),
    "[mail](mailto:a@example.com)": ("mail", "mailto:a@example.com"),
    "[wiki](https://en.example.org/A_(b))": ("wiki", "https://en.example.org/A_(b)"),
    "![alt](https://example.com/a.png)": ("alt", "https://example.com/a.png"),
}


async def test_the_subset_is_shown_as_documented(visit: Visit, api: CustomerApi) -> None:
    """Each example becomes the elements beside it; what is not in the subset stays text."""
    shop = await visit()
    talk = await shop.start()
    for text in EXAMPLES:
        talk.say("assistant", text, "Assistant")
    await expect(shop.part(".talk .bubble")).to_have_count(len(EXAMPLES))
    shown = await shop.part(".talk .bubble").evaluate_all("(all) => all.map((n) => n.innerHTML)")
    assert dict(zip(EXAMPLES, shown, strict=True)) == EXAMPLES


async def test_marks_that_nothing_ends_do_not_hold_the_page(visit: Visit, api: CustomerApi) -> None:
    """Thousands of signs that begin something are shown as they are, at once."""
    shop = await visit()
    talk = await shop.start()
    text = f"_{'`' * 6_000}"
    talk.say("assistant", text, "Assistant")
    await expect(shop.part(".talk .bubble")).to_have_text(text)


async def test_links_lead_out_safely(visit: Visit, api: CustomerApi) -> None:
    """Links open beside the page, tell the other side nothing, and say where they lead."""
    shop = await visit()
    talk = await shop.start()
    for text in LINKS:
        talk.say("assistant", text, "Assistant")
    await expect(shop.part(".talk .bubble")).to_have_count(len(LINKS))
    links = shop.part(".talk .bubble a")
    shown = await links.evaluate_all("(all) => all.map((n) => [n.textContent, n.href])")
    assert [tuple(one) for one in shown] == list(LINKS.values())
    for name, value in (("target", "_blank"), ("rel", "noopener noreferrer nofollow")):
        values = await links.evaluate_all(f"(all) => all.map((n) => n.{name})")
        assert set(values) == {value}
