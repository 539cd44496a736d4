"""The desk's JSON interface under /sandbox, for its own page only: look, write, edit, act.

Mounted only where the sandbox desk is enabled. A refusal by the bridge is told to the one who
asked, and nothing of it is posted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from adapters.plain import as_bytes
from adapters.problems import Problem
from adapters.sandbox.events import Done, SandboxEvents
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.markup import VERBS
from adapters.sandbox.news import TEAMMATES, Teammate
from adapters.sandbox.refs import Spot
from adapters.sandbox.render import post_json, thread_json
from adapters.sandbox.requests import (
    LOOPBACK,
    Fields,
    cursor_of,
    from_our_page,
    guarded,
    number_of,
    read_json,
)
from adapters.sandbox.rows import KeptPost, KeptThread
from adapters.sandbox.stream import SandboxStream
from adapters.sandbox.uploads import Form, SandboxFiles
from bridge.domain.facts import Declined, Verb
from bridge.ports.core import Board, Clock, Inbox, Presence, Typing
from bridge.ports.files import Files


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Under which host names the page may be opened, and who answers there."""

    hosts: frozenset[str] = LOOPBACK
    teammates: tuple[Teammate, ...] = TEAMMATES


@dataclass(frozen=True, slots=True)
class Core:
    """What the bridge gives this adapter."""

    inbox: Inbox
    board: Board
    presence: Presence
    files: Files
    clock: Clock


