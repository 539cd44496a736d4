"""Files to Slack: ask for an address, send the bytes, share the file in the thread.

Only the last step shows anything. It cannot carry metadata, so what tells such a post is the file's
id, remembered here; after a restart it is forgotten, and a file is rather posted twice than lost.
In the place of a file that is refused for good stands a line, which carries the keys like any post.
https://docs.slack.dev/messaging/working-with-files#upload
"""

import logging
from collections.abc import Mapping

import aiohttp

from adapters.slack import captions, render
from adapters.slack.errors import BROKEN_OFF
from adapters.slack.kept import Kept
from adapters.slack.posting import Posting
from adapters.slack.refs import Place
from adapters.slack.web import Answer, SlackWeb
from bridge.domain.errors import DeliveryError, Refused, TryAgain, Uncertain
from bridge.domain.ids import ThreadRef
from bridge.domain.messages import Attachment
from bridge.domain.posts import Post
from bridge.ports.core import Board, Clock
from bridge.ports.files import Files, StoredFile

log = logging.getLogger(__name__)

UPLOAD_SECONDS = 120.0
LOOKS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Pauses between looks for the message a file was shared in: Slack scans files first."""


class Uploads:
    """Posts files in threads."""

    def __init__(
        self,
        web: SlackWeb,
        session: aiohttp.ClientSession,
        files: Files,
        clock: Clock,
        posting: Posting,
    ) -> None:
        self._web = web
        self._session = session
        self._clock = clock
        self._files = files
        self._posting = posting
        self._made: Kept[str, str] = Kept()
        self.board: Board | None = None

    def made(self, key: str, message: Mapping[str, object]) -> bool:
        """Return whether a message read from Slack shows the file uploaded for this delivery."""
        file_id = self._made.get(key)
        files = message.get("files")
        shown = files if isinstance(files, list) else ()
        return file_id is not None and any(f.get("id") == file_id for f in shown)

    async def share(
        self, thread: ThreadRef, place: Place, post: Post, keys: tuple[str, ...]
    ) -> str:
        """Post a file with its words in a thread, or the line that tells why it cannot be shown,
        and return the message's timestamp.

        Raises `TryAgain` before anything shows, then `Uncertain` or `Refused`.
        """
        file = post.file
        if file is None:
            raise Refused("there is no file to post")
        try:
            return await self._share(thread, place, post, file, keys)
        except Refused as error:
            why = captions.why_never(error)
            if why is None:
                raise
            log.warning("slack.file_not_shown", extra={"action": "upload", "why": error.why})
        body = captions.in_its_place((place.channel, place.ts), post, file, why, keys)
        return str((await self._posting.post(place.channel, body))["ts"])

    async def _share(
        self,
        thread: ThreadRef,
        place: Place,
        post: Post,
        file: Attachment,
        keys: tuple[str, ...],
    ) -> str:
        try:
            file_id = await self._upload(await self._open(thread, file))
        except Uncertain as error:
            raise TryAgain(error.why) from error
        for key in keys:
            self._made.set(key, file_id)
        await self._web.call(
            "files.completeUploadExternal",
            {
                "files": [{"id": file_id, "title": file.name}],
                "channel_id": place.channel,
                "thread_ts": place.ts,
                "initial_comment": render.file_comment(post),
            },
        )
        return await self._shared_as(file_id, place)

    async def _open(self, thread: ThreadRef, file: Attachment) -> StoredFile:
        if self.board is None:
            raise TryAgain("the bridge has not begun", 1.0)
        conversation = await self.board.conversation_in(thread)
        found = await self._files.open(conversation.id, file.id) if conversation else None
        if found is None:
            raise captions.NotKept(f"the file {file.name} is not kept any more")
        return found

    async def _upload(self, file: StoredFile) -> str:
        size = str(file.attachment.size)
        name = file.attachment.name
        slot = await self._web.ask("files.getUploadURLExternal", filename=name, length=size)
        try:
            async with self._session.post(
                str(slot.get("upload_url", "")),
                data=file.chunks,
                headers={"Content-Length": size, "Content-Type": "application/octet-stream"},
                timeout=aiohttp.ClientTimeout(total=UPLOAD_SECONDS),
                allow_redirects=False,
            ) as response:
                taken = response.status
        except BROKEN_OFF as error:
            raise TryAgain(f"the upload broke off: {type(error).__name__}") from error
        if taken != 200:  # noqa: PLR2004 - OK
            raise TryAgain(f"the upload was answered HTTP {taken}")
        return str(slot.get("file_id", ""))

    async def _shared_as(self, file_id: str, place: Place) -> str:
        """Look until Slack says in which message the file stands; it may take its time."""
        for pause in (0.0, *LOOKS):
            await self._clock.sleep(pause)
            try:
                answer = await self._web.ask("files.info", file=file_id)
            except DeliveryError:
                # A refusal to tell says nothing of the file, which may stand there all the same.
                continue
            ts = _share_in(answer, place)
            if ts is not None:
                return ts
        raise Uncertain("Slack took the file and has not shown it yet")


def _share_in(answer: Answer, place: Place) -> str | None:
    file = answer.get("file")
    shares = file.get("shares") if isinstance(file, dict) else None
    for kind in ("public", "private"):
        for share in ((shares or {}).get(kind) or {}).get(place.channel, ()):
            if share.get("thread_ts") == place.ts and isinstance(share.get("ts"), str):
                return str(share["ts"])
    return None
