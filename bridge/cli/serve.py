"""`handoff serve` runs the bridge; `handoff demo` runs it with nothing to set up."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import socket
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

from bridge.app import Started, notes, problems_at_rest, run
from bridge.app.run import Announce
from bridge.cli.demo_folder import fresh_folder
from bridge.config import Settings, log_style, misspelt, read_settings
from bridge.kinds import HIGHEST_PORT
from bridge.log import set_up

log = logging.getLogger(__name__)

DEMO_PORT = 8080

YOUNG = (10_000, 20, 20)
"""When the garbage collector looks (see the module gc): after so many new objects rather than
after 700, since nearly everything here is freed by counting references alone.
"""

DEMO = {
    "HANDOFF_DESKS": "sandbox",
    "HANDOFF_ASSISTANT": "faq",
    "HANDOFF_ASSISTANT_NAME": "Harbour & Pine assistant",
    "HANDOFF_LOG_LEVEL": "error",
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the two commands."""
    serve = subparsers.add_parser("serve", help="run the bridge")
    serve.set_defaults(run=_serve)
    demo = subparsers.add_parser("demo", help="run the whole bridge with a sandbox desk")
    demo.add_argument("--port", type=int, help="port to bind (default 8080, or a free one)")
    demo.add_argument("--no-open", action="store_true", help="do not open a browser")
    demo.add_argument(
        "--data", help="folder to keep the demo's data in (default: a new one, gone afterwards)"
    )
    demo.set_defaults(run=_demo)


def _serve(given: argparse.Namespace) -> int:
    del given
    settings = read_settings(further=problems_at_rest)
    set_up(log_style(settings), settings.log_level)

    def announce(started: Started) -> None:
        _announce(started)
        for note in [*misspelt(), *notes(settings)]:
            log.warning("a setting may be meant otherwise", extra={"action": "start", "note": note})

    return _run(settings, announce)


def _run(settings: Settings, announce: Announce) -> int:
    """Run on uvloop where it is installed, else on asyncio's own loop."""

    def announce_settled(started: Started) -> None:
        _settle()
        announce(started)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(run(settings, announce=announce_settled))


def _settle() -> None:
    """Let the garbage collector pass over what lives as long as the program does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _announce(started: Started) -> None:
    try:
        print(f"handoff is ready at {started.url}", flush=True)
    except OSError:
        # A full disk under the output keeps nobody from being served; nor may the end fail by it.
        sys.stdout = None


def _demo(given: argparse.Namespace) -> int:
    kept = contextlib.nullcontext(Path(given.data)) if given.data else fresh_folder()
    with kept as folder:
        folder.mkdir(parents=True, exist_ok=True)
        settings = demo_settings(folder, _free_port(given.port))
        set_up(log_style(settings), settings.log_level)

        def announce(started: Started) -> None:
            print(f"The demo is ready: {started.url}/", flush=True)
            print(
                "Left is a shop with the chat, right the support room. Ctrl-C ends it.", flush=True
            )
            if not given.no_open and os.environ.get("CI") is None:
                webbrowser.open(f"{started.url}/")

        return _run(settings, announce)


def _free_port(wanted: int | None) -> int:
    """Return the wanted port; without a wish 8080, or any free one when something else has it."""
    for port in (DEMO_PORT, 0) if wanted is None else (wanted,):
        with socket.socket() as probe, contextlib.suppress(OSError, OverflowError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    return wanted or DEMO_PORT


def demo_settings(folder: Path, port: int) -> Settings:
    """Return the demo's settings: everything in one folder, nothing of the machine's own."""
    # The visitor may write the name instead of the number that was printed.
    named = f"http://localhost:{port}" if 0 < port <= HIGHEST_PORT else ""
    return read_settings(
        {
            **DEMO,
            "HANDOFF_DATABASE_URL": f"sqlite:///{folder.absolute()}/demo.db",
            "HANDOFF_PORT": str(port),
            "HANDOFF_ALLOWED_ORIGINS": named,
        },
        look_for_file=False,
    )
