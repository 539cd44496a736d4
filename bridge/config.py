"""Settings: read once from the environment and `handoff.toml`, checked all together, then values.

The environment wins over the file. Every setting is one row of `SETTINGS`, from which
docs/configuration.md is made; nothing else in the program reads the environment.
"""

import os
import secrets
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from bridge.domain.errors import ConfigurationError
from bridge.kinds import Secret
from bridge.names import CONFIG, VARIABLES, setting_of, unknown_in_file, unknown_variables
from bridge.settings import SETTINGS, Setting

SECRET_BYTES = 32
SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings as values; see `SETTINGS` for what each means.

    `file` is where handoff.toml is, or would be if somebody made it; None where none is read.
    """

    database_url: str
    host: str
    port: int
    public_url: str
    secret_key: Secret
    api_keys: tuple[str, ...] = field(repr=False)
    allowed_origins: tuple[str, ...]
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
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
    assistant_prompt: str
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
    environment: Mapping[str, str] | None = None,
    *,
    look_for_file: bool = True,
    further: Callable[[Settings], list[str]] = lambda _: [],
) -> Settings:
    """Return the settings; raises `ConfigurationError` with every problem found.

    Nothing is made: a secret key that was not given is still empty, see `with_key`. `further`
    returns what else is wrong with settings; it is asked only when something is wrong already, so
    that all of it is told together, and takes a setting that cannot be read to be its default.
    """
    env = os.environ if environment is None else environment
    problems: list[str] = []
    path, table = _read_file(env, problems) if look_for_file else (None, {})
    given = {
        setting.variable: _written(value)
        for key, value in (table or {}).items()
        if not isinstance(value, dict) and (setting := setting_of(key)) is not None
    }
    # What calls this by way of Compose or a unit file hands on as empty what was never set.
    written = {name: value for name, value in env.items() if value.strip()}
    values = {s.name: _value(s, {**given, **written}, problems) for s in SETTINGS}
    policy = (table or {}).get("policy", {})
    settings = Settings(
        **values,  # type: ignore[arg-type]
        file=path,
        policy=policy if isinstance(policy, dict) else {},
    )
    # Of a file that cannot be read everything would seem to be missing.
    judged = VARIABLES if table is not None else frozenset(written)
    problems += _not_said_yet(problems, _together(settings), judged)
    if problems:
        problems += _not_said_yet(problems, further(settings), judged)
        raise ConfigurationError(problems)
    return settings


def _not_said_yet(said: list[str], more: list[str], judged: frozenset[str]) -> list[str]:
    """Return those of more problems that are about no setting of which something was said.

    What is about settings is left out unless one of them is among the `judged`.
    """
    named = {name for problem in said for name in _named(problem)}
    new = [problem for problem in more if problem not in said and not named & _named(problem)]
    return [problem for problem in new if _named(problem) <= judged]


def _named(problem: str) -> set[str]:
    return set(problem.partition(":")[0].split()) & VARIABLES


def misspelt(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return one sentence for each variable that looks like a setting and is none."""
    return unknown_variables(os.environ if environment is None else environment)


def _written(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _read_file(
    env: Mapping[str, str], problems: list[str]
) -> tuple[Path, dict[str, object] | None]:
    """Return where the file is, and what stands in it; None when that cannot be read."""
    named = env.get(CONFIG, "")
    path = Path(named or "handoff.toml")
    if not path.exists():
        if named:
            problems.append(f"HANDOFF_CONFIG: there is no file {named}")
        return path, None if named else {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        problems.append(f"HANDOFF_CONFIG: {path} cannot be read: {problem}")
        return path, None
    problems.extend(unknown_in_file(table, path))
    return path, table


def _value(setting: Setting, given: Mapping[str, str], problems: list[str]) -> object:
    raw = given.get(setting.variable, "") or setting.default
    try:
        return setting.parse(raw)
    except ValueError as problem:
        problems.append(f"{setting.variable}: {problem}")
        return setting.parse(setting.default)


def _together(settings: Settings) -> list[str]:
    """Return the problems of settings that do not fit each other."""
    problems = []
    if settings.database_url.startswith("postgres") and not settings.secret_key:
        problems.append(
            "HANDOFF_SECRET_KEY: required with PostgreSQL, the same for every instance; "
            'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    for secret, variable in (
        (settings.secret_key, "HANDOFF_SECRET_KEY"),
        (settings.identity_secret, "HANDOFF_IDENTITY_SECRET"),
    ):
        if secret and len(secret) < SHORTEST_SECRET:
            problems.append(f"{variable}: too short; use {SHORTEST_SECRET} characters or more")
    if settings.assistant == "webhook" and not settings.assistant_url:
        problems.append("HANDOFF_ASSISTANT_URL: required when HANDOFF_ASSISTANT is webhook")
    return problems


def with_key(settings: Settings) -> Settings:
    """Return the settings with a secret key: the one given, or one kept beside the SQLite file.

    The first time it is made, and the folder with it.
    """
    if settings.secret_key:
        return settings
    path = _key_path(settings)
    key = _kept_key(path) if path else secrets.token_urlsafe(SECRET_BYTES)
    return replace(settings, secret_key=Secret(key))


def key_problems(settings: Settings) -> list[str]:
    """Return why `with_key` would fail. Makes nothing."""
    path = _key_path(settings)
    if settings.secret_key or path is None:
        return []
    if path.exists():
        try:
            _read_key(path)
        except ConfigurationError as error:
            return list(error.problems)
        return []
    folder = next(parent for parent in path.parents if parent.exists())
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    return [f"HANDOFF_DATABASE_URL: cannot write in {path.parent}; name a folder that can be used"]


def _key_path(settings: Settings) -> Path | None:
    path = sqlite_path(settings.database_url)
    return path.with_suffix(".key") if path else None


def _read_key(path: Path) -> str:
    try:
        kept = path.read_text(encoding="utf-8", errors="ignore").strip()
    except OSError as problem:
        message = f"HANDOFF_SECRET_KEY: {path} cannot be read: {problem.strerror}; or set one"
        raise ConfigurationError([message]) from problem
    if len(kept) < SHORTEST_SECRET:
        message = f"HANDOFF_SECRET_KEY: {path} holds no usable key; set one or remove the file"
        raise ConfigurationError([message])
    return kept


def _kept_key(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
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