class SandboxRooms:
    """The interface. `run` tells the bridge what it could not take; `close` ends the live lines."""

    def __init__(self, ledger: Ledger, core: Core, settings: SandboxSettings) -> None:
        self._ledger = ledger
        self._core = core
        self._settings = settings
        self.events = SandboxEvents(ledger, core.inbox, core.clock, settings.teammates)
        self._stream = SandboxStream(ledger, core.board, core.presence, core.clock)
        self._files = SandboxFiles(ledger, core.files, core.board)

    async def run(self) -> None:
        """Tell the bridge, for as long as it runs, what it could not take at first."""
        await self.events.run()

    def close(self) -> None:
        """End the live lines, so that the server can stop."""
        self._stream.close()

    def routes(self) -> list[web.RouteDef]:
        """Return the interface's routes."""
        table = (
            ("GET", "/sandbox/room", self._room),
            ("GET", "/sandbox/stream", self._live),
            ("GET", "/sandbox/threads/{thread}", self._thread),
            ("POST", "/sandbox/threads/{thread}/posts", self._write),
            ("POST", "/sandbox/threads/{thread}/verbs", self._act),
            ("POST", "/sandbox/threads/{thread}/typing", self._type),
            ("PATCH", "/sandbox/posts/{post}", self._edit),
            ("DELETE", "/sandbox/posts/{post}", self._delete),
            ("GET", "/sandbox/threads/{thread}/files/{file}", self._file),
        )
        return [
            web.route(method, path, guarded(handler, self._settings.hosts, from_our_page))
            for method, path, handler in table
        ]

    async def _room(self, _: web.Request) -> web.Response:
        mates = [{"id": mate.id, "label": mate.label} for mate in self._settings.teammates]
        answer = {
            "born": str(self._ledger.born()),
            "teammates": mates,
            "threads": [thread_json(thread) for thread in self._ledger.threads()],
            "cursor": self._ledger.cursor(),
        }
        return _json(answer)

    async def _thread(self, request: web.Request) -> web.Response:
        thread = self._find_thread(request)
        posts = [post_json(post) for post in self._ledger.posts(thread.id)]
        return _json({"thread": thread_json(thread), "posts": posts})

    async def _live(self, request: web.Request) -> web.StreamResponse:
        header = request.headers.get("Last-Event-ID")
        name, after = ("Last-Event-ID", header) if header else ("after", request.query.get("after"))
        cursor = cursor_of(after or "0", name)
        open_thread = request.query.get("thread")
        thread = self._ledger.thread(number_of(open_thread, "thread")) if open_thread else None
        return await self._stream.serve(request, cursor, thread)

    async def _write(self, request: web.Request) -> web.Response:
        thread = self._find_thread(request)
        if request.content_type != "multipart/form-data":
            return await self._reply(thread, Form(await read_json(request)))
        form = await self._files.read_form(request, thread)
        try:
            return await self._reply(thread, form)
        except Problem:
            await self._files.drop(form, thread)
            raise

    async def _reply(self, thread: KeptThread, form: Form) -> web.Response:
        files = tuple(form.files)
        fields = Fields(form.values)
        fields.only("as", "text", "note")
        who = self._who(fields)
        text = fields.text("text", needed=not files)
        done = await self.events.write(thread, who, text, note=fields.flag("note"), files=files)
        return self._done(done, HTTPStatus.CREATED)

    async def _edit(self, request: web.Request) -> web.Response:
        post = self._find_post(request)
        fields = Fields(await read_json(request))
        fields.only("as", "text")
        who = self._who(fields)
        _check_own(post, who)
        text = fields.text("text", needed=not post.body["files"])
        thread = self._thread_of(post)
        return self._done(await self.events.edit(thread, post, who, text))

    async def _delete(self, request: web.Request) -> web.Response:
        post = self._find_post(request)
        fields = Fields(dict(request.query))
        fields.only("as")
        who = self._who(fields)
        _check_own(post, who)
        return self._done(await self.events.delete(self._thread_of(post), post, who))

    async def _act(self, request: web.Request) -> web.Response:
        thread = self._find_thread(request)
        fields = Fields(await read_json(request))
        fields.only("as", "verb", "handoff_id", "target")
        who, verb = self._who(fields), _verb(fields)
        target = None
        if verb is Verb.ASSIGN:
            target = self._mate(fields, "target")
        handoff_id = fields.text("handoff_id", needed=False, limit=200) or None
        done = await self.events.act(thread, who, verb, handoff_id=handoff_id, target=target)
        if isinstance(done.verdict, Declined):
            raise Problem(409, done.verdict.why, code=done.verdict.code)
        return self._done(done)

    async def _type(self, request: web.Request) -> web.Response:
        thread = self._find_thread(request)
        fields = Fields(await read_json(request))
        fields.only("as")
        who = self._who(fields)
        found = await self._core.board.conversation_in(Spot(thread.room, thread.id).thread_ref)
        if found is not None:
            self._core.presence.tell(found.id, Typing("teammate", who.name))
        return web.Response(status=204)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        thread = self._find_thread(request)
        return await self._files.send(request, thread, request.match_info["file"])

    def _find_thread(self, request: web.Request) -> KeptThread:
        text = request.match_info["thread"]
        thread = self._ledger.thread(number_of(text, "thread"))
        if thread is None:
            raise Problem(404, f"There is no thread {text}.", field="thread")
        return thread

    def _find_post(self, request: web.Request) -> KeptPost:
        text = request.match_info["post"]
        post = self._ledger.post(number_of(text, "post"))
        if post is None or post.text is None:
            raise Problem(404, f"There is no post {text}; it may have been deleted.", field="post")
        return post

    def _thread_of(self, post: KeptPost) -> KeptThread:
        thread = self._ledger.thread(post.thread)
        if thread is None:
            raise Problem(404, "The thread of this post is gone.", field="post")
        return thread

    def _who(self, fields: Fields) -> Teammate:
        return self._mate(fields, "as")

    def _mate(self, fields: Fields, name: str) -> Teammate:
        found = self.events.teammate(fields.text(name))
        if found is None:
            known = ", ".join(mate.id for mate in self._settings.teammates)
            raise Problem(422, f"{name} must be one of: {known}.", field=name)
        return found

    def _done(self, done: Done, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
        post = self._ledger.post(done.post) if done.post is not None else None
        answer = {"post": post_json(post) if post else None, "private": done.private}
        return _json(answer, status)


def _json(value: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(
        body=as_bytes(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _verb(fields: Fields) -> Verb:
    verb = VERBS.get(fields.text("verb"))
    if verb is None:
        raise Problem(422, f"verb must be one of: {', '.join(VERBS)}.", field="verb")
    return verb


def _check_own(post: KeptPost, who: Teammate) -> None:
    if post.teammate != who.id:
        raise Problem(403, "Only who wrote a post can change it.", field="as")
