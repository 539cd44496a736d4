"""Files over HTTP: taken in pieces, never whole in memory; given out to be saved, never to be run.

A stored file may be anything, so it leaves as an attachment, with a type that is not guessed at
and a policy under which it can do nothing even where it is opened.
"""

from collections.abc import AsyncIterator
from urllib.parse import quote

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from adapters.messages import attachment_json
from adapters.problems import Problem
from adapters.web.bodies import check_packing, too_large
from adapters.web.fields import refuse
from adapters.web.gate import Asked, Handler, not_there, reply
from adapters.web.limits import Limits
from adapters.web.visitors import refused
from bridge.domain.ids import ConversationId, FileId
from bridge.ports.core import Board
from bridge.ports.files import Files, StoredFile, TooLarge

PIECE = 64 * 1024
WRAPPING = 64 * 1024
"""Bytes a multipart body may have beside the file."""
LONGEST_NAME = 255

HARMLESS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


async def file_for_customer(
    files: Files, board: Board, conversation_id: ConversationId, file_id: FileId
) -> StoredFile | None:
    """Return a file that the customer uploaded or sees on a message now, or None.

    A file whose message was withdrawn is kept, for the team, and is not the customer's any more.
    """
    stored = await files.open(conversation_id, file_id)
    if stored is None or stored.from_customer:
        return stored
    return stored if await board.shows_file(conversation_id, file_id) else None


class FileApi:
    """The two calls for files."""

    def __init__(self, files: Files, board: Board, limits: Limits, max_bytes: int) -> None:
        self._files = files
        self._board = board
        self._limits = limits
        self._max_bytes = max_bytes

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by the names of their calls."""
        return {"uploadFile": self.upload, "downloadFile": self.download}

    async def upload(self, asked: Asked) -> web.Response:
        """Keep the one file of a form."""
        if await self._board.conversation(asked.conversation_id) is None:
            raise refused()
        reader = self._reader(asked.request)
        try:
            part = await _file_part(reader)
            chunks = _only(reader, part)
            name = _safe_name(part.filename or "")
            kept = await self._files.put(
                asked.conversation_id, name, chunks, self._max_bytes, from_customer=True
            )
        except TooLarge:
            raise too_large(self._max_bytes) from None
        except (ValueError, AssertionError, HttpProcessingError):
            # aiohttp's reader says so, in these three ways, that the form breaks off or is none.
            raise Problem(400, "The body is not a well-formed multipart form.") from None
        return reply(201, attachment_json(kept))

    def _reader(self, request: web.Request) -> MultipartReader:
        check_packing(request)
        if request.content_type != "multipart/form-data":
            raise Problem(415, "Content-Type: must be multipart/form-data.")
        announced = request.content_length
        if announced is not None and announced > self._max_bytes + WRAPPING:
            raise too_large(self._max_bytes)
        try:
            return MultipartReader(request.headers, request.content)
        except (ValueError, AssertionError):
            raise Problem(400, "Content-Type: the form has no usable boundary.") from None

    async def download(self, asked: Asked) -> web.StreamResponse:
        """Give out a file of this conversation, if it is the customer's or stands there now."""
        file_id = FileId(asked.request.match_info["id"])
        stored = await file_for_customer(self._files, self._board, asked.conversation_id, file_id)
        if stored is None:
            self._limits.denied(asked.address)
            raise not_there("file in this conversation")
        return await give(stored, asked)


async def give(stored: StoredFile, asked: Asked) -> web.StreamResponse:
    """Answer with the bytes of a file."""
    response = web.StreamResponse(headers={**_headers_of(stored), **asked.headers})
    response.content_length = stored.attachment.size
    await response.prepare(asked.request)
    async for chunk in stored.chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


async def _file_part(reader: MultipartReader) -> BodyPartReader:
    part = await reader.next()
    is_file = isinstance(part, BodyPartReader) and part.name == "file"
    if not isinstance(part, BodyPartReader) or not is_file or part.filename is None:
        raise refuse("file", "must be the one part of the form, with a file name.")
    return part


async def _only(reader: MultipartReader, part: BodyPartReader) -> AsyncIterator[bytes]:
    """Yield the bytes of a part; raises at its end when another follows, so nothing is kept."""
    while piece := await part.read_chunk(PIECE):
        yield piece
    if await reader.next() is not None:
        raise refuse("file", "must be the only part of the form.")


def _safe_name(name: str) -> str:
    """Return a name that can be encoded; the store decides what becomes of it."""
    return name.encode("utf-8", "replace").decode()[-LONGEST_NAME:] or "file"


def _headers_of(stored: StoredFile) -> dict[str, str]:
    return {
        **HARMLESS,
        "Content-Type": stored.attachment.media_type,
        "Content-Disposition": disposition(stored.attachment.name),
    }


def disposition(name: str) -> str:
    """Return the header that has a file saved under its name (RFC 6266, RFC 8187)."""
    plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in name)
    plain = plain.encode("ascii", "replace").decode().replace("?", "_")
    exact = quote(name.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
