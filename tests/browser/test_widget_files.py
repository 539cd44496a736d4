"""Files in the widget: chosen, pasted, dropped, refused, shown, saved."""

from pathlib import Path

import pytest
from playwright.async_api import FilePayload, expect

from tests.browser.conftest import Visit
from tests.servers.customer_api import PICTURE, CustomerApi

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NOTE = FilePayload(name="note.txt", mimeType="text/plain", buffer=b"words")


async def test_a_chosen_file_travels_with_the_message(visit: Visit, api: CustomerApi) -> None:
    """It is uploaded at once, stands above the field, and goes out with what is written."""
    shop = await visit()
    await shop.start()
    async with shop.page.expect_file_chooser() as chooser:
        await shop.part(".box .icon").first.click()
    await (await chooser.value).set_files([NOTE])
    await expect(shop.part(".chip")).to_contain_text("note.txt")
    await expect(shop.part(".chip")).to_have_attribute("aria-busy", "false")
    await shop.ask("See the file")
    [sent] = api.talk.messages
    assert [file["name"] for file in sent["attachments"]] == ["note.txt"]
    await expect(shop.part(".chip")).to_have_count(0)
    await expect(shop.bubble("See the file").locator(".card")).to_contain_text("note.txt")


async def test_a_file_alone_can_be_sent(visit: Visit, api: CustomerApi) -> None:
    """No words are needed; while the file is on its way sending waits."""
    shop = await visit()
    await shop.start()
    await expect(shop.part(".go")).to_have_attribute("aria-disabled", "true")
    await shop.part("[type=file]").set_input_files([NOTE])
    await expect(shop.part(".chip")).to_have_attribute("aria-busy", "false")
    await shop.part(".go").click()
    await api.until(lambda: api.talk.messages)
    assert api.talk.messages[0]["text"] == ""


async def test_files_can_be_dropped_and_put_away(visit: Visit, api: CustomerApi) -> None:
    """Dropped files are attached like chosen ones; each can be removed before sending."""
    shop = await visit()
    await shop.start()
    await shop.drop(("one.txt", "text/plain", b"1"), ("two.txt", "text/plain", b"2"))
    await expect(shop.part(".chip")).to_have_count(2)
    await shop.part(".chip").first.get_by_role("button", name="Discard one.txt").click()
    await expect(shop.part(".chip")).to_have_count(1)
    await expect(shop.field).to_be_focused()
    await expect(shop.part(".chip")).to_have_attribute("aria-busy", "false")
    await shop.ask("One of two")
    assert [file["name"] for file in api.talk.messages[0]["attachments"]] == ["two.txt"]


async def test_a_picture_can_be_pasted(visit: Visit, api: CustomerApi) -> None:
    """What the clipboard holds as a file is attached; pasted text stays text."""
    shop = await visit()
    await shop.start()
    await shop.field.evaluate("""(field) => {
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File(["x"], "screen.png", {type: "image/png"}));
        field.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true}));
        clipboardData.setData("text/plain", "words of a document, beside its picture");
        field.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true}));
    }""")
    await expect(shop.part(".chip")).to_contain_text("screen.png")
    await expect(shop.part(".chip")).to_have_count(1)


async def test_no_more_files_than_the_bridge_takes(visit: Visit, api: CustomerApi) -> None:
    """What is over the number of files a message may have is not attached."""
    api.config = {"max_attachments": 2}
    shop = await visit()
    await shop.start()
    await shop.drop(*[(f"{n}.txt", "text/plain", b"x") for n in range(4)])
    await expect(shop.part(".chip")).to_have_count(2)
    await shop.ask("Two of four")
    assert len(api.talk.messages[0]["attachments"]) == 2


async def test_a_file_too_large_is_refused_before_it_travels(
    visit: Visit, api: CustomerApi
) -> None:
    """The limit comes from the bridge; the customer reads which file and how much is allowed."""
    api.config = {"max_file_bytes": 2_000_000}
    shop = await visit()
    await shop.start()
    await shop.drop(("big.bin", "application/octet-stream", b"x" * 2_000_001))
    await expect(shop.part(".note.bad")).to_have_text("big.bin: > 2 MB")
    await expect(shop.part(".chip")).to_have_count(0)
    assert api.posted("/v1/files") == []


async def test_a_file_the_bridge_refuses_is_told(visit: Visit, api: CustomerApi) -> None:
    """413 names the limit, any other failure says that it was not sent; nothing is attached."""
    shop = await visit()
    await shop.start()
    api.fail("/v1/files", 413)
    await shop.drop(("a.bin", "application/octet-stream", b"x"))
    await expect(shop.part(".note.bad")).to_have_text("a.bin: > 11 MB")
    api.fail("/v1/files", 415)
    await shop.drop(("b.exe", "application/octet-stream", b"x"))
    await expect(shop.part(".note.bad")).to_have_text("b.exe: Not sent")
    await expect(shop.part(".chip")).to_have_count(0)


async def test_a_received_file_can_be_saved(visit: Visit, api: CustomerApi) -> None:
    """A click fetches it with the token and saves it under its name."""
    shop = await visit()
    talk = await shop.start()
    about = {"id": "f1", "name": "label.pdf", "media_type": "application/pdf", "size": 48213}
    about["url"] = "/v1/files/f1"
    talk.files["f1"] = (about, b"%PDF-1.7 words")
    talk.say("teammate", "Here it is", "Marie", attachments=[about])
    await expect(shop.part(".card")).to_have_text("label.pdf49 kB")
    async with shop.page.expect_download() as saving:
        await shop.part(".card").click()
    download = await saving.value
    assert download.suggested_filename == "label.pdf"
    path = await download.path()
    assert Path(path).read_bytes() == b"%PDF-1.7 words"


async def test_a_received_picture_is_shown(visit: Visit, api: CustomerApi) -> None:
    """Pictures are drawn, not linked: what is shown are the bytes of the bridge."""
    shop = await visit()
    talk = await shop.start()
    about = {"id": "f1", "name": "dot.png", "media_type": "image/png", "size": len(PICTURE)}
    about["url"] = "/v1/files/f1"
    talk.files["f1"] = (about, PICTURE)
    talk.say("teammate", "", "Marie", attachments=[about])
    picture = shop.part(".picture canvas")
    await expect(picture).to_be_visible()
    pixel = "(node) => [...node.getContext('2d').getImageData(0, 0, 1, 1).data]"
    await expect(picture).to_have_js_property("width", 1)
    red, _green, _blue, alpha = await picture.evaluate(pixel)
    assert (red, alpha) == (255, 127)
    await expect(shop.part(".picture")).to_have_accessible_name("dot.png")
