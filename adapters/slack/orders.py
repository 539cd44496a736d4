"""Verbs in a thread: `!claim`, or the same word after a mention of the bot."""

from adapters.slack import phrases
from adapters.slack.office import Office
from adapters.slack.people import Person
from adapters.slack.reading import from_mrkdwn
from adapters.slack.said import Said, target_of
from adapters.slack.telling import Spot, Teller
from bridge.domain.facts import TeammateActed, Verb

ACTS = {str(verb): verb for verb in Verb if verb is not Verb.NOTE}


def whom(rest: str, asker: str) -> str | None:
    """Return the user id that the words after `assign` mean, here and in `/handoff`, or None."""
    return asker if rest.strip().casefold() == "me" else target_of(rest)


class Orders:
    """Turns commands in messages into facts, or answers them privately."""

    def __init__(self, office: Office, teller: Teller) -> None:
        self._office = office
        self._people = office.people
        self._clock = office.clock
        self._teller = teller

    async def outside_threads(self, spot: Spot, said: Said) -> None:
        """Outside threads only a mention of the bot is answered, with the help."""
        if said.by_mention and spot.place.channel in self._office.settings.rooms:
            await self._teller.say_once(spot, phrases.HELP)

    async def take(self, spot: Spot, person: Person, said: Said) -> None:
        """Do what a command in a thread says."""
        if said.verb == "note" and said.by_mention:
            await self._note(spot, person, said.rest)
        elif said.verb in ACTS:
            await self._act(spot, person, ACTS[said.verb], said.rest)
        elif said.verb == "help":
            await self._teller.say_if_ours(spot, phrases.HELP)
        elif said.in_doubt:
            await self._teller.say_if_ours(spot, phrases.COMMAND_ALONE)
        else:
            unknown = phrases.NO_SUCH_MENTION if said.by_mention else phrases.NO_SUCH_VERB
            await self._teller.say_if_ours(spot, unknown)

    async def _note(self, spot: Spot, person: Person, rest: str) -> None:
        text = from_mrkdwn(rest, self._people.name)
        if not text:
            await self._teller.say_if_ours(spot, phrases.EMPTY_NOTE)
            return
        await self._teller.report(self._acted(spot, person, Verb.NOTE, text=text), spot)

    async def _act(self, spot: Spot, person: Person, verb: Verb, rest: str) -> None:
        target = None
        if verb is Verb.ASSIGN:
            user = whom(rest, spot.user)
            target = await self._people.person(user) if user else None
            if target is None or not target.may_speak:
                await self._teller.say_if_ours(
                    spot, phrases.MAY_NOT_HAVE if target else phrases.WHOM
                )
                return
        await self._teller.report(self._acted(spot, person, verb, target), spot)

    def _acted(
        self, spot: Spot, person: Person, verb: Verb, target: Person | None = None, text: str = ""
    ) -> TeammateActed:
        return TeammateActed(
            key=spot.key("said"),
            at=self._clock.now(),
            verb=verb,
            author=person.author,
            thread=spot.root.thread,
            target=target.author if target else None,
            text=text,
        )
