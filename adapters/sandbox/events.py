"""What teammates do at the sandbox desk, and how the bridge is told of it.

As on a platform: what a teammate did stands first, together with the news of it, in one
transaction; then the bridge is told, in order per thread, until it has taken it. A crash in
between, or a database that is away, delays a reply and never loses it.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace

from adapters.sandbox.ledger import Ledger
from adapters.sandbox.markup import HELP, Command, Reply, TeamNote, meaning
from adapters.sandbox.news import Teammate, acted, amended, fact_of, wrote
from adapters.sandbox.render import new_post
from adapters.sandbox.rows import Json, KeptPost, KeptThread, PostChange
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import Declined, Verb, Verdict
from bridge.domain.messages import Attachment, Role
from bridge.domain.posts import Post, PostKind
from bridge.ports.core import Clock, Inbox

TELL_AGAIN_SECONDS = 2.0
LATER = "The bridge cannot take this just now. It is kept here and told again until it can."


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: the post, if any, and what only its author is told.

    `verdict` is the bridge's; None when it was not asked, or will be told later.
    """

    post: int | None = None
    private: str | None = None
    verdict: Verdict | None = None


class SandboxEvents:
    """Takes what teammates do and tells the bridge. `run` tells again what could not be told."""

    def __init__(
        self, ledger: Ledger, inbox: Inbox, clock: Clock, teammates: tuple[Teammate, ...]
    ) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._clock = clock
        self._teammates = teammates
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._verdicts: dict[int, Verdict | None] = {}

    def teammate(self, name: str) -> Teammate | None:
        """Return the teammate with this id or name, written with or without an @."""
        wanted = name.strip().removeprefix("@").casefold()
        found = (mate for mate in self._teammates if wanted in {mate.id, mate.name.casefold()})
        return next(found, None)

    async def write(
        self,
        thread: KeptThread,
        who: Teammate,
        text: str,
        *,
        note: bool = False,
        files: tuple[Attachment, ...] = (),
    ) -> Done:
        """Post a teammate's line: a reply, or a note when asked for or when it reads as one."""
        said = meaning(text)
        if isinstance(said, Command) and not note:
            return await self._command(thread, who, said)
        note = note or isinstance(said, TeamNote)
        words = said.text if isinstance(said, TeamNote) else text
        news = self._dated(wrote(who, words, files, note=note))
        plain = new_post(Post(PostKind.MESSAGE, Role.TEAMMATE, who.name, words))
        body = {**plain.body, "files": news["files"]}
        post = replace(plain, body=body, teammate=who.id, note=note)
        return await self._tell(thread, news, self._ledger.add_post(thread.id, post, news=news))

    async def edit(self, thread: KeptThread, post: KeptPost, who: Teammate, text: str) -> Done:
        """Edit a teammate's post; a note stays a note, and a reply may become one."""
        said = meaning(text)
        note = post.note or not isinstance(said, Reply)
        words = said.text if isinstance(said, TeamNote) else text
        news = self._dated(amended(who, words, note=note))
        self._ledger.change_post(post, PostChange(set_text=True, text=words, note=note), news)
        return await self._tell(thread, news, post.id)

    async def delete(self, thread: KeptThread, post: KeptPost, who: Teammate) -> Done:
        """Delete a teammate's post."""
        news = self._dated(amended(who, None, note=post.note))
        self._ledger.change_post(post, PostChange(set_text=True), news)
        return await self._tell(thread, news, post.id)

    async def act(
        self,
        thread: KeptThread,
        who: Teammate,
        verb: Verb,
        *,
        handoff_id: str | None = None,
        target: Teammate | None = None,
    ) -> Done:
        """Use a verb on the thread's handoff; `handoff_id` is the one the button was drawn for."""
        news = self._dated(acted(who, verb, target, handoff_id))
        self._ledger.add_news(thread.id, news)
        return await self._tell(thread, news, None)

    async def run(self) -> None:
        """Tell what is left from before, and again and again what could not be told."""
        while True:
            for number in self._ledger.threads_with_news():
                thread = self._ledger.thread(number)
                if thread is not None:
                    await self._tell_all(thread)
            await self._clock.sleep(TELL_AGAIN_SECONDS)

    async def _command(self, thread: KeptThread, who: Teammate, said: Command) -> Done:
        """Do what a line with a leading `!` asks for; nothing of it is posted."""
        if said.verb is None:
            unknown = "" if said.name == "help" else f"Not sent: there is no `!{said.name}`. "
            return Done(private=unknown + HELP)
        target = self.teammate(said.rest)
        if said.verb is Verb.ASSIGN and target is None:
            names = ", ".join(f"@{mate.id}" for mate in self._teammates)
            return Done(private=f"Say whom to assign this to: {names}.")
        return await self.act(thread, who, said.verb, target=target)

    def _dated(self, news: Json) -> Json:
        return {**news, "serial": self._ledger.serial(), "at": self._clock.now()}

    async def _tell(self, thread: KeptThread, news: Json, post: int | None) -> Done:
        """Tell the bridge what is new in a thread; returns what it said to this news."""
        self._verdicts[news["serial"]] = None
        try:
            await self._tell_all(thread)
        finally:
            verdict = self._verdicts.pop(news["serial"])
        if verdict is None:
            return Done(post, LATER)
        return Done(post, verdict.why if isinstance(verdict, Declined) else None, verdict)

    async def _tell_all(self, thread: KeptThread) -> None:
        """Tell the bridge all that is new in a thread, one by one, in order."""
        async with self._turns[thread.id]:
            for news in self._ledger.news(thread.id):
                try:
                    verdict = await self._inbox.report(fact_of(thread, news.body))
                except StoreUnavailable:
                    return
                self._ledger.forget_news(news)
                if news.body["serial"] in self._verdicts:
                    self._verdicts[news.body["serial"]] = verdict
