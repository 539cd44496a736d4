"""A program of its own on a small disk of its own, to see what the store does when it is full.

`unshare --mount python -m tests.storage.small_disk FOLDER full|readonly`; prints one JSON object.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from bridge.domain.errors import BridgeError
from bridge.domain.ids import ConversationId
from bridge.ports.store import Wanted, Write
from storage import DiskFiles, open_store
from storage.store import SqlStore
from tests.storage.things import changed, conversation, first, later, message

WORDS = "x" * 20_000


async def said(store: SqlStore, write: Write) -> str:
    """Return what came of a write."""
    try:
        await store.commit(write)
    except BridgeError as problem:
        return f"{type(problem).__name__}: {problem}"
    return "stored"


async def megabyte() -> AsyncIterator[bytes]:
    """Yield a megabyte in pieces."""
    for _ in range(16):
        yield b"x" * 65_536


def fill(ballast: Path) -> None:
    """Take all the room that is left."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


async def full(folder: Path) -> dict[str, object]:
    """Fill the disk between two writes, and make room again."""
    ballast = folder / "ballast"
    one = conversation()
    two = changed(one, seq=1)
    write = later(one, two, messages=[message(one, 1, text=WORDS)])
    async with (
        open_store(f"sqlite:///{folder}/handoff.db") as store,
        DiskFiles(folder / "files") as files,
    ):
        before = await said(store, first(one))
        fill(ballast)
        during = [await said(store, write) for _ in range(3)]
        found = await store.load(Wanted(conversations=frozenset({one.id})))
        try:
            await files.put(ConversationId("cnv_1"), "a.txt", megabyte(), 10**7)
            kept = "kept"
        except BridgeError as problem:
            kept = f"{type(problem).__name__}: {problem}"
        left = [path.name for path in (folder / "files").rglob("*") if path.is_file()]
        ballast.unlink()
        after = await said(store, write)
    return {
        "before": before,
        "during": during,
        "read": [c.version for c in found.conversations.values()],
        "file": kept,
        "left": left,
        "after": after,
    }


async def readonly(folder: Path) -> dict[str, object]:
    """Try to open a database on a disk that cannot be written."""
    async with open_store(f"sqlite:///{folder}/handoff.db"):
        pass
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    told = []
    for path in (folder / "handoff.db", folder / "new.db"):
        try:
            await open_store(f"sqlite:///{path}").open()
            told.append("opened")
        except BridgeError as problem:
            told.append(f"{type(problem).__name__}: {problem}")
    return {"told": told}


if __name__ == "__main__":
    place, what = Path(sys.argv[1]), sys.argv[2]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=True)
    print(json.dumps(asyncio.run({"full": full, "readonly": readonly}[what](place))))
