"""Every setting, as one row of a table: its name outside and inside, how it is read, its default.

docs/configuration.md is made from this table.
"""

from dataclasses import dataclass

from bridge.kinds import (
    Parse,
    choice,
    database,
    desks,
    listed,
    networks,
    origins,
    port,
    rate,
    seconds,
    secret,
    site,
    switch,
    text,
)


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
        database,
        "sqlite:///handoff.db",
        "`sqlite:///path` or `postgresql://…`",
    ),
    Setting("HANDOFF_HOST", "host", text, "127.0.0.1", "Address to bind"),
    Setting("HANDOFF_PORT", "port", port, "8080", "Port to bind; 0 takes a free one"),
    Setting(
        "HANDOFF_PUBLIC_URL",
        "public_url",
        site,
        "",
        "How the outside reaches the bridge; from host and port when empty",
    ),
    Setting(
        "HANDOFF_SECRET_KEY",
        "secret_key",
        secret,
        "",
        "Signs visitor tokens; the operator's token is made from it. Made once and kept beside the "
        "SQLite file; required with PostgreSQL",
    ),
    Setting(
        "HANDOFF_API_KEYS",
        "api_keys",
        listed,
        "",
        "Comma-separated keys for the bot API; without any it answers 401",
    ),
    Setting(
        "HANDOFF_ALLOWED_ORIGINS",
        "allowed_origins",
        origins,
        "",
        "Comma-separated origins of sites that may embed the widget, beside the public URL",
    ),
    Setting(
        "HANDOFF_TRUSTED_PROXIES",
        "trusted_proxies",
        networks,
        "",
        "Comma-separated networks of reverse proxies whose X-Forwarded-For is believed",
    ),
    Setting(
        "HANDOFF_IDENTITY_SECRET",
        "identity_secret",
        secret,
        "",
        "Verifies the signed identity (JWT, HS256) of known customers",
    ),
    Setting(
        "HANDOFF_DESKS",
        "desks",
        desks,
        "",
        "Comma list of `slack`, `sandbox`; when empty, Slack if any of its settings is there",
    ),
    Setting("SLACK_BOT_TOKEN", "slack_bot_token", secret, "", "Slack bot token (xoxb-…)"),
    Setting(
        "SLACK_SIGNING_SECRET",
        "slack_signing_secret",
        secret,
        "",
        "Verifies events that Slack sends over HTTP",
    ),
    Setting(
        "SLACK_APP_TOKEN",
        "slack_app_token",
        secret,
        "",
        "Slack app-level token (xapp-…): Socket Mode instead of HTTP events",
    ),
    Setting("HANDOFF_SLACK_ROOM", "slack_room", text, "", "Channel id of the support room"),
    Setting(
        "SLACK_API_URL",
        "slack_api_url",
        text,
        "https://slack.com/api/",
        "Web API base, ending in `/api/`",
    ),
    Setting(
        "HANDOFF_SLACK_FILE_HOSTS",
        "slack_file_hosts",
        listed,
        "files.slack.com",
        "Hosts from which files may be downloaded",
    ),
    Setting(
        "HANDOFF_SLACK_POSTS_PER_SECOND",
        "slack_posts_per_second",
        rate,
        "1",
        "Posts a second in one room; 0 for no pacing",
    ),
    Setting(
        "HANDOFF_SLACK_ALLOWED_PEOPLE",
        "slack_allowed_people",
        listed,
        "",
        "User ids of guests and outside members who may answer customers",
    ),
    Setting(
        "HANDOFF_ASSISTANT",
        "assistant",
        text,
        "faq",
        "`faq`, `openai`, `webhook`, `python:package.module:function`, `scripted:FILE` or `none`",
    ),
    Setting(
        "HANDOFF_ASSISTANT_NAME",
        "assistant_name",
        text,
        "Assistant",
        "Name the assistant's messages are shown under",
    ),
    Setting(
        "HANDOFF_FAQ_DIR",
        "faq_dir",
        text,
        "",
        "Folder of Markdown files the FAQ assistant answers from; the demo's when empty",
    ),
    Setting("OPENAI_BASE_URL", "openai_base_url", text, "", "Any OpenAI-compatible server"),
    Setting("OPENAI_API_KEY", "openai_api_key", secret, "", "Its key"),
    Setting("HANDOFF_ASSISTANT_MODEL", "assistant_model", text, "", "Its model"),
    Setting(
        "HANDOFF_ASSISTANT_PROMPT",
        "assistant_prompt",
        text,
        "",
        "Instructions for the language model in place of the built-in ones",
    ),
    Setting(
        "HANDOFF_ASSISTANT_URL", "assistant_url", text, "", "Where an outside assistant is asked"
    ),
    Setting(
        "HANDOFF_WEBHOOK_URL",
        "webhook_url",
        text,
        "",
        "Where events are sent as signed webhooks; none when empty. Wants `HANDOFF_WEBHOOK_SECRET`",
    ),
    Setting(
        "HANDOFF_WEBHOOK_SECRET",
        "webhook_secret",
        secret,
        "",
        "Signs outgoing webhooks and questions to an outside assistant; make one with "
        "`echo whsec_$(openssl rand -base64 32)`",
    ),
    Setting("HANDOFF_RATE_LIMITS", "rate_limits", switch, "on", "`on` or `off` (benchmarks)"),
    Setting(
        "HANDOFF_SETTLE_SECONDS",
        "settle_seconds",
        seconds,
        "30",
        "How long a post in doubt may stay invisible at the desk before it is sent again",
    ),
    Setting(
        "HANDOFF_LOG_FORMAT",
        "log_format",
        choice("", "json", "text"),
        "",
        "`json` or `text`; `json` when not at a terminal",
    ),
    Setting(
        "HANDOFF_LOG_LEVEL",
        "log_level",
        choice("debug", "info", "warning", "error"),
        "info",
        "`debug`, `info`, `warning` or `error`",
    ),
)
