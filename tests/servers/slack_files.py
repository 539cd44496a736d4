"""Files in the fake workspace: the three steps of an upload, and downloads that want the token."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from tests.servers.slack_state import APP_ID, BOT_ID, BOT_USER, Json, SlackError

if TYPE_CHECKING:
    from tests.servers.slack import FakeSlack


class FileMethods:
    """`late_shares` is how many times files.info answers without the message it was shared in;
    downloads wait for `gate` when it is set.
    """

    def __init__(self, slack: "FakeSlack") -> None:
        self._slack = slack
        self.late_shares = 0
        self.never_shared = False
        self.redirect_to = ""
        self.html_instead = False
        self.gate: asyncio.Event | None = None
        self.tokens_seen: list[str | None] = []
        self._polls: dict[str, int] = {}

    def methods(self) -> dict[str, Callable[[Json], Json]]:
        """Return the Web API methods about files."""
        return {
            "files.getUploadURLExternal": self._get_url,
            "files.completeUploadExternal": self._complete,
            "files.info": self._info,
        }

    def routes(self) -> list[web.RouteDef]:
        """Return where bytes go up and down."""
        return [
            web.post("/upload/{id}", self._upload),
            web.get("/files/{id}/{name}", self._download),
        ]

    def add(self, name: str, content: bytes, *, mimetype: str = "text/plain") -> Json:
        """Put a file of a person's into the workspace and return its object for an event."""
        file_id = f"F{len(self._slack.state.files) + 1:05d}"
        url = f"{self._slack.url}/files/{file_id}/{name}"
        found: Json = {
            "id": file_id,
            "name": name,
            "mimetype": mimetype,
            "size": len(content),
            "mode": "hosted",
            "is_external": False,
            "url_private": url,
            "url_private_download": url,
        }
        self._slack.state.files[file_id] = found
        self._slack.state.contents[file_id] = content
        return found

    def _get_url(self, fields: Json) -> Json:
        length = int(fields.get("length", 0))
        if length <= 0 or not fields.get("filename"):
            raise SlackError("invalid_arguments")
        found = self.add(str(fields["filename"]), b"")
        found["size"] = length
        self._slack.state.contents.pop(found["id"])
        return {
            "ok": True,
            "upload_url": f"{self._slack.url}/upload/{found['id']}",
            "file_id": found["id"],
        }

    async def _upload(self, request: web.Request) -> web.Response:
        file_id = request.match_info["id"]
        known = self._slack.state.files.get(file_id)
        body = await request.read()
        if known is None or len(body) != known["size"]:
            return web.Response(status=400, text="wrong length")
        self._slack.state.contents[file_id] = body
        return web.Response(text=f"OK - {len(body)}")

    def _complete(self, fields: Json) -> Json:
        state = self._slack.state
        files = [state.files[f["id"]] for f in fields["files"] if f["id"] in state.contents]
        if not files:
            raise SlackError("file_not_found")
        if self.never_shared or not fields.get("channel_id"):
            return {"ok": True, "files": files}
        room = state.room(fields["channel_id"])
        message: Json = {
            "type": "message",
            "subtype": "file_share",
            "user": BOT_USER,
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "ts": state.next_ts(),
            "text": fields.get("initial_comment", ""),
            "files": files,
        }
        if fields.get("thread_ts"):
            message["thread_ts"] = fields["thread_ts"]
        state.put(room, message)
        state.note("post", room.id, message["ts"], message=message)
        for file in files:
            share = {"ts": message["ts"], "thread_ts": message.get("thread_ts")}
            file["shares"] = {"public": {room.id: [share]}}
        hidden = [{k: v for k, v in file.items() if k != "shares"} for file in files]
        return {"ok": True, "files": hidden}

    def _info(self, fields: Json) -> Json:
        found = self._slack.state.files.get(str(fields.get("file")))
        if found is None:
            raise SlackError("file_not_found")
        polls = self._polls[found["id"]] = self._polls.get(found["id"], 0) + 1
        if polls <= self.late_shares:
            return {"ok": True, "file": {k: v for k, v in found.items() if k != "shares"}}
        return {"ok": True, "file": found}

    async def _download(self, request: web.Request) -> web.Response:
        self.tokens_seen.append(request.headers.get("Authorization"))
        if self.gate is not None:
            await self.gate.wait()
        if self.redirect_to:
            return web.Response(status=302, headers={"Location": self.redirect_to})
        known = self._slack.state.files.get(request.match_info["id"])
        if known is None or "Authorization" not in request.headers:
            return web.Response(status=404)
        if self.html_instead:
            return web.Response(
                text="<!DOCTYPE html><title>Sign in</title>", content_type="text/html"
            )
        content = self._slack.state.contents[known["id"]]
        return web.Response(body=content, content_type=known["mimetype"])
