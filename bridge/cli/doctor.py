"""`handoff doctor`: what is wrong with the set-up, each problem with its mend.

A note is about what may be meant as it is: it changes neither the verdict nor the exit code.
"""

import argparse
import asyncio
import json
import sys

from bridge.app import examine, notes, problems_at_rest
from bridge.config import misspelt, read_settings
from bridge.domain.errors import ConfigurationError
from bridge.log import keep_silent


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    doctor = subparsers.add_parser("doctor", help="check settings, database, tokens and rooms")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    keep_silent()
    noted, problems = misspelt(), list[str]()
    try:
        settings = read_settings(further=problems_at_rest)
        noted += notes(settings)
        problems += asyncio.run(examine(settings))
    except ConfigurationError as error:
        problems += error.problems
    if given.json:
        print(json.dumps({"ok": not problems, "problems": problems, "notes": noted}))
    else:
        _print(problems, noted)
    return 1 if problems else 0


def _print(problems: list[str], noted: list[str]) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)
    for note in noted:
        print(f"Note: {note}", file=sys.stderr)
    print("Nothing is wrong." if not problems else f"{len(problems)} to mend.")
