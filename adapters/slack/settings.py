"""What the Slack desk must be told, and what is wrong with it in words a person can act on."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

SLACK_API = "https://slack.com/api/"
MEBIBYTE = 1024 * 1024

_TOKEN = re.compile(r"[!-~]{1,400}")
_ROOM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLACEHOLDERS = frozenset(
    {"changeme", "change-me", "placeholder", "todo", "xxx", "your-signing-secret"}
)


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """Settings of one workspace.

    `posts_per_second` None or 0 turns all pacing off. `allowed_people` are user ids of guests and
    outside members whose words are relayed all the same. `more_rooms` are rooms beside `room` in
    which `/handoff` is answered. `note_words` begin a note when a colon follows; `timeout` is
    how many seconds a call may take.
    """

    bot_token: str
    room: str
    signing_secret: str = ""
    app_token: str = ""
    api_url: str = SLACK_API
    file_hosts: frozenset[str] = frozenset({"files.slack.com"})
    posts_per_second: float | None = 1.0
    allowed_people: frozenset[str] = frozenset()
    more_rooms: frozenset[str] = frozenset()
    note_words: tuple[str, ...] = ("note", "private")
    max_file_bytes: int = 25 * MEBIBYTE
    app_id: str = ""
    timeout: float = 10.0

    @property
    def rooms(self) -> frozenset[str]:
        """All support rooms."""
        return self.more_rooms | {self.room}

    @property
    def response_hosts(self) -> frozenset[str]:
        """Hosts a `response_url` may name: Slack's, and that of a Web API base set by hand."""
        if self.api_url == SLACK_API:
            return frozenset({"hooks.slack.com"})
        return frozenset({"hooks.slack.com", urlsplit(self.api_url).netloc})

    def problems(self) -> list[str]:
        """Return one sentence for each setting that cannot be used, beginning with its name."""
        return [check.told(self) for check in _CHECKS if not check.holds(self)]


@dataclass(frozen=True, slots=True)
class _Check:
    name: str
    holds: Callable[[SlackSettings], bool]
    expected: str
    mend: str = ""
    value: Callable[[SlackSettings], str] | None = None

    def told(self, settings: SlackSettings) -> str:
        """Return what is wrong and how to mend it; a `value` that is empty is called missing."""
        is_missing = self.value is not None and not self.value(settings).strip()
        wrong = "it is missing" if is_missing else self.expected
        return "; ".join(part for part in (f"{self.name}: {wrong}", self.mend) if part)


def _is_token(token: str, *wrong_kinds: str) -> bool:
    return _TOKEN.fullmatch(token) is not None and not token.startswith(wrong_kinds)


def _is_secret(secret: str) -> bool:
    return _TOKEN.fullmatch(secret) is not None and secret.casefold() not in _PLACEHOLDERS


def _is_base(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and url.endswith("/api/")


_CHECKS = (
    _Check(
        "SLACK_BOT_TOKEN",
        lambda s: _is_token(s.bot_token, "xapp-", "xoxp-"),
        "expected a bot token",
        "copy the bot token (xoxb-…) from the app's page, OAuth & Permissions",
        lambda s: s.bot_token,
    ),
    _Check(
        "HANDOFF_SLACK_ROOM",
        lambda s: all(_ROOM.fullmatch(room) for room in s.rooms),
        "expected a channel id",
        "an id such as C0123456789 stands at the end of the channel's details",
        lambda s: s.room,
    ),
    _Check(
        "SLACK_SIGNING_SECRET",
        lambda s: bool(s.app_token) or _is_secret(s.signing_secret),
        "expected a secret, not a placeholder",
        "copy it from the app's page, Basic Information, or set SLACK_APP_TOKEN to use Socket Mode",
        lambda s: s.signing_secret,
    ),
    _Check(
        "SLACK_APP_TOKEN",
        lambda s: not s.app_token or _is_token(s.app_token, "xoxb-", "xoxp-"),
        "expected an app-level token (xapp-…); leave it empty to receive events over HTTP",
    ),
    _Check(
        "SLACK_API_URL",
        lambda s: _is_base(s.api_url),
        "expected an http or https address ending in /api/",
    ),
    _Check(
        "HANDOFF_SLACK_POSTS_PER_SECOND",
        lambda s: s.posts_per_second is None or s.posts_per_second >= 0,
        "expected a positive number, or 0 for no pacing",
    ),
)
