"""A bridge as a process of its own on a core of its own: started, measured, ended by its id."""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.wire import Connection
from tests.proof.harness import ROOT, free_port
from tests.servers.slack import BOT_TOKEN, SIGNING_SECRET
from tests.servers.slack_state import ROOM

START_WITHIN = 120.0
TICK = 1.0 / os.sysconf("SC_CLK_TCK")

# Without uvloop is how the bridge runs where it is not installed.
WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None; from bridge.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is measured: the naive bridge, or ours on some database and loop."""

    name: str
    naive: bool = False
    uvloop: bool = False
    postgres: bool = False

    def order(self, port: int) -> list[str]:
        """Return the command line."""
        if self.naive:
            return [sys.executable, "-m", "tests.bench.naive", str(port)]
        if self.uvloop:
            return [sys.executable, "-m", "bridge", "serve"]
        return [sys.executable, "-c", WITHOUT_UVLOOP, "serve"]


NAIVE = Kind("naive", naive=True)
SQLITE = Kind("sqlite")
UVLOOP = Kind("sqlite + uvloop", uvloop=True)
POSTGRES = Kind("postgresql", postgres=True)
POSTGRES_UVLOOP = Kind("postgresql + uvloop", uvloop=True, postgres=True)


def _cores() -> tuple[set[int], set[int]]:
    found = sorted(os.sched_getaffinity(0))
    return {found[-1]}, {found[0]}


# Asked once: whoever has moved to a core of his own no longer sees the other.
THEIRS, OURS = _cores()
"""The bridge's core and the measurer's; the same one where there is only one."""


@dataclass(slots=True)
class Process:
    """One bridge, started again on the same port and database if need be."""

    kind: Kind
    api_url: str
    database_url: str
    folder: Path
    pace: str = "0"
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    def environment(self) -> dict[str, str]:
        """Return its settings."""
        return {
            **os.environ,
            "HANDOFF_PORT": str(self.port),
            "HANDOFF_DATABASE_URL": self.database_url,
            "HANDOFF_SECRET_KEY": "a-secret-for-the-bench-only",
            "HANDOFF_DESKS": "slack",
            "HANDOFF_ASSISTANT": "none",
            "HANDOFF_RATE_LIMITS": "off",
            "HANDOFF_SLACK_ROOM": ROOM,
            "HANDOFF_SLACK_POSTS_PER_SECOND": self.pace,
            "HANDOFF_LOG_LEVEL": "error",
            "SLACK_API_URL": self.api_url,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        }

    async def start(self) -> None:
        """Start it on the bridge's core and wait until it is ready."""
        before = os.sched_getaffinity(0)
        with (self.folder / "log").open("ab") as log:
            os.sched_setaffinity(0, THEIRS)  # inherited by the child and all its threads
            try:
                self.process = await asyncio.create_subprocess_exec(
                    *self.kind.order(self.port),
                    env=self.environment(),
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                )
            finally:
                os.sched_setaffinity(0, before)
        async with asyncio.timeout(START_WITHIN):
            while not await self._is_ready():
                if self.process.returncode is not None:
                    raise RuntimeError((self.folder / "log").read_text()[-2000:])
                await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        connection = Connection(self.port)
        try:
            return (await connection.request("GET", "/readyz"))[0] == 200
        except OSError:
            return False
        finally:
            connection.close()

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait until it is gone."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(how)
        try:
            await asyncio.wait_for(self.process.wait(), 10)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def cpu(self) -> float:
        """Return the seconds of CPU it has used, its threads included (proc(5), fields 14, 15)."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def memory(self) -> int:
        """Return its resident memory in bytes (proc(5), statm)."""
        return int(self._proc("statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _proc(self, name: str) -> str:
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/{name}").read_text()
