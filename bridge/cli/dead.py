"""`handoff dead`: the deliveries given up on, and what to do with them.

While the bridge runs it is asked over HTTP, because one process owns the database; when it does
not run, the database is opened directly.
"""

import argparse
import asyncio
import json

from bridge.app import operate
from bridge.config import read_settings


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    dead = subparsers.add_parser("dead", help="deliveries given up on")
    dead.add_argument("--json", action="store_true", help="print the list as JSON")
    verbs = dead.add_subparsers(dest="verb", metavar="VERB")
    listed = verbs.add_parser("list", help="list them; the same without a verb")
    listed.add_argument(
        # Unless it is said here, what was said before the verb stands.
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print JSON",
    )
    retry = verbs.add_parser("retry", help="try one again, or all")
    retry.add_argument("id", help="its id, or all")
    skip = verbs.add_parser("skip", help="give one up for good; what waits behind it goes on")
    skip.add_argument("id", help="its id")
    dead.set_defaults(run=_run, verb="list")


def _run(given: argparse.Namespace) -> int:
    settings = read_settings()
    target = getattr(given, "id", "")
    answer = asyncio.run(operate(settings, given.verb, target))
    if given.verb == "list":
        _print(answer, as_json=given.json)
        return 0
    print(answer.get("detail", "done"))
    return 0 if answer.get("done") else 1


def _print(answer: dict[str, object], *, as_json: bool) -> None:
    rows = answer.get("dead", [])
    if as_json:
        print(json.dumps({"dead": rows}))
        return
    if not isinstance(rows, list) or not rows:
        print("Nothing was given up on.")
        return
    for row in rows:
        print(f"{row['id']}  {row['leg']:9} {row['conversation_id']}  {row['error']}")
