"""The names of settings, in the environment and in the file, and which one was meant by another."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from bridge.settings import SETTINGS, Setting

CONFIG = "HANDOFF_CONFIG"
VARIABLES = frozenset({setting.variable for setting in SETTINGS} | {CONFIG})
BY_KEY = {setting.name: setting for setting in SETTINGS}
BY_VARIABLE = {setting.variable: setting for setting in SETTINGS}

PARTS = ("policy", "waits")
"""The tables of the file; all else in it is a setting."""

OURS = "HANDOFF_"
NOT_OURS = frozenset({"HANDOFF_PUBLISHED_PORT"})
"""What compose.yaml reads, and hands on into the container with all else that stands in .env."""

_WITHOUT_PREFIX = {variable.removeprefix(OURS): variable for variable in VARIABLES}

ALIKE = 0.84
"""How like one of ours a name must be that does not begin like ours: `SLACK_TOKEN` is, and what
other programs call `SLACK_WEBHOOK_URL` or `OPENAI_ORG_ID` is not (see difflib.SequenceMatcher).
"""


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return one sentence for each variable that looks like a setting and is none."""
    said = []
    for name in sorted(set(environment) - VARIABLES - NOT_OURS):
        if name.startswith(OURS):
            # What all of ours begin with would make every one of them look meant.
            meant = get_close_matches(name.removeprefix(OURS), _WITHOUT_PREFIX, n=1)
            said.append(_unknown_variable(name, [_WITHOUT_PREFIX[short] for short in meant]))
        elif meant := _meant(name):
            said.append(_unknown_variable(name, meant))
    return said


def _meant(name: str) -> list[str]:
    if name.startswith("SLACK_") and OURS + name in VARIABLES:
        return [OURS + name]
    return get_close_matches(name, VARIABLES, n=1, cutoff=ALIKE)


def _unknown_variable(name: str, meant: list[str]) -> str:
    return f"{name} is not a setting; {_hint(meant)}"


def setting_of(key: str) -> Setting | None:
    """Return the setting that a name in the file means, also when written as in the environment."""
    plain = key.lower()
    return (
        BY_KEY.get(plain)
        or BY_KEY.get(plain.removeprefix(OURS.lower()))
        or BY_VARIABLE.get(key.upper())
    )


def unknown_in_file(table: Mapping[str, object], path: Path) -> list[str]:
    """Return one sentence for each name at the top of the file that is not known there."""
    return [
        _unknown_part(key, path) if isinstance(value, dict) else _unknown_key(key, path)
        for key, value in table.items()
        if (key not in PARTS if isinstance(value, dict) else setting_of(key) is None)
    ]


def _unknown_part(key: str, path: Path) -> str:
    meant = get_close_matches(key, PARTS, n=1)
    there = " and ".join(f"[{part}]" for part in PARTS)
    hint = f"did you mean [{meant[0]}]?" if meant else f"there are {there}"
    return f"[{key}]: no such part of {path}; {hint}"


def _unknown_key(key: str, path: Path) -> str:
    return f"{key}: no such setting in {path}; {_hint(get_close_matches(key, BY_KEY, n=1))}"


def _hint(meant: list[str]) -> str:
    return f"did you mean {meant[0]}?" if meant else "see docs/configuration.md"
