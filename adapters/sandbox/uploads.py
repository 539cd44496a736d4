"""Files both ways: a reply with files from the page, and the files that stand in a thread.

The bytes are kept by the bridge's own files, under the conversation the thread belongs to.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from adapters.problems import Problem
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.markup import Reply, clean, meaning
from adapters.sandbox.refs import Spot
from adapters.sandbox.requests import MAX_BODY, UNREADABLE
from adapters.sandbox.rows import KeptThread
from bridge.domain.ids import ConversationId, FileId
from bridge.domain.messages import Attachment
from bridge.ports.core import Board
from bridge.ports.files import Files, TooLarge

MAX_FILE = 10 * 1024 * 1024
MAX_FILES = 5
MAX_PARTS = 16

# Never run as a page of ours, whatever a file says of itself.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}


@dataclass(slots=True)
class Form:
    """A multipart body: its text fields, and its files as they were kept."""

    values: dict[str, object] = field(default_factory=dict)
    files: list[Attachment] = field(default_factory=list)


class SandboxFiles:
    """Takes files from teammates and gives them the customer's."""

    def __init__(self, ledger: Ledger, files: Files, board: Board) -> None:
        self._ledger = ledger
        self._files = files
        self._board = board

    async def read_form(self, request: web.Request, thread: KeptThread) -> Form:
        """Read a multipart reply; the words stand before the files, so that a note has none.

        Of a form that is refused, no file is kept.
        """
        form = Form()
        try:
            await self._read(request, thread, form)
        except BaseException:
            await self.drop(form, thread)
            raise
        return form

    async def drop(self, form: Form, thread: KeptThread) -> None:
        """Delete the files of a form that came to nothing."""
        if form.files:
            conversation = await self._conversation(thread)
            for file in form.files:
                await self._files.drop(conversation, file.id)

    async def _read(self, request: web.Request, thread: KeptThread, form: Form) -> None:
        try:
            reader = await request.multipart()
            for _ in range(MAX_PARTS):
                part = await reader.next()
                if part is None:
                    return
                await self._take(part, form, thread)
        except (*UNREADABLE, ValueError, AssertionError):
            raise Problem(400, "The multipart body cannot be read.") from None
        raise Problem(413, f"Send {MAX_PARTS - 1} parts at most.")

    async def _take(self, part: object, form: Form, thread: KeptThread) -> None:
        if not isinstance(part, BodyPartReader) or not part.name:
            raise Problem(422, "Each part needs a name.")
        if part.name == "file":
            _check_room_for_file(form)
            form.files.append(await self._keep(part, thread))
        else:
            form.values[part.name] = await _text(part)

    async def _keep(self, part: BodyPartReader, thread: KeptThread) -> Attachment:
        conversation = await self._conversation(thread)
        name = clean(part.filename or "") or "file"
        try:
            return await self._files.put(conversation, name[:200], _chunks(part), MAX_FILE)
        except TooLarge:
            detail = f"A file may have {MAX_FILE} bytes at most."
            raise Problem(413, detail, field="file") from None

    async def send(
        self, request: web.Request, thread: KeptThread, file_id: str
    ) -> web.StreamResponse:
        """Answer with a file that stands in the thread, to be saved and not to be opened."""
        conversation = await self._conversation(thread)
        stands = self._ledger.shows_file(thread.id, file_id)
        stored = await self._files.open(conversation, FileId(file_id)) if stands else None
        if stored is None:
            raise Problem(404, "There is no such file in this thread.")
        name = quote(stored.attachment.name, safe="")
        answer = web.StreamResponse(headers=_HEADERS)
        answer.content_type = stored.attachment.media_type
        answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
        answer.content_length = stored.attachment.size
        await answer.prepare(request)
        async for chunk in stored.chunks:
            await answer.write(chunk)
        await answer.write_eof()
        return answer

    async def _conversation(self, thread: KeptThread) -> ConversationId:
        found = await self._board.conversation_in(Spot(thread.room, thread.id).thread_ref)
        if found is None:
            raise Problem(404, "This thread belongs to no conversation.")
        return found.id


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk():
        yield chunk


async def _text(part: BodyPartReader) -> str:
    body = bytearray()
    async for chunk in _chunks(part):
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, f"{part.name} is over {MAX_BODY} bytes.", field=part.name)
    return body.decode("utf-8", "replace")


def _check_room_for_file(form: Form) -> None:
    if len(form.files) >= MAX_FILES:
        raise Problem(422, f"Send {MAX_FILES} files at most.", field="file")
    text = str(form.values.get("text", ""))
    if "note" in form.values or not isinstance(meaning(clean(text)), Reply):
        detail = "Only a reply carries files: they go to the customer. Send the words first."
        raise Problem(422, detail, field="file")
