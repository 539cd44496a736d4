"""`handoff migrate`: brings the database up to date."""

import argparse

from bridge.config import read_settings, with_key
from storage import migrate


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    command = subparsers.add_parser("migrate", help="bring the database up to date")
    command.set_defaults(run=_migrate)


def _migrate(given: argparse.Namespace) -> int:
    del given
    settings = with_key(read_settings())
    migrate(settings.database_url)
    print("The database is up to date.")
    return 0
