"""Writes the generated parts of the documentation; `python docs/generate.py` renews them.

A test runs the same functions and compares, so that a page cannot disagree with the code.
"""

import importlib
import sys
from pathlib import Path

from bridge.domain.handoff import FLOORS, OPEN, TRANSITIONS
from bridge.settings import SETTINGS

DOCS = Path(__file__).resolve().parent
BEGIN = "<!-- generated: do not edit below -->"
END = "<!-- end of the generated part -->"


def handoff_table() -> str:
    """Return the handoff machine as a Mermaid drawing and a table."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> requested"]
    for state, steps in TRANSITIONS.items():
        lines += [f"    {state} --> {to}: {step}" for step, to in steps.items()]
    lines += [f"    {state} --> [*]" for state in TRANSITIONS if state not in OPEN]
    lines += ["```", "", "| State | Who has the floor | Step → next state |", "|---|---|---|"]
    for state, steps in TRANSITIONS.items():
        what = " · ".join(f"{step} → {to}" for step, to in steps.items()) or "none: closed"
        lines.append(f"| `{state}` | {FLOORS[state]} | {what} |")
    return "\n".join(lines)


def settings_table() -> str:
    """Return all settings as a table."""
    lines = ["| Variable | Meaning | Default |", "|---|---|---|"]
    for setting in SETTINGS:
        meaning = setting.meaning.replace("|", "\\|")
        default = f"`{setting.default}`" if setting.default else ""
        lines.append(f"| `{setting.variable}` | {meaning} | {default} |")
    return "\n".join(lines)


def guarantees_table() -> str:
    """Return the fault matrix with the tests that show its rows."""
    # As a script only docs/ is on the path; the tests are no installed package.
    if str(DOCS.parent) not in sys.path:
        sys.path.insert(0, str(DOCS.parent))
    made: str = importlib.import_module("tests.faults.table").fault_table()
    return made


PAGES = {
    "handoff.md": handoff_table,
    "configuration.md": settings_table,
    "guarantees.md": guarantees_table,
}


def with_generated(page: str, generated: str) -> str:
    """Return a page with its generated part replaced."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{generated}\n\n{END}{tail}"


def main() -> None:
    """Renew every generated page."""
    for name, make in PAGES.items():
        path = DOCS / name
        path.write_text(with_generated(path.read_text("utf-8"), make()), "utf-8")


if __name__ == "__main__":
    main()
