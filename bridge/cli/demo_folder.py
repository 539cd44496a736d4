"""The folder of one demo: there while it runs, gone afterwards, and swept up after a kill.

Whoever uses a folder holds a lock on it, which ends with the process, however that ends. A folder
of ours without a living holder was left behind.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "handoff-demo-"


@contextlib.contextmanager
def fresh_folder(among: Path | None = None) -> Iterator[Path]:
    """Make a folder for one demo and remove it in the end; removes what killed demos left.

    It is made among the machine's temporary files, or in the folder that is named.
    """
    among = among or Path(tempfile.gettempdir())
    remove_stale(among)
    folder, lock = _made(among)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _made(among: Path) -> tuple[Path, int]:
    """Return a new folder and the lock on it; a sweeper that came in between has removed it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=among))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def remove_stale(among: Path) -> None:
    """Remove the folders of demos that live no more; those of other people are left alone."""
    for folder in among.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
