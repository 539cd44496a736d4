"""Reads the golden messages: `language | trigger | message`, one a line."""

from pathlib import Path
from typing import NamedTuple

ORDINARY = "none"


class Golden(NamedTuple):
    """A message and the trigger it must fire."""

    lang: str
    trigger: str
    text: str


def golden() -> list[Golden]:
    """Return all golden messages."""
    lines = Path(__file__).with_name("golden.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ", 2) for line in lines if line and not line.startswith("#")]
    return [Golden(*row) for row in rows]


def examples(*triggers: str) -> list[str]:
    """Return the golden messages of these triggers."""
    return [row.text for row in golden() if row.trigger in triggers]
