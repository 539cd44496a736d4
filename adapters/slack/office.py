"""What the parts of the Slack desk share, built once."""

from dataclasses import dataclass
from typing import Self

import aiohttp

from adapters.slack.errands import Errands
from adapters.slack.people import People
from adapters.slack.private import Private
from adapters.slack.settings import SlackSettings
from adapters.slack.web import SlackWeb
from adapters.slack.workspace import Workspace
from bridge.ports.core import Board, Clock, Inbox
from bridge.ports.files import Files


@dataclass(frozen=True, slots=True)
class Core:
    """What the core gives to the desk."""

    inbox: Inbox
    board: Board
    files: Files
    clock: Clock


@dataclass(frozen=True, slots=True)
class Office:
    """The shared parts: calls, who we are, who others are, private answers, errands."""

    settings: SlackSettings
    session: aiohttp.ClientSession
    core: Core
    web: SlackWeb
    workspace: Workspace
    people: People
    errands: Errands
    private: Private

    @classmethod
    def furnish(cls, settings: SlackSettings, session: aiohttp.ClientSession, core: Core) -> Self:
        """Build the parts around the session, which stays the giver's."""
        web = SlackWeb(settings, session, core.clock)
        workspace = Workspace(web)
        people = People(web, workspace, core.clock, settings.allowed_people)
        errands = Errands()
        private = Private(settings, web, session, errands)
        return cls(settings, session, core, web, workspace, people, errands, private)
