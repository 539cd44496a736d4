"""How a call to Slack ended, told in the three ways a delivery can fail.

An error code of Slack's is a row of a table. What is in no table was refused by Slack by name,
so it surely had no effect. What may have had one is `Uncertain`, because Slack knows no
idempotency key. https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

import aiohttp

from bridge.domain.errors import DeliveryError, Refused, TryAgain, Uncertain

LONGEST_WAIT = 600.0
"""A `Retry-After` above this is cut, so that no typing error at the other end stops us for days."""

SHORTEST_WAIT = 1.0
"""What is waited when Slack says "too many" without a usable time."""

TOO_MANY = frozenset({"ratelimited", "rate_limited"})
LATER = {"message_limit_exceeded": 300.0, "team_added_to_org": 300.0}
PERHAPS_DONE = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
LOST_THREAD = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})
TOKEN = frozenset(
    {
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "org_login_required",
        "ekm_access_denied",
    }
)

MENDS = {
    "channel_not_found": "check HANDOFF_SLACK_ROOM, and that the app belongs to that workspace",
    "not_in_channel": "invite the bot: /invite @its-name in the room",
    "is_archived": "unarchive the room, or set another HANDOFF_SLACK_ROOM",
    "restricted_action": "a workspace setting forbids this there; ask an admin",
    "no_permission": "see that the bot is in the room and may do this there; ask an admin",
    "missing_scope": "reinstall the app with the scopes of manifest.yml",
    **dict.fromkeys(TOKEN, "SLACK_BOT_TOKEN is not valid any more; reinstall the app"),
}

BROKEN_OFF = (aiohttp.ClientError, TimeoutError, OSError)
"""How a call beside the Web API (a file, an answer to a click) can end without a status."""


class SlackRefused(Refused):
    """A refusal with Slack's own code, for those in this package who handle some of them."""

    def __init__(self, code: str, why: str, *, lost_thread: bool = False) -> None:
        super().__init__(why, lost_thread=lost_thread)
        self.code = code


def from_status(status: int, retry_after: str | None) -> DeliveryError | None:
    """Return what an HTTP status alone says, or None when the body has to tell."""
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        return TryAgain("Slack asks to slow down", seconds_of(retry_after))
    if status >= 500 or status == 408:  # noqa: PLR2004 - server errors, Request Timeout
        return Uncertain(f"Slack answered HTTP {status}")
    if status >= 300:  # noqa: PLR2004 - not a success
        return Refused(f"Slack answered HTTP {status}, as its Web API never does")
    return None


def from_code(code: str, retry_after: str | None = None) -> DeliveryError:
    """Return what an error code in Slack's answer means."""
    if code in TOO_MANY:
        return TryAgain("Slack asks to slow down", seconds_of(retry_after))
    if code in LATER:
        return TryAgain(f"Slack answered {code}", LATER[code])
    if code in PERHAPS_DONE:
        return Uncertain(f"Slack answered {code}")
    mend = MENDS.get(code)
    why = f"Slack refused: {code}; {mend}" if mend else f"Slack refused: {code}"
    return SlackRefused(code, why, lost_thread=code in LOST_THREAD)


def seconds_of(retry_after: str | None) -> float:
    """Return the seconds a `Retry-After` header asks for, within reason."""
    text = (retry_after or "").strip()
    asked = float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0  # noqa: PLR2004 - digits of a sane number
    return min(max(asked, SHORTEST_WAIT), LONGEST_WAIT)
