"""From Slack's message events to facts.

Only what a permitted person wrote in a thread of ours goes anywhere. The key of a fact names the
message and, for an edit, its version, so that any number of deliveries of it count once.
https://docs.slack.dev/reference/events/message
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from adapters.slack import phrases
from adapters.slack.alarms import raise_alarm
from adapters.slack.downloads import Downloads, Unfetchable
from adapters.slack.echoes import Echo
from adapters.slack.haste import left
from adapters.slack.kept import Kept
from adapters.slack.markup import name_of
from adapters.slack.office import Core, Office
from adapters.slack.orders import Orders
from adapters.slack.people import Person
from adapters.slack.reading import dicts, is_edit, markdown_of, mentioned, standing
from adapters.slack.refs import Place, is_id, is_ts, ts_order
from adapters.slack.render import keys_in
from adapters.slack.said import Judge, Kind, Said
from adapters.slack.telling import Spot, Teller, spot_of
from adapters.slack.withdrawn import Withdrawals
from bridge.domain.facts import FileFailed, TeammateAmended, TeammateWrote
from bridge.domain.messages import Attachment

Json = Mapping[str, Any]

_TYPES = ("message", "app_mention")

FILE_SECONDS = 2.2
"""Slack waits three seconds for an answer; a file that takes longer is asked for again."""


class Relay:
    """Turns message events into facts and reports them."""

    def __init__(self, office: Office, core: Core) -> None:
        self._office = office
        self._inbox = core.inbox
        self._board = core.board
        self._clock = office.clock
        self._judge = Judge(office.settings.note_words)
        self._downloads = Downloads(office)
        self._sent: Kept[tuple[str, str, str], str] = Kept()
        self._edited: Kept[Place, tuple[int, int]] = Kept()
        self._teller = Teller(office, core)
        self._orders = Orders(office, self._teller)
        self._carried: Kept[Place, bool] = Kept()
        self._withdrawals = Withdrawals(office, core)

    async def take(self, event: Json) -> None:
        """Take an event; returns when all it means is stored.

        Raises `StoreUnavailable`, and `Unknown` or `NotYet` when it must come again.
        """
        subtype = event.get("subtype")
        if event.get("type") not in _TYPES or not (subtype is None or isinstance(subtype, str)):
            raise_alarm(event, self._office.settings.rooms)
            return
        handler = _HANDLERS.get(subtype)
        if handler is not None:
            await handler(self, event)

    async def again(self, channel: str, message: Json) -> None:
        """Take a message as it stands in its thread now; raises as `take` does."""
        await self.take({**message, "channel": channel})
        if isinstance(message.get("edited"), dict) and not _is_from_machine(message):
            await self.amend(channel, message, {})
        has_tombstones = len(standing(message)) < len(tuple(dicts(message.get("files"))))
        if has_tombstones and not _is_from_machine(message):
            await self._files_gone(channel, message)

    async def _said(self, event: Json) -> None:
        if _is_from_machine(event):
            await self._echo(event)
            return
        identity = await self._office.people.identity()
        spot = spot_of(event.get("channel"), event, identity.team, identity.bot_user)
        if spot is None or spot.user == identity.bot_user:
            return
        said = self._judge.judge(event, identity.bot_user)
        if not spot.in_thread:
            await self._orders.outside_threads(spot, said)
            return
        person = await self._office.people.person(spot.user)
        if not person.may_speak:
            await self._teller.say_if_ours(spot, phrases.TURNED_AWAY)
        elif said.kind is Kind.COMMAND:
            await self._orders.take(spot, person, said)
        else:
            await self._words(event, spot, person, said)

    async def _echo(self, event: Json) -> None:
        """Take one of our own posts; what other apps post means nothing."""
        identity = await self._office.people.identity()
        channel, ts, root = event.get("channel"), event.get("ts"), event.get("thread_ts")
        if event.get("bot_id") == identity.bot_id and is_id(channel) and is_ts(ts):
            place = Place(identity.team, str(channel), str(ts))
            thread = Place(identity.team, str(channel), str(root)) if is_ts(root) else place
            self._office.echoes.hear(Echo(place, thread, keys_in(dict(event))))

    # ── words ───────────────────────────────────────────────────────────────────────────────────

    async def _words(self, event: Json, spot: Spot, person: Person, said: Said) -> None:
        text = await self._read(event)
        is_note = said.kind is Kind.NOTE
        files = tuple(dicts(event.get("files")))
        # What is said after a file stands after it, however long the file takes.
        if not is_note and not self._carried.get(spot.place):
            await self._office.errands.past(left(FILE_SECONDS), f"{spot.root} ")
        if is_note or not files:
            if text:
                await self._wrote(event, spot, self._fact(spot, person, text, note=is_note))
            elif event.get("attachments"):
                await self._teller.say_if_ours(spot, phrases.FORWARDED)
        elif not self._carried.get(spot.place):
            await self._office.errands.within(
                left(FILE_SECONDS),
                f"{spot.root} {spot.place}",
                lambda: self._with_files(event, spot, self._fact(spot, person, text), files),
            )
        if said.in_doubt:
            await self._teller.say_if_ours(spot, phrases.KEPT_AS_NOTE)

    def _fact(self, spot: Spot, person: Person, text: str, *, note: bool = False) -> TeammateWrote:
        return TeammateWrote(
            key=spot.key("said"),
            at=self._clock.now(),
            thread=spot.root.thread,
            post=spot.place.post,
            author=person.author,
            text=text,
            note=note,
            sent_at=float(spot.place.ts),
        )

    async def _wrote(self, event: Json, spot: Spot, fact: TeammateWrote) -> None:
        """Report words, once also when Slack made two messages of one."""
        own_id = str(event.get("client_msg_id") or "")
        sent = (spot.place.channel, spot.user, own_id)
        if own_id and self._sent.get(sent) not in {None, spot.place.ts}:
            return
        await self._withdrawals.settle(spot)
        await self._teller.report(fact, spot)
        await self._withdrawals.settle(spot)  # it may have been deleted meanwhile
        if own_id:
            self._sent.add(sent, spot.place.ts)

    async def _with_files(
        self, event: Json, spot: Spot, fact: TeammateWrote, files: tuple[Json, ...]
    ) -> None:
        """Keep the files, then report the words with those that came, and each that did not."""
        conversation = await self._board.conversation_in(fact.thread)
        if conversation is None:
            return
        kept: list[Attachment] = []
        failed: list[FileFailed] = []
        for file in files:
            try:
                fetched = await self._downloads.fetch(conversation.id, file)
                kept.append(replace(fetched, ref=str(file.get("id", ""))))
            except Unfetchable as error:
                failed.append(self._failed(spot, file, str(error)))
        if fact.text or kept:
            await self._wrote(event, spot, replace(fact, attachments=tuple(kept)))
        for failure in failed:
            await self._teller.report(failure, spot)
        self._carried.set(spot.place, value=True)

    def _failed(self, spot: Spot, file: Json, why: str) -> FileFailed:
        return FileFailed(
            key=spot.key(f"file:{file.get('id', '')}"),
            at=self._clock.now(),
            thread=spot.root.thread,
            post=spot.place.post,
            name=name_of(str(file.get("name") or file.get("title") or ""), "file", longest=120),
            why=why,
        )

    async def _read(self, message: Json) -> str:
        """Return a message as Markdown, the people it names under their names."""
        await self._office.people.meet(mentioned(message))
        return markdown_of(message, self._office.people.name)

    # ── edits and deletions ─────────────────────────────────────────────────────────────────────

    async def _changed(self, event: Json) -> None:
        message, previous = event.get("message"), event.get("previous_message")
        if not isinstance(message, dict):
            return
        before = previous if isinstance(previous, dict) else {}
        if message.get("subtype") == "tombstone":
            await self._gone(event, {**message, **before})
            return
        if _is_from_machine(message):
            return
        if is_edit(message, before):
            await self.amend(str(event.get("channel", "")), message, before)
        if set(standing(before)) - set(standing(message)):
            await self._files_gone(str(event.get("channel", "")), message)

    async def amend(self, channel: str, message: Json, before: Json) -> None:
        """Take a message as its author last edited it; `before` is what it was, if known."""
        identity = await self._office.people.identity()
        spot = spot_of(channel, message, identity.team)
        version = str((message.get("edited") or {}).get("ts"))
        if spot is None or not spot.in_thread or not is_ts(version):
            return
        person = await self._office.people.person(spot.user)
        order = ts_order(version)
        if not person.may_speak or order <= (self._edited.get(spot.place) or (0, 0)):
            return
        said = self._judge.judge(message, identity.bot_user)
        was_reply = self._was_reply(before, identity.bot_user)
        if was_reply or not before:
            await self._amended(message, spot, said, f"edit:{version}", float(version))
            self._edited.set(spot.place, order)
        why = _why_not_shown(said, was_reply=was_reply) if before else ""
        if why:
            await self._teller.say_if_ours(spot, why)

    async def _files_gone(self, channel: str, message: Json) -> None:
        """Take it that a file was deleted; that alone is no edit, and has no version."""
        identity = await self._office.people.identity()
        spot = spot_of(channel, message, identity.team)
        if spot is None or not spot.in_thread:
            return
        person = await self._office.people.person(spot.user)
        said = self._judge.judge(message, identity.bot_user)
        if person.may_speak and said.kind is Kind.REPLY:
            edited = message.get("edited")
            version = edited.get("ts") if isinstance(edited, dict) else None
            at = float(str(version) if is_ts(version) else spot.place.ts)
            left = ",".join(sorted(standing(message)))
            await self._amended(message, spot, said, f"files:{left}", at)

    async def _amended(self, message: Json, spot: Spot, said: Said, kind: str, at: float) -> None:
        text = await self._read(message)
        fact = TeammateAmended(
            key=spot.key(kind),
            at=at,
            thread=spot.root.thread,
            post=spot.place.post,
            text=text,
            note=said.kind is not Kind.REPLY,
            files=standing(message),
        )
        await self._inbox.report(fact)

    def _was_reply(self, message: Json, bot_user: str) -> bool:
        return self._judge.judge(message, bot_user).kind is Kind.REPLY

    async def _deleted(self, event: Json) -> None:
        previous = event.get("previous_message")
        known = previous if isinstance(previous, dict) else {}
        await self._gone(event, {**known, "ts": event.get("deleted_ts")})

    async def _gone(self, event: Json, previous: Json) -> None:
        if _is_from_machine(previous):
            return
        identity = await self._office.people.identity()
        spot = spot_of(event.get("channel"), previous, identity.team)
        if spot is None or not spot.in_thread or not self._was_reply(previous, identity.bot_user):
            await self._withdrawals.gone_from(identity.team, event)
        else:
            await self._withdrawals.gone(spot)


Handler = Callable[[Relay, Json], Awaitable[None]]

_HANDLERS: dict[str | None, Handler] = {
    None: Relay._said,  # noqa: SLF001 - the table of this class's own handlers
    "bot_message": Relay._echo,  # noqa: SLF001
    "file_share": Relay._said,  # noqa: SLF001
    "thread_broadcast": Relay._said,  # noqa: SLF001
    "me_message": Relay._said,  # noqa: SLF001
    "message_changed": Relay._changed,  # noqa: SLF001
    "message_deleted": Relay._deleted,  # noqa: SLF001
}
"""What is done by subtype; joins, pins, topics and all else mean nothing here."""


def _is_from_machine(message: Json) -> bool:
    return bool(message.get("bot_id") or message.get("app_id") or message.get("bot_profile"))


def _why_not_shown(said: Said, *, was_reply: bool) -> str:
    """Return what the author of an edit must know that the customer does not see, if anything."""
    if said.kind is Kind.COMMAND:
        return phrases.EDITED_INTO_COMMAND if was_reply else phrases.NOT_BY_EDITING
    if was_reply:
        return phrases.KEPT_AS_NOTE if said.in_doubt else ""
    return phrases.STAYS_INSIDE if said.kind is Kind.REPLY else ""
