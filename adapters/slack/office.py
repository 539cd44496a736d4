"""What the parts of the Slack desk share, built once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from yarl import URL

from adapters.outbound import GuardedResolver
from adapters.slack.echoes import Echoes
from adapters.slack.errands import Errands
from adapters.slack.hearing import Hearing
from adapters.slack.people import People
from adapters.slack.private import Private
from adapters.slack.settings import SlackSettings
from adapters.slack.web import SlackWeb
from adapters.slack.workspace import Workspace
from adapters.wire import Wire
from bridge.ports.core import Board, Clock, Inbox, Receipts
from bridge.ports.files import Files


@dataclass(frozen=True, slots=True)
class Core:
    """What the way in is given by the core.

    `steering` are the words of `/handoff` that the program itself answers: each takes the rest of
    the command and returns what its asker is told. By `receipts` second copies of posts are known.
    `alone` is False when an event may go to another instance.
    """

    inbox: Inbox
    board: Board
    steering: Mapping[str, Callable[[str], Awaitable[str]]] = field(default_factory=dict)
    receipts: Receipts | None = None
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """What the desk is made from; session and files stay the giver's, the wire becomes its own."""

    settings: SlackSettings
    session: aiohttp.ClientSession
    files: Files
    clock: Clock
    wire: Wire | None = None

    def to_slack(self) -> Wire:
        """Return the connections to the Web API, made here unless they were given."""
        return self.wire or Wire(URL(self.settings.api_url).origin(), GuardedResolver())


@dataclass(frozen=True, slots=True)
class Office:
    """The shared parts: calls, who we are, who others are, private answers, what is heard of us."""

    given: Given
    web: SlackWeb
    workspace: Workspace
    people: People
    errands: Errands
    private: Private
    echoes: Echoes
    hearing: Hearing

    @property
    def settings(self) -> SlackSettings:
        """The settings it was made with."""
        return self.given.settings

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.given.clock

    @classmethod
    def furnish(cls, given: Given) -> Self:
        """Build the parts."""
        settings, session, clock = given.settings, given.session, given.clock
        web = SlackWeb(settings, given.to_slack(), clock)
        workspace = Workspace(web)
        people = People(web, workspace, clock, settings.allowed_people)
        errands = Errands()
        private = Private(settings, web, session, errands)
        return cls(given, web, workspace, people, errands, private, Echoes(clock), Hearing(clock))
