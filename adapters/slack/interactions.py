"""Clicks, modals and slash commands, dispatched by bolt after our own verification.

bolt gets requests that were verified already, asks Slack nothing to authorise them, and answers
only after the listener is done.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import phrases
from adapters.slack.actions import NOTE_MODAL, PREFIX, Actions
from adapters.slack.commands import COMMAND, Commands
from adapters.slack.office import Core, Office

Json = Mapping[str, Any]
Answer = tuple[int, object]

KINDS = frozenset({"block_actions", "view_submission"})
"""What is done; bolt never sees the rest."""

MISSHAPEN: Answer = (400, "the payload has not the shape of its type")

_OBJECTS = ("team", "enterprise", "user", "channel", "container", "message", "view")

bolt_log = logging.getLogger(f"{__name__}.bolt")


class Interactions:
    """What people do with our buttons, modals and command."""

    def __init__(self, office: Office, core: Core) -> None:
        self._office = office
        self._actions = Actions(office, core)
        self._commands = Commands(office, core)
        self._app = self._bolt()

    def _bolt(self) -> AsyncApp:
        settings = self._office.settings
        client = AsyncWebClient(
            token=settings.bot_token,
            base_url=settings.api_url,
            session=self._office.given.session,
            retry_handlers=[],
        )
        bolt_log.setLevel(logging.ERROR)

        async def authorize() -> AuthorizeResult:
            return await self._authorize()  # bolt looks at the arguments and would fill in `self`

        app = AsyncApp(
            logger=bolt_log,
            name="handoff-bridge",
            client=client,
            authorize=authorize,
            process_before_response=True,
            request_verification_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
        )
        app.action(re.compile(f"^{PREFIX}"))(self._clicked)
        app.view(NOTE_MODAL)(self._submitted)
        app.command(COMMAND)(self._command)
        return app

    async def _authorize(self) -> AuthorizeResult:
        identity = await self._office.people.identity()
        return AuthorizeResult(
            enterprise_id=None,
            team_id=identity.team,
            bot_token=self._office.settings.bot_token,
            bot_id=identity.bot_id,
            bot_user_id=identity.bot_user,
        )

    async def interact(self, body: Json) -> Answer:
        """Take a click or a modal; a kind nobody asked for is answered 200 as well."""
        if not has_shape(body):
            return MISSHAPEN
        if body["type"] not in KINDS:
            return 200, None
        return await self._dispatch(body)

    async def command(self, fields: Json) -> Answer:
        """Take a slash command; the answer is what its asker sees."""
        return await self._dispatch(fields)

    async def put_off(self, body: Json) -> Answer:
        """Take what cannot be judged now: Slack does not repeat it, so whoever did it is told."""
        if body.get("command") == COMMAND:
            return 200, {"response_type": "ephemeral", "text": phrases.SLACK_SILENT}
        if not has_shape(body):
            return MISSHAPEN
        view = body.get("view") or {}
        if body["type"] == "view_submission" and view.get("callback_id") == NOTE_MODAL:
            return 200, {"response_action": "errors", "errors": {"note": phrases.SLACK_SILENT}}
        if body["type"] == "block_actions":
            url = str(body.get("response_url") or "")
            await self._office.private.answer(url, phrases.SLACK_SILENT)
        return 200, None

    async def _dispatch(self, body: Json) -> Answer:
        request = AsyncBoltRequest(mode="socket_mode", body=dict(body))
        response = await self._app.async_dispatch(request)
        if response.status == 404:  # noqa: PLR2004 - no listener: nothing of ours
            return 200, None
        if response.status >= 500:  # noqa: PLR2004 - the listener failed
            return 503, None
        return response.status, response.body or None

    async def _clicked(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._actions.clicked(body)
        await ack()

    async def _submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        why = await self._actions.submitted(body)
        if why:
            await ack(response_action="errors", errors={"note": why})
        else:
            await ack()

    async def _command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(text=await self._commands.answer(body), response_type="ephemeral")


def has_shape(body: Json) -> bool:
    """Whether a payload is of the shape that bolt takes for granted, and fails without."""
    kind = body.get("type")
    if any(not isinstance(body.get(name), dict | None) for name in _OBJECTS):
        return False
    if kind == "block_actions":
        actions = body.get("actions")
        return isinstance(actions, list) and bool(actions) and all(map(_is_action, actions))
    if kind == "view_submission":
        view = body.get("view") or {}
        return all(isinstance(view.get(name), str) for name in ("type", "callback_id"))
    return isinstance(kind, str)


def _is_action(action: object) -> bool:
    return isinstance(action, dict) and isinstance(action.get("action_id"), str)
