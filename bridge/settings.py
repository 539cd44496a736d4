"""Every setting, as one row of a table: its name outside and inside, how it is read, its default.

docs/configuration.md is made from this table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

Parse = Callable[[str], object]

HIGHEST_PORT = 65535


class Secret(str):
    """A string that prints as stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


def _text(value: str) -> str:
    return value.strip()


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part) for part in _list(value))


def _port(value: str) -> int:
    port = int(value)
    if not 0 <= port <= HIGHEST_PORT:
        message = f"expected a number from 0 to {HIGHEST_PORT}"
        raise ValueError(message)
    return port


def _seconds(value: str) -> float:
    seconds = float(value)
    if not 0 <= seconds < float("inf"):
        message = "expected a number of seconds, 0 or more"
        raise ValueError(message)
    return seconds


def _rate(value: str) -> float | None:
    rate = float(value or 0)
    if not 0 <= rate < float("inf"):
        message = "expected posts per second, or 0 for no pacing"
        raise ValueError(message)
    return rate or None


def _switch(value: str) -> bool:
    words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    if value.strip().lower() not in words:
        message = "expected on or off"
        raise ValueError(message)
    return words[value.strip().lower()]


def _secret(value: str) -> Secret:
    return Secret(value.strip())


def _choice(*choices: str) -> Parse:
    def parse(value: str) -> str:
        if value.strip().lower() not in choices:
            message = f"expected one of {', '.join(choices)}"
            raise ValueError(message)
        return value.strip().lower()

    return parse


def _desks(value: str) -> tuple[str, ...]:
    unknown = set(_list(value)) - {"slack", "sandbox"}
    if unknown:
        message = f"unknown desk {', '.join(sorted(unknown))}; expected slack or sandbox"
        raise ValueError(message)
    return _list(value)


