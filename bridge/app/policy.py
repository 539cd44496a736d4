"""The policy in force: read from `handoff.toml`, read again on request, never half replaced."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.clock import SystemClock
from bridge.config import Settings, read_settings
from bridge.domain.errors import ConfigurationError
from bridge.domain.policy import Policy, default_policy, parse_policy
from bridge.domain.rules import Rules, Waits
from bridge.names import CONFIG, unknown_in_file


class PolicyFile:
    """Holds the policy; a file that cannot be used leaves the running one in force."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.file
        self._was_read = False
        self._version = 0
        self.waits = Waits()
        self.on_call = ""
        self.current: Policy = default_policy()
        self.reload()

    def reload(self) -> str:
        """Read the file again, or for the first time; returns the version now in force.

        Raises `ConfigurationError` with every problem, each with its line.
        """
        path = self._path
        if path is None or not (self._was_read or path.exists()):
            return self.current.version
        text, table = _read(path)
        waits, on_call = _waits(table.get("waits", {}))
        found = parse_policy(table.get("policy", {}), text)
        if isinstance(found, tuple):
            raise ConfigurationError([f"{path}: {problem}" for problem in found])
        self.current, self.waits, self.on_call = found, waits, on_call
        self._was_read = True
        self._version += 1
        return self.current.version

    def cached(self, make: Callable[[], Rules]) -> Callable[[], Rules]:
        """Return what gives the rules, made anew only after a reload."""
        kept: list[tuple[int, Rules]] = []

        def rules() -> Rules:
            if not kept or kept[0][0] != self._version:
                kept[:] = [(self._version, make())]
            return kept[0][1]

        return rules

    def is_staffed(self) -> bool:
        """Whether somebody is at the desk at this hour."""
        hours = self.current.hours
        return hours is None or hours.is_open(SystemClock().now())


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the file as text and as tables; raises `ConfigurationError`."""
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigurationError([f"{CONFIG}: {path} cannot be read: {problem}"]) from problem
    # The running bridge would not notice a name that keeps it from starting the next time.
    if problems := unknown_in_file(table, path):
        raise ConfigurationError(problems)
    return text, table


def policy_in_force() -> Policy:
    """Return the policy that the settings of this machine name."""
    return PolicyFile(read_settings()).current


FIELDS = ("give_up", "unanswered", "idle", "assistant")


def _waits(table: dict[str, object]) -> tuple[Waits, str]:
    """Return the deadlines and who is on call; raises `ConfigurationError` naming each field."""
    problems = [
        f"waits.{name}: no such field; known are reminders, on_call, {', '.join(FIELDS)}"
        for name in table
        if name not in {*FIELDS, "reminders", "on_call"}
    ]
    values: dict[str, object] = {}
    for name in FIELDS:
        if name in table:
            values[name] = _seconds(table[name], f"waits.{name}", problems)
    if "reminders" in table:
        given = table["reminders"]
        listed = given if isinstance(given, list) else [given]
        found = tuple(_seconds(v, "waits.reminders", problems) for v in listed)
        if list(found) != sorted(found):
            problems.append("waits.reminders: must grow; they are seconds since the escalation")
        values["reminders"] = found
    if problems:
        raise ConfigurationError(problems)
    return Waits(**values), str(table.get("on_call", ""))  # type: ignore[arg-type]


def _seconds(value: object, name: str, problems: list[str]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        problems.append(f"{name}: expected a number of seconds above 0")
        return 1.0
    return float(value)
