"""Buttons on the case card, and the note modal: from clicks to facts.

A click is believed only where it belongs: the handoff in the button must be the one of the thread
the card stands in. Whoever clicked is told privately when nothing was changed.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any

from adapters.slack import answers, phrases
from adapters.slack.haste import left
from adapters.slack.office import Core, Office
from adapters.slack.people import Person, Unknown
from adapters.slack.reading import dicts
from adapters.slack.refs import DESK, Place, is_id, is_ts
from bridge.domain.errors import DeliveryError, StoreUnavailable
from bridge.domain.facts import Declined, TeammateActed, Verb
from bridge.domain.ids import HandoffId, ThreadRef
from bridge.domain.messages import Author

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

PREFIX = "handoff_"
NOTE_MODAL = "handoff_note"
MODAL_SECONDS = 2.0
"""What a click permits to open can be opened for three seconds, and Slack waits no longer."""

VERBS = {f"{PREFIX}{verb}": verb for verb in Verb}


class Click:
    """One click, read from a payload; what is missing reads as empty."""

    def __init__(self, body: Json, action: Json, team: str) -> None:
        container, message = _object(body.get("container")), _object(body.get("message"))
        channel = container.get("channel_id") or _object(body.get("channel")).get("id")
        ts = container.get("message_ts") or message.get("ts")
        root = message.get("thread_ts") or container.get("thread_ts") or ts
        user = _object(body.get("user")).get("id")
        self.is_whole = is_id(channel) and is_id(user) and is_ts(ts) and is_ts(root)
        self.user = str(user)
        self.root = Place(team, str(channel), str(root))
        self.response_url = str(body.get("response_url") or "")
        self.trigger_id = str(body.get("trigger_id") or "")
        self.verb = VERBS.get(str(action.get("action_id")))
        self.handoff_id = HandoffId(str(action.get("value") or action.get("block_id") or ""))
        self.chosen = str(action.get("selected_user") or "")
        self.key = f"{self.root}:act:{word(action.get('action_ts'))}:{self.user}"


class Actions:
    """Does what buttons and modals say."""

    def __init__(self, office: Office, core: Core) -> None:
        self._office = office
        self._people = office.people
        self._inbox = core.inbox
        self._board = core.board
        self._clock = office.clock

    async def clicked(self, body: Json) -> None:
        """Take a `block_actions` payload; raises `StoreUnavailable`."""
        identity = await self._people.identity()
        for action in dicts(body.get("actions")):
            click = Click(body, action, identity.team)
            if click.is_whole and click.verb is not None:
                await self._click(click, click.verb)

    async def _click(self, click: Click, verb: Verb) -> None:
        try:
            why = await self._try(click, verb)
        except Unknown:
            why = phrases.CANNOT_TELL_WHO
        except StoreUnavailable:
            await self._tell(click, phrases.NOT_STORED)
            raise
        if why:
            await self._tell(click, why)

    async def _try(self, click: Click, verb: Verb) -> str:
        """Do it, or return why not. While the thread is not known yet, the handoff's id counts."""
        if not (await self._people.person(click.user)).may_speak:
            return phrases.MAY_NOT_ACT
        conversation = await self._board.conversation_of(click.handoff_id)
        if conversation is None or conversation.thread not in {None, click.root.thread}:
            log.warning("slack.button_of_another_thread", extra={"action": "click"})
            return phrases.OTHER_THREAD
        return await self._do(click, verb, conversation.thread)

    async def _do(self, click: Click, verb: Verb, thread: ThreadRef | None) -> str:
        if verb is Verb.NOTE:
            return await self._ask_for_note(click)
        target = None
        if verb is Verb.ASSIGN:
            target = await self._people.person(click.chosen) if is_id(click.chosen) else None
            if target is None or not target.may_speak:
                return phrases.MAY_NOT_HAVE
        person = await self._people.person(click.user)
        return await self._report(
            TeammateActed(
                key=click.key,
                at=self._clock.now(),
                verb=verb,
                author=person.author,
                thread=thread,
                handoff_id=click.handoff_id,
                target=_author(target),
            )
        )

    async def _report(self, fact: TeammateActed) -> str:
        verdict = await self._inbox.report(fact)
        return verdict.why if isinstance(verdict, Declined) else ""

    async def _ask_for_note(self, click: Click) -> str:
        view = answers.note_modal(NOTE_MODAL, click.handoff_id)
        try:
            body = {"trigger_id": click.trigger_id, "view": view}
            async with asyncio.timeout(left(MODAL_SECONDS)):
                await self._office.web.call("views.open", body)
        except (DeliveryError, TimeoutError):
            return phrases.NO_MODAL
        return ""

    async def submitted(self, body: Json) -> str:
        """Take the note modal; returns why it was not kept, or nothing."""
        identity = await self._people.identity()
        view, user = _object(body.get("view")), _object(body.get("user")).get("id")
        text = answers.note_in(view)
        if view.get("callback_id") != NOTE_MODAL or not is_id(user):
            return ""
        try:
            person = await self._people.person(str(user))
        except Unknown:
            return phrases.CANNOT_TELL_WHO
        if not person.may_speak:
            return phrases.MAY_NOT_ACT
        if not text:
            return phrases.EMPTY_NOTE
        return await self._report(
            TeammateActed(
                key=f"{DESK}:{identity.team}:view:{word(view.get('id'))}",
                at=self._clock.now(),
                verb=Verb.NOTE,
                author=person.author,
                handoff_id=HandoffId(str(view.get("private_metadata") or "")),
                text=text,
            )
        )

    async def _tell(self, click: Click, why: str) -> None:
        if not await self._office.private.answer(click.response_url, why):
            await self._office.private.say(click.root.channel, click.user, why, click.root.ts)


def word(value: object) -> str:
    """Return an id of Slack's as part of a key: its word characters, not too many."""
    return re.sub(r"[^\w.-]", "", str(value or ""), flags=re.ASCII)[:100]


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _author(person: Person | None) -> Author | None:
    return person.author if person else None