def _database(value: str) -> str:
    scheme = urlsplit(value.strip()).scheme
    if scheme not in {"sqlite", "postgresql", "postgres"}:
        message = "expected sqlite:///path or postgresql://…"
        raise ValueError(message)
    return value.strip()


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name outside and inside, how it is read, its default, what it means."""

    variable: str
    name: str
    parse: Parse
    default: str
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "HANDOFF_DATABASE_URL",
        "database_url",
        _database,
        "sqlite:///handoff.db",
        "`sqlite:///path` or `postgresql://…`",
    ),
    Setting("HANDOFF_HOST", "host", _text, "127.0.0.1", "Address to bind"),
    Setting("HANDOFF_PORT", "port", _port, "8080", "Port to bind; 0 takes a free one"),
    Setting(
        "HANDOFF_PUBLIC_URL",
        "public_url",
        _text,
        "",
        "How the outside reaches the bridge; from host and port when empty",
    ),
    Setting(
        "HANDOFF_SECRET_KEY",
        "secret_key",
        _secret,
        "",
        "Signs visitor tokens; the operator's token is made from it. Made once and kept beside the "
        "SQLite file; required with PostgreSQL",
    ),
    Setting(
        "HANDOFF_API_KEYS",
        "api_keys",
        _list,
        "",
        "Comma-separated keys for the bot API; without any it answers 401",
    ),
    Setting(
        "HANDOFF_ALLOWED_ORIGINS",
        "allowed_origins",
        _list,
        "",
        "Comma-separated origins of sites that may embed the widget, beside the public URL",
    ),
    Setting(
        "HANDOFF_TRUSTED_PROXIES",
        "trusted_proxies",
        _networks,
        "",
        "Comma-separated networks of reverse proxies whose X-Forwarded-For is believed",
    ),
    Setting(
        "HANDOFF_IDENTITY_SECRET",
        "identity_secret",
        _secret,
        "",
        "Verifies the signed identity (JWT, HS256) of known customers",
    ),
    Setting(
        "HANDOFF_DESKS",
        "desks",
        _desks,
        "",
        "Comma list of `slack`, `sandbox`; those whose credentials are present when empty",
    ),
    Setting("SLACK_BOT_TOKEN", "slack_bot_token", _secret, "", "Slack bot token (xoxb-…)"),
    Setting(
        "SLACK_SIGNING_SECRET",
        "slack_signing_secret",
        _secret,
        "",
        "Verifies events that Slack sends over HTTP",
    ),
    Setting(
        "SLACK_APP_TOKEN",
        "slack_app_token",
        _secret,
        "",
        "Slack app-level token (xapp-…): Socket Mode instead of HTTP events",
    ),
    Setting("HANDOFF_SLACK_ROOM", "slack_room", _text, "", "Channel id of the support room"),
    Setting(
        "SLACK_API_URL",
        "slack_api_url",
        _text,
        "https://slack.com/api/",
        "Web API base, ending in `/api/`",
    ),
    Setting(
        "HANDOFF_SLACK_FILE_HOSTS",
        "slack_file_hosts",
        _list,
        "files.slack.com",
        "Hosts from which files may be downloaded",
    ),
    Setting(
        "HANDOFF_SLACK_POSTS_PER_SECOND",
        "slack_posts_per_second",
        _rate,
        "1",
        "Posts a second in one room; 0 for no pacing",
    ),
    Setting(
        "HANDOFF_SLACK_ALLOWED_PEOPLE",
        "slack_allowed_people",
        _list,
        "",
        "User ids of guests and outside members who may answer customers",
    ),
    Setting(
        "HANDOFF_ASSISTANT",
        "assistant",
        _text,
        "faq",
        "`faq`, `openai`, `webhook`, `python:package.module:function`, `scripted:FILE` or `none`",
    ),
    Setting(
        "HANDOFF_ASSISTANT_NAME",
        "assistant_name",
        _text,
        "Assistant",
        "Name the assistant's messages are shown under",
    ),
    Setting(
        "HANDOFF_FAQ_DIR",
        "faq_dir",
        _text,
        "",
        "Folder of Markdown files the FAQ assistant answers from; the demo's when empty",
    ),
    Setting("OPENAI_BASE_URL", "openai_base_url", _text, "", "Any OpenAI-compatible server"),
    Setting("OPENAI_API_KEY", "openai_api_key", _secret, "", "Its key"),
    Setting("HANDOFF_ASSISTANT_MODEL", "assistant_model", _text, "", "Its model"),
    Setting(
        "HANDOFF_ASSISTANT_PROMPT",
        "assistant_prompt",
        _text,
        "",
        "Instructions for the language model in place of the built-in ones",
    ),
    Setting(
        "HANDOFF_ASSISTANT_URL", "assistant_url", _text, "", "Where an outside assistant is asked"
    ),
    Setting(
        "HANDOFF_WEBHOOK_URL",
        "webhook_url",
        _text,
        "",
        "Where events are sent as signed webhooks; none when empty",
    ),
    Setting(
        "HANDOFF_WEBHOOK_SECRET",
        "webhook_secret",
        _secret,
        "",
        "Signs outgoing webhooks and questions to an outside assistant",
    ),
    Setting("HANDOFF_RATE_LIMITS", "rate_limits", _switch, "on", "`on` or `off` (benchmarks)"),
    Setting(
        "HANDOFF_SETTLE_SECONDS",
        "settle_seconds",
        _seconds,
        "30",
        "How long a post in doubt may stay invisible at the desk before it is sent again",
    ),
    Setting(
        "HANDOFF_LOG_FORMAT",
        "log_format",
        _choice("", "json", "text"),
        "",
        "`json` or `text`; `json` when not at a terminal",
    ),
    Setting(
        "HANDOFF_LOG_LEVEL",
        "log_level",
        _choice("debug", "info", "warning", "error"),
        "info",
        "`debug`, `info`, `warning` or `error`",
    ),
)
