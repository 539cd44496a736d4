"""A writing program is killed again and again; whatever it told as stored is there."""

import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.databases import sqlite_url
from tests.storage.test_sqlite_file import ROOT

KILLS = 15


async def killed_while_writing(url: str, name: str, patience: int) -> list[int]:
    """Run the writer, kill it after it has told some lines, and return what it told as stored."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.storage.writer", url, name, "100000"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert program.stdout is not None
    told: list[bytes] = []
    async for line in program.stdout:
        told.append(line)
        if len(told) == patience:
            program.send_signal(signal.SIGKILL)
    await program.wait()
    stored = [line.split() for line in told if line.endswith(b"\n")]
    return [int(words[1]) for words in stored if words[0] == b"stored"]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_what_was_told_as_stored_survives_kills(tmp_path: Path) -> None:
    """After every kill the next start needs no help, and every row told as stored is there."""
    url = sqlite_url(tmp_path)
    told = {
        f"run{number}": await killed_while_writing(url, f"run{number}", 2 + 7 * number)
        for number in range(KILLS)
    }
    file = sqlite3.connect(tmp_path / "handoff.db")
    assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for name, stored in told.items():
        assert stored, name
        for table, column in (("fact", "key"), ("message", "conversation_id")):
            rows = file.execute(
                f"SELECT seq FROM {table} WHERE {column} LIKE ? ORDER BY seq",  # noqa: S608
                (f"{name}:%" if table == "fact" else f"cnv_{name}",),
            ).fetchall()
            # All that was told, and at most the one write more that was under way.
            assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
            assert stored[-1] <= len(rows) <= stored[-1] + 5
    file.close()
