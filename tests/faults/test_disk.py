"""A SQLite file whose program is killed at any write, or whose disk loses what was not synced."""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.ports.store import Moved, Wanted
from storage import open_store
from tests.databases import sqlite_url
from tests.faults.written import CALLS, replayed
from tests.storage.test_sqlite_file import run, strace
from tests.storage.things import changed, conversation, first, later, message

NAMES = frozenset({"handoff.db", "handoff.db-wal"})


def told_as_stored(output: str) -> int:
    """Return the number of the last row that a writer told as stored."""
    lines = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return max((int(words[1]) for words in lines if words[0] == "stored"), default=0)


def rows_of(path: Path, name: str) -> list[int]:
    """Return the numbers of the rows a writer left in a sound file."""
    file = sqlite3.connect(path)
    try:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'fact'").fetchone():
            return []
        found = file.execute("SELECT seq FROM fact WHERE key LIKE ? ORDER BY seq", (f"{name}:%",))
        return [row[0] for row in found]
    finally:
        file.close()


def at_each(call: str, url: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Run a writer again and again, killed at its 1st, 2nd, … call; yield its name and words."""
    for number in range(1, 1000):
        name = f"{call}{number}"
        watched = strace(
            *("-e", f"trace={call}", "-o", "/dev/null"),
            *("-P", str(folder / "handoff.db"), "-P", str(folder / "handoff.db-wal")),
            *("-e", f"inject={call}:signal=SIGKILL:when={number}"),
        )
        done = run("tests.storage.writer", url, name, "2", wrapped=watched)
        yield name, done.stdout
        if "done" in done.stdout and done.returncode == 0:
            return


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.fault("F36")
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
def test_killed_at_every_write_and_every_sync(tmp_path: Path, call: str) -> None:
    """Whatever the call at which the program died, all it told as stored is there, once, in a
    sound file, and the next start needs no help.
    """
    url = sqlite_url(tmp_path)
    assert run("tests.storage.writer", url, "zero", "1").returncode == 0
    killed = 0
    for name, output in at_each(call, url, tmp_path):
        rows = rows_of(tmp_path / "handoff.db", name)
        assert rows == list(range(1, len(rows) + 1))
        assert told_as_stored(output) <= len(rows)
        killed += "done" not in output
    assert killed >= {"pwrite64": 20, "fdatasync": 4}[call]


def watched_writer(folder: Path, writes: int) -> Path:
    """Run a writer from an empty folder on, and return the log of what it did to its files."""
    home, log = folder / "home", folder / "calls"
    home.mkdir()
    watched = strace(*("-y", "-xx", "-s", "65536", "-e", f"trace={CALLS}", "-o", str(log)))
    done = run("tests.storage.writer", sqlite_url(home), "a", str(writes), wrapped=watched)
    assert told_as_stored(done.stdout) == writes * 5
    return log


@pytest.mark.slow
@pytest.mark.fault("F48")
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path, seed: int | None) -> None:
    """From the first start on, through checkpoints: cut at every sync and acknowledgement, with
    all that was not synced lost or any part of it kept, the file is sound and has every row told.
    """
    log, place = watched_writer(tmp_path, 120), tmp_path / "after"
    chance = random.Random(seed) if seed is not None else None
    most, cuts, resets = 0, 0, 0
    for disk in replayed(log, NAMES):
        place.mkdir()
        disk.lay_out(place, chance)
        words = disk.told.split()
        most = int(words[1]) if words[:1] == ["stored"] else most
        rows = rows_of(place / "handoff.db", "a")
        assert rows == list(range(1, len(rows) + 1))
        assert len(rows) >= most, f"cut {cuts}: {most} were told"
        resets += len(disk.files["handoff.db"].synced) > 0
        cuts += 1
        shutil.rmtree(place)
    assert most == 600
    assert cuts > 240
    assert resets


@pytest.mark.fault("F49")
def test_a_full_disk_at_any_write_is_survived(tmp_path: Path) -> None:
    """Writes to the WAL fail for want of room in the middle of commits: those are refused and
    nothing else, and once there is room the same program goes on.
    """
    url = sqlite_url(tmp_path)
    assert run("tests.storage.writer", url, "a", "1").returncode == 0
    watched = strace(
        *("-e", "trace=pwrite64", "-P", str(tmp_path / "handoff.db-wal"), "-o", "/dev/null"),
        *("-e", "inject=pwrite64:error=ENOSPC:when=50+31"),
    )
    done = run("tests.storage.writer", url, "b", "30", wrapped=watched)
    lines = done.stdout.splitlines()
    refused = [line for line in lines if line.startswith("refused")]
    assert refused
    assert all("the disk is full" in line for line in refused)
    assert lines[-1] == "done"
    rows = rows_of(tmp_path / "handoff.db", "b")
    assert rows == list(range(1, told_as_stored(done.stdout) + 1))
    assert len(rows) == 5 * (30 - len(refused))


@pytest.mark.fault("F52")
async def test_reading_and_then_writing_never_meets_a_lock(tmp_path: Path) -> None:
    """Many who read and then write at once, beside a program that reads: nobody hears "locked"."""
    one = conversation()
    async with open_store(sqlite_url(tmp_path)) as store:
        await store.commit(first(one))

        async def reads_then_writes() -> None:
            for _ in range(20):
                while True:
                    found = await store.load(Wanted(conversations=frozenset({one.id})))
                    state = found.conversations[one.id]
                    after = changed(state, seq=state.seq + 1)
                    said = [message(state, after.seq)]
                    try:
                        await store.commit(later(state, after, messages=said))
                    except Moved:
                        continue
                    break

        beside = sqlite3.connect(f"file:{tmp_path}/handoff.db?mode=ro", uri=True)
        beside.execute("BEGIN")
        beside.execute("SELECT count(*) FROM message").fetchone()
        await asyncio.gather(*(reads_then_writes() for _ in range(8)))
        beside.close()
        assert len(await store.history(one.id, 1, 1000)) == 160


@pytest.mark.fault("F53")
async def test_a_copy_made_while_running_is_a_whole_backup(tmp_path: Path) -> None:
    """A copy taken beside the running program opens with everything up to one moment."""
    copy = tmp_path / "copy"
    copy.mkdir()
    async with open_store(sqlite_url(tmp_path)) as store:
        state = conversation()
        await store.commit(first(state))
        for seq in range(1, 20):
            after = changed(state, seq=seq)
            await store.commit(later(state, after, messages=[message(state, seq)]))
            state = after
        origin = sqlite3.connect(f"file:{tmp_path}/handoff.db?mode=ro", uri=True)
        target = sqlite3.connect(copy / "handoff.db")
        origin.backup(target)
        origin.close()
        target.close()
        await store.commit(later(state, changed(state)))
    async with open_store(sqlite_url(copy)) as restored:
        found = await restored.load(Wanted(conversations=frozenset({state.id})))
        assert found.conversations[state.id].version == state.version
        assert len(await restored.history(state.id, 1, 99)) == 19
