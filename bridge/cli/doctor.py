"""`handoff doctor`: what is wrong with the set-up, each problem with its mend."""

import argparse
import asyncio
import json
import sys

from bridge.app import examine
from bridge.config import read_settings
from bridge.domain.errors import ConfigurationError


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    doctor = subparsers.add_parser("doctor", help="check settings, database, tokens and rooms")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    try:
        problems = asyncio.run(examine(read_settings()))
    except ConfigurationError as error:
        problems = list(error.problems)
    if given.json:
        print(json.dumps({"ok": not problems, "problems": problems}))
    else:
        for problem in problems:
            print(problem, file=sys.stderr)
        print("Nothing is wrong." if not problems else f"{len(problems)} to mend.")
    return 1 if problems else 0
