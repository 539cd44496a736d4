"""Files on the disk: each under a name of our own in its conversation's folder, beside a small
JSON file that describes it.

A file exists once its description does. Both are written apart, synced and moved into place, so
that a crash leaves a whole file or a leftover that the next start sweeps away.
"""

import asyncio
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

from bridge.domain.errors import StoreUnavailable
from bridge.domain.ids import ConversationId, FileId
from bridge.domain.messages import Attachment
from bridge.ports.files import StoredFile, TooLarge
from bridge.ports.store import Unreadable
from storage.coding import decode, encode
from storage.sniffing import Sniffer, safe_name
from storage.sqlite_file import refuse

Result = TypeVar("Result")
Given = TypeVarTuple("Given")

PIECE = 64 * 1024
"""Bytes read at once."""

BUFFER = 256 * 1024
"""Bytes gathered before they are handed to a thread that writes them."""

_UNFINISHED = ".part"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class _Description:
    """What stands beside a file; earlier versions did not keep whose it is."""

    id: FileId
    name: str
    media_type: str
    size: int
    from_customer: bool = False

    @property
    def attachment(self) -> Attachment:
        return Attachment(self.id, self.name, self.media_type, self.size)


class DiskFiles:
    """Keeps files in a folder of this machine; an async context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._prepare)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held."""

    def _prepare(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in self._folder.glob(f"*/*{_UNFINISHED}"):
                leftover.unlink(missing_ok=True)
        except OSError as problem:
            raise refuse(
                f"the folder for files {self._folder} cannot be used ({problem.strerror}); "
                "make it writable for this program"
            ) from problem

    def _folder_of(self, conversation_id: ConversationId) -> Path:
        name = hashlib.blake2b(
            conversation_id.encode(errors="surrogatepass"), digest_size=16
        ).hexdigest()
        return self._folder / name

    async def put(
        self,
        conversation_id: ConversationId,
        name: str,
        chunks: AsyncIterator[bytes],
        limit: int,
        *,
        from_customer: bool = False,
    ) -> Attachment:
        """Keep a file of at most `limit` bytes durably before returning.

        The name is made safe, the media type is read from the bytes. Raises `TooLarge`, and
        `StoreUnavailable` when the disk cannot take it; what `chunks` raises goes through. However
        it ends early, nothing is left behind.
        """
        place = self._folder_of(conversation_id) / secrets.token_hex(16)
        unfinished = place.with_suffix(_UNFINISHED)
        try:
            file = await _on_disk(_create, unfinished)
            try:
                size, media_type = await _fill(file, chunks, limit)
            finally:
                file.close()
            described = _Description(
                FileId(place.name), safe_name(name), media_type, size, from_customer
            )
            await _on_disk(_finish, unfinished, place, described)
        except BaseException:
            _discard(unfinished)
            raise
        return described.attachment

    async def open(self, conversation_id: ConversationId, file_id: FileId) -> StoredFile | None:
        """Return a conversation's file, or None when it has no such one."""
        if not _ID.fullmatch(file_id):
            return None
        place = self._folder_of(conversation_id) / file_id
        try:
            described = await asyncio.to_thread(_described, place)
        except FileNotFoundError:
            return None
        except (OSError, Unreadable) as problem:
            raise StoreUnavailable(f"a file cannot be read: {problem}") from problem
        return StoredFile(described.attachment, _pieces(place), described.from_customer)

    async def drop(self, conversation_id: ConversationId, file_id: FileId) -> None:
        """Delete one file; one that is not there is no error."""
        if _ID.fullmatch(file_id):
            await _on_disk(_remove, self._folder_of(conversation_id) / file_id)

    async def forget(self, conversation_id: ConversationId) -> None:
        """Delete every file of a conversation."""
        await asyncio.to_thread(shutil.rmtree, self._folder_of(conversation_id), True)  # noqa: FBT003


async def _on_disk(work: Callable[[*Given], Result], *given: *Given) -> Result:
    """Return what `work` returns, run in a thread; raises `StoreUnavailable` for disk errors."""
    try:
        return await asyncio.to_thread(work, *given)
    except OSError as problem:
        raise StoreUnavailable(_explained(problem)) from problem


async def _fill(file: FileIO, chunks: AsyncIterator[bytes], limit: int) -> tuple[int, str]:
    """Write everything and sync it; return the size and the media type."""
    sniffer, size = Sniffer(), 0
    waiting = bytearray()
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the file has more than {limit} bytes")
        sniffer.feed(chunk)
        waiting += chunk
        if len(waiting) >= BUFFER:
            await _on_disk(_write, file, bytes(waiting))
            waiting.clear()
    await _on_disk(_write_last, file, bytes(waiting))
    return size, sniffer.media_type()


def _create(path: Path) -> FileIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FileIO(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "w")


def _write(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _write_last(file: FileIO, data: bytes) -> None:
    _write(file, data)
    os.fsync(file.fileno())


def _finish(unfinished: Path, place: Path, described: _Description) -> None:
    """Move a file into place; its description comes last: it says that the file is there."""
    beside = place.with_suffix(".json")
    draft = place.with_suffix(f".json{_UNFINISHED}")
    try:
        unfinished.rename(place)
        file = _create(draft)
        try:
            _write_last(file, encode(described).encode())
        finally:
            file.close()
        draft.rename(beside)
        _sync_folder(place.parent)
    except BaseException:
        for path in (place, draft, beside):
            path.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    # The folder itself may be new in its parent.
    for path in (folder, folder.parent):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(place: Path) -> None:
    # The description goes first: without it there is no file.
    for path in (place.with_suffix(".json"), place):
        path.unlink(missing_ok=True)


def _discard(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _described(place: Path) -> _Description:
    place.stat()
    return decode(_Description, place.with_suffix(".json").read_text(encoding="utf-8"))


async def _pieces(place: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(FileIO, place)
    try:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
    finally:
        file.close()


def _explained(problem: OSError) -> str:
    full = problem.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return "the disk is full" if full else f"the file could not be kept: {problem.strerror}"
