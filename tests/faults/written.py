"""What a program wrote to its files, read from a log of its system calls, and what of it is left
when the power fails.

Kept is what was synced; of what was written since the last sync any part may be there or not.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CALLS = "pwrite64,fdatasync,fsync,ftruncate,unlink,write"
"""What has to be logged: `strace -f -y -xx -s 65536 -e trace=CALLS`."""

_LINE = re.compile(r"(\d+)\s+(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)")
_FILE = re.compile(r"\d+<((?:\\x..)+)>")
_DATA = re.compile(r'"((?:\\x..)*)"')


@dataclass(slots=True)
class File:
    """One file: what is surely on the disk, and the changes since that may or may not be."""

    synced: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def after(self, kept: list[tuple[int, bytes | None]]) -> bytes:
        """Return the content with some of the changes made."""
        content = bytearray(self.synced)
        for offset, data in kept:
            if data is None:
                content[offset:] = b""
                continue
            content.extend(bytes(max(offset - len(content), 0)))
            content[offset : offset + len(data)] = data
        return bytes(content)

    def sync(self) -> None:
        """Everything so far is on the disk."""
        self.synced, self.since = self.after(self.since), []


@dataclass(slots=True)
class Disk:
    """The files of a folder, and the last line that was told outside."""

    files: dict[str, File] = field(default_factory=dict)
    told: str = ""

    def lay_out(self, folder: Path, chance: random.Random | None = None) -> None:
        """Write the files as they are after the power failed; without `chance` all that was not
        synced is lost, else a part of it.
        """
        for name, file in self.files.items():
            kept = [change for change in file.since if chance and chance.random() < 0.5]
            (folder / name).write_bytes(file.after(kept))


def replayed(log: Path, names: frozenset[str]) -> Iterator[Disk]:
    """Yield the disk, one and the same, after each sync and after each line that was told."""
    disk = Disk()
    begun: dict[str, str] = {}
    with log.open() as lines:
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                continue
            thread, call, rest = found.groups()
            if "<unfinished" in rest:
                begun[thread] = rest.partition("<unfinished")[0]
                # A line may be read outside before the call that writes it has ended.
                rest = rest if call == "write" else ""
            elif "resumed>" in line:
                rest = begun.pop(thread, "") + rest
            if rest and _happens(disk, call, rest, names):
                yield disk


def _happens(disk: Disk, call: str, rest: str, names: frozenset[str]) -> bool:
    """Let a call have its effect; returns whether somebody may rely on something new."""
    if call == "write":
        told = _bytes(_DATA.search(rest)).decode(errors="replace")
        disk.told = told if rest.startswith("1<") else disk.told
        return rest.startswith("1<")
    name = Path(_bytes(_FILE.match(rest)).decode(errors="replace")).name
    if call == "unlink":
        gone = Path(_bytes(_DATA.search(rest)).decode(errors="replace")).name
        disk.files.pop(gone, None)
        return False
    if name not in names or not rest.rstrip().rpartition(" = ")[2].isdigit():
        return False
    file = disk.files.setdefault(name, File())
    if call in {"fdatasync", "fsync"}:
        file.sync()
        return True
    if call == "ftruncate":
        file.since.append((int(rest.partition(", ")[2].partition(")")[0]), None))
    if call == "pwrite64":
        numbers = rest.rpartition('", ')[2].partition(")")[0].split(", ")
        file.since.append((int(numbers[1]), _bytes(_DATA.search(rest))))
    return False


def _bytes(found: re.Match[str] | None) -> bytes:
    return bytes.fromhex(found[1].replace("\\x", "")) if found else b""
