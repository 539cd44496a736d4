"""Settings: read once from the environment and `handoff.toml`, checked all together, then values.

The environment wins over the file. Every setting is one row of `SETTINGS`, from which
docs/configuration.md is made; nothing else in the program reads the environment.
"""

import os
import secrets
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from bridge.domain.errors import ConfigurationError

Parse = Callable[[str], object]

SECRET_BYTES = 32
SHORTEST_SECRET = 16
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
        "Signs visitor tokens. Made once and kept beside the SQLite file; required with PostgreSQL",
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


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings as values; see `SETTINGS` for what each means."""

    database_url: str
    host: str
    port: int
    public_url: str
    secret_key: Secret
    api_keys: tuple[str, ...] = field(repr=False)
    allowed_origins: tuple[str, ...]
    identity_secret: Secret
    desks: tuple[str, ...]
    slack_bot_token: Secret
    slack_signing_secret: Secret
    slack_app_token: Secret
    slack_room: str
    slack_api_url: str
    slack_file_hosts: tuple[str, ...]
    slack_posts_per_second: float | None
    slack_allowed_people: tuple[str, ...]
    assistant: str
    assistant_name: str
    faq_dir: str
    openai_base_url: str
    openai_api_key: Secret
    assistant_model: str
    assistant_url: str
    webhook_url: str
    webhook_secret: Secret
    rate_limits: bool
    settle_seconds: float
    log_format: str
    log_level: str
    file: "Path | None" = None
    policy: dict[str, object] = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        """The folder of the SQLite file, or the working directory: files and keys live there."""
        path = sqlite_path(self.database_url)
        return path.parent if path else Path.cwd()


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite address; None for memory and other databases."""
    if not url.startswith("sqlite:///") or url.endswith((":memory:", "sqlite:///")):
        return None
    return Path(url.removeprefix("sqlite:///")).absolute()


def read_settings(
    environment: Mapping[str, str] | None = None, *, look_for_file: bool = True
) -> Settings:
    """Return the settings; raises `ConfigurationError` with every problem found."""
    env = os.environ if environment is None else environment
    problems: list[str] = []
    path, table = _read_file(env, problems) if look_for_file else (None, {})
    known = {setting.variable for setting in SETTINGS}
    flat = {key: value for key, value in table.items() if not isinstance(value, dict)}
    problems.extend(
        f"{key}: no such setting in {path}; see docs/configuration.md"
        for key in flat
        if _variable(key) not in known
    )
    given = {_variable(key): _written(value) for key, value in flat.items()}
    values = {s.name: _value(s, {**given, **env}, problems) for s in SETTINGS}
    if not problems:
        problems.extend(_together(values))
    if problems:
        raise ConfigurationError(problems)
    policy = table.get("policy", {})
    settings = Settings(
        **values,  # type: ignore[arg-type]
        file=path,
        policy=policy if isinstance(policy, dict) else {},
    )
    return with_key(settings)


def _variable(key: str) -> str:
    upper = key.upper()
    return upper if upper.startswith(("HANDOFF_", "SLACK_", "OPENAI_")) else f"HANDOFF_{upper}"


def _written(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _read_file(
    env: Mapping[str, str], problems: list[str]
) -> tuple[Path | None, dict[str, object]]:
    named = env.get("HANDOFF_CONFIG", "")
    path = Path(named or "handoff.toml")
    if not path.exists():
        if named:
            problems.append(f"HANDOFF_CONFIG: there is no file {named}")
        return None, {}
    try:
        return path, tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        problems.append(f"HANDOFF_CONFIG: {path} cannot be read: {problem}")
        return path, {}


def _value(setting: Setting, given: Mapping[str, str], problems: list[str]) -> object:
    raw = given.get(setting.variable, "") or setting.default
    try:
        return setting.parse(raw)
    except ValueError as problem:
        problems.append(f"{setting.variable}: {problem}")
        return None


def _together(values: Mapping[str, object]) -> list[str]:
    """Return the problems of settings that do not fit each other."""
    problems = []
    postgres = str(values["database_url"]).startswith("postgres")
    if postgres and not values["secret_key"]:
        problems.append(
            "HANDOFF_SECRET_KEY: required with PostgreSQL, the same for every instance; "
            'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    for name, variable in (
        ("secret_key", "HANDOFF_SECRET_KEY"),
        ("identity_secret", "HANDOFF_IDENTITY_SECRET"),
    ):
        secret = str(values[name])
        if secret and len(secret) < SHORTEST_SECRET:
            problems.append(f"{variable}: too short; use {SHORTEST_SECRET} characters or more")
    for origin in (*_origins(values["allowed_origins"]), str(values["public_url"])):
        parts = urlsplit(origin)
        if origin and (parts.scheme not in {"http", "https"} or not parts.netloc):
            problems.append(
                "HANDOFF_ALLOWED_ORIGINS / HANDOFF_PUBLIC_URL: "
                f"{origin!r} is not an origin such as https://shop.example"
            )
    if values["assistant"] == "webhook" and not values["assistant_url"]:
        problems.append("HANDOFF_ASSISTANT_URL: required when HANDOFF_ASSISTANT is webhook")
    return problems


def _origins(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def with_key(settings: Settings) -> Settings:
    """Return the settings with a secret key: the one given, or one kept beside the SQLite file."""
    if settings.secret_key:
        return settings
    path = sqlite_path(settings.database_url)
    key = _kept_key(path.with_suffix(".key")) if path else secrets.token_urlsafe(SECRET_BYTES)
    changed = {f.name: getattr(settings, f.name) for f in fields(settings)}
    return Settings(**{**changed, "secret_key": Secret(key)})


def _kept_key(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = path.read_text(encoding="utf-8").strip()
        if len(kept) < SHORTEST_SECRET:
            message = f"HANDOFF_SECRET_KEY: {path} holds no usable key; set one or remove the file"
            raise ConfigurationError([message]) from None
        return kept
    except OSError as problem:
        message = f"HANDOFF_DATABASE_URL: cannot write in {path.parent}: {problem.strerror}"
        raise ConfigurationError([message]) from problem
    key = secrets.token_urlsafe(SECRET_BYTES)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def log_style(settings: Settings) -> str:
    """Return `json` or `text`: as set, or by whether a person watches."""
    return settings.log_format or ("text" if sys.stderr.isatty() else "json")
