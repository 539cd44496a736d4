"""Files on the disk: whole or not at all, under names of our own, each in its conversation."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.domain.errors import ConfigurationError, StoreUnavailable
from bridge.domain.ids import ConversationId, FileId
from bridge.ports.files import TooLarge
from storage import DiskFiles
from storage.coding import encode

KIM, LEE = ConversationId("cnv_kim"), ConversationId("cnv_lee")
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
LIMIT = 1_000_000


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    """Yield data as a network would."""
    for piece in data:
        yield piece


async def broken() -> AsyncIterator[bytes]:
    """Yield some data and break."""
    yield PNG
    raise ConnectionResetError


async def read(files: DiskFiles, of: ConversationId, file_id: FileId) -> bytes | None:
    """Return a file's bytes, or None when there is no such file."""
    found = await files.open(of, file_id)
    if found is None:
        return None
    return b"".join([piece async for piece in found.chunks])


def everything(folder: Path) -> list[Path]:
    """Return every file below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[DiskFiles]:
    """Files in a folder that is made for them."""
    async with DiskFiles(tmp_path / "deep" / "files") as kept:
        yield kept


async def test_whose_a_file_is_stays_known(files: DiskFiles) -> None:
    """The customer's uploads are told from the team's files; of older ones that is not known."""
    theirs = await files.put(KIM, "a.txt", pieces(b"x"), LIMIT, from_customer=True)
    sent = await files.put(KIM, "b.txt", pieces(b"y"), LIMIT)
    found = [await files.open(KIM, kept.id) for kept in (theirs, sent)]
    assert [stored.from_customer for stored in found if stored] == [True, False]


async def test_a_description_without_an_owner_is_readable(files: DiskFiles, tmp_path: Path) -> None:
    """A file that an earlier version kept comes back, as nobody's."""
    kept = await files.put(KIM, "a.txt", pieces(b"x"), LIMIT, from_customer=True)
    [description] = (path for path in everything(tmp_path) if path.suffix == ".json")
    description.write_text(encode(kept))
    found = await files.open(KIM, kept.id)
    assert found is not None
    assert (found.attachment, found.from_customer) == (kept, False)


async def test_a_file_comes_back_as_it_was(files: DiskFiles) -> None:
    """Bytes, size, name and kind."""
    data = os.urandom(700_000)
    kept = await files.put(KIM, "../photo\u202e.png", pieces(PNG, data), LIMIT)
    assert (kept.name, kept.media_type, kept.size) == ("photo.png", "image/png", 700_108)
    found = await files.open(KIM, kept.id)
    assert found is not None
    assert found.attachment == kept
    assert await read(files, KIM, kept.id) == PNG + data


async def test_an_empty_file_is_a_file(files: DiskFiles) -> None:
    """Nothing was sent, and nothing comes back."""
    kept = await files.put(KIM, "empty", pieces(), LIMIT)
    assert (kept.size, await read(files, KIM, kept.id)) == (0, b"")


async def test_a_file_is_its_conversations_alone(files: DiskFiles) -> None:
    """The id of somebody else's file opens nothing."""
    kept = await files.put(KIM, "a.txt", pieces(b"secret"), LIMIT)
    assert await files.open(LEE, kept.id) is None
    assert await files.open(ConversationId("../cnv_kim"), kept.id) is None


@pytest.mark.parametrize(
    "file_id", ["", "..", "../../etc/passwd", "0" * 31, "0" * 33, "A" * 32, "0" * 32, "\0" * 32]
)
async def test_an_id_that_is_none_finds_nothing(files: DiskFiles, file_id: str) -> None:
    """Ids are ours; everything else is not even looked for."""
    await files.put(KIM, "a.txt", pieces(b"x"), LIMIT)
    assert await files.open(KIM, FileId(file_id)) is None


async def test_too_much_is_cut_off_and_nothing_stays(files: DiskFiles, tmp_path: Path) -> None:
    """The limit is met to the byte, whatever length was promised."""
    assert (await files.put(KIM, "a", pieces(b"x" * 60, b"x" * 40), 100)).size == 100
    before = everything(tmp_path)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    for data in (pieces(b"x" * 60, b"x" * 41), endless()):
        with pytest.raises(TooLarge, match="more than 100 bytes"):
            await files.put(KIM, "a", data, 100)
    assert everything(tmp_path) == before


async def test_a_broken_upload_leaves_nothing(files: DiskFiles, tmp_path: Path) -> None:
    """Whether the sender breaks off or the request is cancelled."""
    with pytest.raises(ConnectionResetError):
        await files.put(KIM, "a", broken(), LIMIT)
    begun = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield PNG
        begun.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(files.put(KIM, "a", stalled(), LIMIT))
    await begun.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert everything(tmp_path) == []


async def test_leftovers_of_a_crash_are_swept_away(tmp_path: Path) -> None:
    """A half file of an earlier run goes; whole files stay; one without description is no file."""
    async with DiskFiles(tmp_path) as files:
        kept = await files.put(KIM, "a.txt", pieces(b"x"), LIMIT)
        place = next(tmp_path.rglob(kept.id))
        (place.parent / f"{'0' * 32}.part").write_bytes(b"half")
        (place.parent / ("1" * 32)).write_bytes(b"no description")
    async with DiskFiles(tmp_path) as files:
        assert await read(files, KIM, kept.id) == b"x"
        assert await files.open(KIM, FileId("1" * 32)) is None
        assert not list(tmp_path.rglob("*.part"))


async def test_files_are_nobody_elses_to_read(files: DiskFiles, tmp_path: Path) -> None:
    """No other account of the machine sees them, and nothing on the disk tells whose they are."""
    await files.put(KIM, "a.txt", pieces(b"x"), LIMIT)
    kept = list((tmp_path / "deep" / "files").rglob("*"))
    assert len(kept) >= 2
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        assert "kim" not in path.name


async def test_a_damaged_description_is_an_error(files: DiskFiles, tmp_path: Path) -> None:
    """What cannot be read is told, not guessed."""
    kept = await files.put(KIM, "a.txt", pieces(b"x"), LIMIT)
    next(tmp_path.rglob(f"{kept.id}.json")).write_text("{")
    with pytest.raises(StoreUnavailable, match="a file cannot be read"):
        await files.open(KIM, kept.id)


async def test_a_conversations_files_are_forgotten_together(files: DiskFiles) -> None:
    """Erasing one conversation leaves the others' files, and may be repeated."""
    kims = await files.put(KIM, "a.txt", pieces(b"x"), LIMIT)
    lees = await files.put(LEE, "b.txt", pieces(b"y"), LIMIT)
    await files.forget(KIM)
    await files.forget(KIM)
    assert await files.open(KIM, kims.id) is None
    assert await read(files, LEE, lees.id) == b"y"


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The error says which folder, and what to do."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ConfigurationError, match="/taken cannot be used"):
        await DiskFiles(tmp_path / "taken").__aenter__()
