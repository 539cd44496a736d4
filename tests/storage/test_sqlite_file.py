"""A SQLite file in good hands: owned by one program, checked at start, honest about its disk."""

import asyncio
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.errors import ConfigurationError, StoreUnavailable
from bridge.ports.store import Record, Wanted, Write
from storage import files_folder, open_reader, open_store
from storage.sqlite_file import WAL_RESET_FIXED, warn_of_old_version
from tests.databases import sqlite_url
from tests.storage.things import NOW, changed, conversation, first, later, message

ROOT = Path(__file__).resolve().parents[2]


def run(*order: str | Path, wrapped: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run one of our programs, maybe under another, and return what it said."""
    return subprocess.run(
        [*wrapped, sys.executable, "-m", *order],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def on_a_small_disk(folder: Path, what: str) -> Any:
    """Return what the store did on a disk of two megabytes; skips where none can be mounted."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no small disk: the program unshare (of util-linux) is not here")
    wrapped = (unshare, "--mount") if os.geteuid() == 0 else (unshare, "--mount", "--map-root-user")
    probe = subprocess.run(
        [*wrapped, "mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False
    )
    if probe.returncode:
        why = probe.stderr.decode().strip() or f"status {probe.returncode}"
        pytest.skip(f"no small disk: none may be mounted here ({why})")
    done = run("tests.storage.small_disk", folder, what, wrapped=wrapped)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def strace(*options: str) -> tuple[str, ...]:
    """Return strace with options; skips where it cannot be used."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("system calls cannot be watched: strace is not here (`make tools`)")
    if subprocess.run([found, "-o", os.devnull, "true"], check=False).returncode:
        pytest.skip("system calls cannot be watched: strace is not allowed here")
    return (found, "-f", *options)


async def fill(url: str, rows: int = 50) -> None:
    """Make a database with some conversations in it."""
    async with open_store(url) as store:
        for number in range(rows):
            one = conversation(str(number), seq=1)
            await store.commit(first(one, messages=[message(one, 1, text="x" * 2000)]))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:handoff.db", "write sqlite:///folder/file.db"),
        ("sqlite:///a.db?mode=ro", "write sqlite:///folder/file.db"),
        ("mysql://localhost/x", "begins with sqlite:/// or postgresql://"),
        ("handoff.db", "begins with sqlite:/// or postgresql://"),
        ("", "begins with sqlite:/// or postgresql://"),
    ],
)
def test_a_url_of_no_database_is_refused(url: str, told: str) -> None:
    """The error names the setting and what to write."""
    for opened in (open_store, open_reader):
        with pytest.raises(ConfigurationError, match=f"HANDOFF_DATABASE_URL: .*{told}"):
            opened(url)


def test_files_stand_beside_the_database() -> None:
    """The folder for files follows a SQLite file; elsewhere one must be named."""
    assert files_folder("sqlite:////data/handoff.db") == Path("/data/handoff.db.files")
    assert files_folder("sqlite:///handoff.db") == Path("handoff.db.files")
    assert files_folder("sqlite://") is None
    assert files_folder("postgresql://localhost/x") is None


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A path with a typing mistake makes no database."""
    with pytest.raises(ConfigurationError, match=r"the folder .*/nowhere does not exist"):
        await open_store(sqlite_url(tmp_path / "nowhere")).open()


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """A path that ends too early is noticed."""
    (tmp_path / "handoff.db").mkdir()
    with pytest.raises(ConfigurationError, match="is a folder; name a file"):
        await open_store(sqlite_url(tmp_path)).open()


async def test_the_file_is_ours_alone_to_read(tmp_path: Path) -> None:
    """What customers say is readable for no other account."""
    async with open_store(sqlite_url(tmp_path)):
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(
        ("handoff.db", "handoff.db-wal", "handoff.db-shm", "handoff.db.lock"), 0o600
    )


async def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    """A closed file is one file, and opens with everything in it."""
    await fill(sqlite_url(tmp_path), 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["handoff.db", "handoff.db.lock"]
    async with open_store(sqlite_url(tmp_path)) as store:
        assert len(await store.conversation_ids()) == 3


async def test_epochs_grow_with_every_start(tmp_path: Path) -> None:
    """What an earlier run decided under its lease is refused."""
    async with open_store(sqlite_url(tmp_path)) as store:
        before = (await store.tenure()).owned
    async with open_store(sqlite_url(tmp_path)) as store:
        owned = (await store.tenure()).owned
    assert all(owned[shard] == epoch + 1 for shard, epoch in before.items())


async def test_a_second_store_in_the_program_is_refused(tmp_path: Path) -> None:
    """Two stores on one file would each believe to be alone."""
    async with open_store(sqlite_url(tmp_path)):
        with pytest.raises(ConfigurationError, match=f"process {os.getpid()} on"):
            await open_store(sqlite_url(tmp_path)).open()
    async with open_store(sqlite_url(tmp_path)):
        pass


@pytest.mark.fault("F54")
async def test_a_second_program_is_refused(tmp_path: Path) -> None:
    """The second one says who has the file and what to do, and the first goes on."""
    url = sqlite_url(tmp_path)
    async with open_store(url) as store:
        second = await asyncio.to_thread(run, "tests.storage.writer", url, "b", "1")
        assert second.returncode == 3
        assert "another instance is using this SQLite file" in second.stdout
        assert "use PostgreSQL for several instances" in second.stdout
        await store.commit(first(conversation()))


@pytest.mark.fault("F54")
async def test_an_instance_on_another_machine_is_refused(tmp_path: Path) -> None:
    """Where file locks do not reach, a row that is kept fresh says that somebody is there."""
    url = sqlite_url(tmp_path)
    await fill(url, 1)
    file = sqlite3.connect(tmp_path / "handoff.db", isolation_level=None)
    file.execute(
        "INSERT INTO instance VALUES ('x', 'elsewhere', 0,"
        " (julianday('now') - 2440587.5) * 86400 - 20, 0)"
    )
    with pytest.raises(ConfigurationError, match="an instance on elsewhere is using this"):
        await open_store(url).open()
    file.execute("UPDATE instance SET seen_at = seen_at - 20")
    file.close()
    async with open_store(url) as store:
        assert (await store.tenure()).owned


@pytest.mark.fault("F40")
async def test_an_instance_that_was_taken_over_stops(tmp_path: Path) -> None:
    """Whoever finds the row gone takes nothing more."""
    async with open_store(sqlite_url(tmp_path)) as store:
        file = sqlite3.connect(tmp_path / "handoff.db", isolation_level=None)
        file.execute("UPDATE instance SET id = 'someone else'")
        file.close()
        with pytest.raises(StoreUnavailable, match="another instance has taken"):
            await store.tenure()
        with pytest.raises(StoreUnavailable, match="another instance has taken"):
            await store.commit(first(conversation()))


async def test_what_is_erased_is_not_in_the_file(tmp_path: Path) -> None:
    """Neither in the database nor in its WAL is a word left of what was erased."""
    one = conversation(seq=1)
    async with open_store(sqlite_url(tmp_path)) as store:
        await store.commit(first(one, messages=[message(one, 1, text="CANARY " * 900)]))
        assert any(b"CANARY" in path.read_bytes() for path in tmp_path.iterdir())
        await store.erase(one.id)
        assert not any(b"CANARY" in path.read_bytes() for path in tmp_path.iterdir())


async def test_a_reader_looks_in_while_the_program_runs(tmp_path: Path) -> None:
    """Administration reads beside the running program, also what is not checkpointed yet."""
    url, one = sqlite_url(tmp_path), conversation()
    async with open_store(url) as store, open_reader(url) as reader:
        await store.commit(first(one))
        assert await reader.conversation_ids() == (one.id,)
    async with open_reader(url) as reader:
        assert await reader.conversation_ids() == (one.id,)


async def test_a_reader_makes_no_database(tmp_path: Path) -> None:
    """Looking for a file that is not there leaves no file behind."""
    with pytest.raises(ConfigurationError, match="there is no database"):
        await open_reader(sqlite_url(tmp_path)).open()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("F51")
async def test_a_reader_with_an_old_snapshot_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While somebody holds a snapshot writes go on; a WAL that grows large is reported."""
    url, one = sqlite_url(tmp_path), conversation()
    async with open_store(url) as store:
        await store.commit(first(one))
        holder = sqlite3.connect(f"file:{tmp_path}/handoff.db?mode=ro", uri=True)
        holder.execute("BEGIN")
        holder.execute("SELECT count(*) FROM conversation").fetchone()
        big: dict[str, object] = {"text": "x" * 4_000_000}
        for _ in range(18):
            await store.commit(Write(records=[Record(one.id, NOW, "big", big)]))
        await store.tenure()
        assert "the WAL grows" in caplog.text
        assert len(await store.records(one.id, "big", 20)) == 18
        holder.close()


@pytest.mark.fault("F53")
async def test_a_damaged_page_is_refused(tmp_path: Path) -> None:
    """The damaged file is named and left as it is, byte for byte."""
    await fill(sqlite_url(tmp_path))
    path = tmp_path / "handoff.db"
    data = bytearray(path.read_bytes())
    data[8192:16384] = b"\xa5" * 8192
    path.write_bytes(data)
    with pytest.raises(StoreUnavailable, match=r"handoff\.db is damaged .* put a backup in"):
        await open_store(sqlite_url(tmp_path)).open()
    assert path.read_bytes() == data


@pytest.mark.fault("F53")
async def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """What is no database is not made into one."""
    path = tmp_path / "handoff.db"
    path.write_bytes(b"this is a letter, not a database\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="not a database"):
        await open_store(sqlite_url(tmp_path)).open()
    assert path.read_bytes() == before


@pytest.mark.fault("F53")
async def test_an_emptied_file_is_refused(tmp_path: Path) -> None:
    """A database that was emptied is not silently begun anew; a new empty file is fine."""
    path = tmp_path / "handoff.db"
    path.touch()
    await fill(sqlite_url(tmp_path), 1)
    path.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="was a database and is an empty file now"):
        await open_store(sqlite_url(tmp_path)).open()
    path.unlink()
    async with open_store(sqlite_url(tmp_path)) as store:
        assert await store.conversation_ids() == ()


@pytest.mark.fault("F53")
async def test_changes_without_their_database_are_refused(tmp_path: Path) -> None:
    """A WAL that outlived its database holds messages: it is not thrown away."""
    wal = tmp_path / "handoff.db-wal"
    wal.write_bytes(b"x" * 5000)
    with pytest.raises(StoreUnavailable, match=r"handoff\.db-wal holds its last changes"):
        await open_store(sqlite_url(tmp_path)).open()
    assert wal.stat().st_size == 5000
    assert not (tmp_path / "handoff.db").exists()


@pytest.mark.fault("F53")
async def test_a_cut_wal_gives_a_whole_beginning(tmp_path: Path) -> None:
    """When the end of the WAL is lost, what is left is consistent: whole commits, in order."""
    origin, copy = tmp_path / "origin", tmp_path / "copy"
    origin.mkdir()
    async with open_store(sqlite_url(origin)) as store:
        state = conversation()
        await store.commit(first(state))
        for seq in range(1, 20):
            after = changed(state, seq=seq)
            await store.commit(later(state, after, messages=[message(state, seq)]))
            state = after
        shutil.copytree(origin, copy)
    wal = copy / "handoff.db-wal"
    os.truncate(wal, wal.stat().st_size * 3 // 4)
    async with open_store(sqlite_url(copy)) as store:
        found = (await store.load(Wanted(conversations=frozenset({state.id})))).conversations
        seq = found[state.id].seq
        assert 0 < seq < 19
        assert len(await store.history(state.id, 0, 99)) == seq


@pytest.mark.fault("F55")
def test_an_old_sqlite_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Versions with the WAL-reset bug are warned of, and told which mends it; that one is not."""
    with caplog.at_level(logging.WARNING):
        assert not warn_of_old_version(WAL_RESET_FIXED)
        assert not caplog.records
        assert warn_of_old_version((3, 51, 2))
        mended = ".".join(map(str, WAL_RESET_FIXED))
        assert f"WAL-reset bug, mended in {mended}" in caplog.text
        assert vars(caplog.records[0])["version"] == "3.51.2"


@pytest.mark.fault("F49", "F80")
def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    """With a full disk nothing is acknowledged, reads go on, no half file stays; with room again
    the store goes on by itself.
    """
    seen = on_a_small_disk(tmp_path, "full")
    assert seen["before"] == "stored"
    assert all(told.startswith("StoreUnavailable: the disk is full") for told in seen["during"])
    assert seen["read"] == [1]
    assert seen["file"] == "StoreUnavailable: the disk is full"
    assert seen["left"] == []
    assert seen["after"] == "stored"


@pytest.mark.fault("F53")
def test_a_read_only_disk_is_named(tmp_path: Path) -> None:
    """Neither an old database nor a new one is opened where nothing can be written."""
    attempts = on_a_small_disk(tmp_path, "readonly")["told"]
    assert len(attempts) == 2
    for told in attempts:
        assert told.startswith("ConfigurationError: HANDOFF_DATABASE_URL: the folder ")
        assert "is read-only for this program; make it writable" in told


def test_each_acknowledgement_follows_its_sync(tmp_path: Path) -> None:
    """Between two lines that say `stored` there is always a sync."""
    log = tmp_path / "calls"
    watched = strace("-e", "trace=fsync,fdatasync,write", "-o", str(log))
    run("tests.storage.writer", sqlite_url(tmp_path), "a", "10", wrapped=watched)
    calls = [line for line in log.read_text().splitlines() if "sync(" in line or "stored" in line]
    told = [number for number, line in enumerate(calls) if '"stored' in line]
    assert len(told) == 10
    assert all("sync(" in calls[number - 1] for number in told)


@pytest.mark.fault("F50")
def test_after_a_failed_sync_nothing_is_taken(tmp_path: Path) -> None:
    """A sync that fails ends all acknowledging; the next start has what was told as stored."""
    url = sqlite_url(tmp_path)
    assert run("tests.storage.writer", url, "a", "1").returncode == 0
    watched = strace(
        *("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=9"), "-o", os.devnull
    )
    done = run("tests.storage.writer", url, "b", "20", wrapped=watched)
    lines = done.stdout.splitlines()
    stored = [int(line.split()[1]) for line in lines if line.startswith("stored")]
    refused = [line for line in lines if line.startswith("refused")]
    assert stored
    assert len(refused) == 20 - len(stored)
    assert all("nothing is taken until the program is started again" in line for line in refused)
    assert "refused" not in "".join(lines[: len(stored) + 1])
    file = sqlite3.connect(tmp_path / "handoff.db")
    kept = file.execute("SELECT max(seq) FROM fact WHERE key LIKE 'b:%'").fetchone()[0]
    file.close()
    assert kept >= stored[-1]
