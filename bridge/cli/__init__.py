"""The command `handoff`: each subcommand registers itself; problems end in a sentence, not a trace.

Exit codes: 0 done, 1 a check found problems, 2 the call or the settings cannot be used.
"""

import argparse
import sys
from collections.abc import Sequence

from bridge.app import policy_in_force, stored_dialogues
from bridge.cli import data, dead, doctor, policy, serve
from bridge.config import misspelt
from bridge.domain.errors import BridgeError, ConfigurationError

USAGE = 2


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    found = argparse.ArgumentParser(
        prog="handoff",
        description="The bridge between a customer-facing AI and the people behind it.",
    )
    subparsers = found.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (serve, doctor, data, dead):
        module.register(subparsers)
    policy.register(subparsers, stored=stored_dialogues, current=policy_in_force)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = parser().parse_args(arguments)
    try:
        return int(given.run(given) or 0)
    except ConfigurationError as error:
        # A name nobody reads is often why something is missing.
        for problem in (*error.problems, *misspelt()):
            print(f"handoff: {problem}", file=sys.stderr)
        return USAGE
    except BridgeError as error:
        print(f"handoff: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        _let_go_of_output()


def _let_go_of_output() -> None:
    """Drop what a full disk did not take, which Python would call a failure when it ends."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (AttributeError, OSError, ValueError):
            setattr(sys, name, None)
