"""What `handoff doctor` asks of Slack: is the token good, are the scopes there, is the bot in."""

from adapters.slack.errors import SlackRefused
from adapters.slack.office import Office
from adapters.slack.settings import SLACK_API
from bridge.domain.errors import DeliveryError

SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.customize",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "pins:write",
    "reactions:write",
    "users:read",
)
"""Every scope a call or an event of ours needs; manifest.yml asks for the same."""


async def check(office: Office) -> list[str]:
    """Return one sentence for each problem, naming the setting and the mend."""
    try:
        identity = await office.workspace.ask()
    except SlackRefused as error:
        return [f"SLACK_BOT_TOKEN: {error.why}"]
    except DeliveryError as error:
        return [_not_asked(office.settings.api_url, error)]
    problems = []
    missing = [scope for scope in SCOPES if scope not in identity.scopes]
    if identity.scopes and missing:
        problems.append(
            f"SLACK_BOT_TOKEN: it lacks the scopes {', '.join(missing)};"
            " update the app from manifest.yml and reinstall it"
        )
    for room in sorted(office.settings.rooms):
        problems += await _room(office, room)
    return problems


def _not_asked(api_url: str, error: DeliveryError) -> str:
    """Return why Slack said nothing of the token, which is not to blame for it."""
    why = str(error)
    if api_url != SLACK_API:
        return f"SLACK_API_URL: {why}; is {api_url} the address?"
    return f"{why[:1].upper()}{why[1:]}; check this machine's way to the internet, and try again"


async def _room(office: Office, room: str) -> list[str]:
    name = f"HANDOFF_SLACK_ROOM: {room}"
    try:
        answer = await office.web.ask("conversations.info", channel=room)
    except SlackRefused as error:
        return [f"{name}: {error.why}"]
    except DeliveryError as error:
        return [f"{name}: it could not be checked: {error}"]
    channel = answer.get("channel") or {}
    if channel.get("is_archived"):
        return [f"{name} is archived; unarchive it or set another room"]
    if not channel.get("is_member", True):
        return [f"{name}: the bot is not in it; invite it with /invite in that channel"]
    return []
