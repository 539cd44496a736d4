"""`/handoff WORD …`: what it answers, visible to the asker only, and the facts some words make."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from adapters.slack import answers, phrases
from adapters.slack.actions import word
from adapters.slack.markup import name_of
from adapters.slack.office import Core, Office
from adapters.slack.orders import whom
from adapters.slack.people import Person, Unknown
from adapters.slack.refs import DESK, place_of
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import Declined, TeammateActed, Verb
from bridge.domain.ids import HandoffId, ThreadRef

COMMAND = "/handoff"
QUEUE_LINES = 30

ACTS = {str(verb): verb for verb in Verb if verb is not Verb.NOTE}

ELSEWHERE = {
    "stats": "the figures stand at `/metrics`",
    "hours": "opening hours stand in `handoff.toml`",
    "pause": "stop taking handoffs by the opening hours in `handoff.toml`",
    "resume": "opening hours stand in `handoff.toml`",
    "policy": "run `handoff policy backtest` where the bridge runs",
    "doctor": "run `handoff doctor` where the bridge runs",
    "dead": "run `handoff dead list` where the bridge runs",
}
"""Words of the command that Slack cannot do yet, and where it is done."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command, taken apart."""

    word: str
    id: HandoffId
    rest: str
    user: str
    person: Person
    key: str


class Commands:
    """Answers `/handoff`."""

    def __init__(self, office: Office, core: Core) -> None:
        self._office = office
        self._people = office.people
        self._inbox = core.inbox
        self._board = core.board
        self._steering = core.steering
        self._clock = office.clock

    async def answer(self, fields: Mapping[str, str]) -> str:
        """Do what a command says and return what its asker is told."""
        first, _, rest = fields.get("text", "").strip().partition(" ")
        name = first.casefold() or "help"
        if name == "help":
            return phrases.HELP
        if fields.get("channel_id") not in self._office.settings.rooms:
            return phrases.NOT_THIS_ROOM
        try:
            return await self._known(name, rest.strip(), fields)
        except Unknown:
            return phrases.CANNOT_TELL_WHO
        except StoreUnavailable:
            return phrases.NOT_STORED

    async def _known(self, name: str, rest: str, fields: Mapping[str, str]) -> str:
        user = fields.get("user_id", "")
        person = await self._people.person(user)
        if not person.may_speak:
            return phrases.MAY_NOT_ACT
        identity = await self._people.identity()
        key = f"{DESK}:{identity.team}:command:{word(fields.get('trigger_id'))}"
        given, _, more = rest.partition(" ")
        order = Order(name, HandoffId(given.strip("`")), more, user, person, key)
        if name in self._steering:
            return await self._steering[name](rest)
        if name in ELSEWHERE:
            return f"`{name}` is not available here: {ELSEWHERE[name]}."
        act = _WORDS.get(name)
        if act is None:
            return f"I do not know that word.\n{phrases.HELP}"
        return await act(self, order)

    async def _queue(self, _: Order) -> str:
        waiting = await self._board.queue(QUEUE_LINES + 1)
        if not waiting:
            return "Nobody is waiting, and nobody has an open handoff."
        lines = [
            answers.queue_line(one.handoff, one.customer, self._link(one.thread))
            for one in waiting[:QUEUE_LINES]
        ]
        if len(waiting) > QUEUE_LINES:
            lines.append(f"There are more; these are the {QUEUE_LINES} longest waiting.")
        return "\n".join(lines)

    async def _show(self, order: Order) -> str:
        conversation = await self._board.conversation_of(order.id)
        handoff = conversation.handoff if conversation else None
        if conversation is None or handoff is None:
            return phrases.NO_SUCH_HANDOFF
        customer = conversation.customer.name or "Customer"
        told = answers.handoff_details(handoff, customer, self._link(conversation.thread))
        return told if handoff.id == order.id else f"{_superseded(order.id)}\n{told}"

    async def _act(self, order: Order) -> str:
        verb = ACTS[order.word]
        if not order.id or await self._board.conversation_of(order.id) is None:
            return phrases.NO_SUCH_HANDOFF
        target = None
        if verb is Verb.ASSIGN:
            user = whom(order.rest, order.user)
            target = await self._people.person(user) if user else None
            if target is None or not target.may_speak:
                return phrases.MAY_NOT_HAVE if target else phrases.WHOM_OF_ID
        verdict = await self._inbox.report(
            TeammateActed(
                key=order.key,
                at=self._clock.now(),
                verb=verb,
                author=order.person.author,
                handoff_id=order.id,
                target=target.author if target else None,
            )
        )
        return verdict.why if isinstance(verdict, Declined) else _done(verb, order, target)

    def _link(self, thread: ThreadRef | None) -> str:
        try:
            place = place_of(thread or "")
        except ValueError:
            return ""
        return self._office.workspace.link(place.channel, place.ts)


def _superseded(handoff_id: HandoffId) -> str:
    # A conversation has one open handoff at most, and the newest is the one it remembers.
    return f"`{handoff_id}` is over. The same conversation's newest handoff:"


_DONE = {
    Verb.CLAIM: "is yours now",
    Verb.RELEASE: "is back in the queue",
    Verb.RESOLVE: "is resolved",
    Verb.RETURN: "is back with the assistant",
}


def _done(verb: Verb, order: Order, target: Person | None) -> str:
    if target is not None:
        return f"`{order.id}` is assigned to {name_of(target.author.name, 'them')}."
    return f"`{order.id}` {_DONE[verb]}."


Answerer = Callable[[Commands, Order], Awaitable[str]]

_WORDS: dict[str, Answerer] = {
    "queue": Commands._queue,  # noqa: SLF001 - the table of this class's own words
    "show": Commands._show,  # noqa: SLF001
    **dict.fromkeys(ACTS, Commands._act),  # noqa: SLF001
}
