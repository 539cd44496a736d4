"""`make soak`: kills real bridges for a long time and checks that every promise was kept.

`--kills` counts per database. Ends with exit code 1 when a promise was broken.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.databases import running_postgres, sqlite_url
from tests.proof.harness import kill_loop

SLICE = 100
"""Kills in one run of the loop; each run starts with a fresh database."""

BEGUN = time.monotonic()
TOTALS: Counter[str] = Counter()
"""What all runs together did."""


def run(url: str, kills: int, instances: int, seed: int) -> int:
    """Run one slice, print its line, and return how many promises were broken."""
    begin, name = time.monotonic(), f"postgresql, {instances} instances" if url else "sqlite"
    with tempfile.TemporaryDirectory(prefix="handoff-soak-") as folder:
        database = url or sqlite_url(Path(folder))
        problems, totals = asyncio.run(
            kill_loop(database, Path(folder), kills=kills, instances=instances, seed=seed)
        )
        if problems:
            problems.append(f"(its logs are in {shutil.copytree(folder, f'{folder}-broken')})")
    seconds = time.monotonic() - begin
    TOTALS.update(totals)
    print(
        f"{time.strftime('%H:%M:%S')} {name}: {totals}, broken: {len(problems)}, "
        f"{seconds:.0f} s, {seconds / max(totals['kills'], 1):.2f} s per kill; "
        f"so far {dict(TOTALS)} in {time.monotonic() - BEGUN:.0f} s",
        flush=True,
    )
    for problem in problems[:20]:
        print(f"  {problem}", flush=True)
    return len(problems)


def main() -> int:
    """Run all slices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="kills per database")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one database")
    given = parser.parse_args()
    # An end from outside unwinds like an interrupt, so that no bridge or database is left behind.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    slices = [min(SLICE, given.kills - begin) for begin in range(0, given.kills, SLICE)]
    broken = 0
    if given.only != "postgresql":
        broken += sum(run("", kills, 1, seed) for seed, kills in enumerate(slices))
    if given.only != "sqlite":
        with running_postgres() as server:
            for seed, kills in enumerate(slices):
                broken += run(server.fresh_database(), kills, 2, seed)
    print(f"all: {dict(TOTALS)}, broken: {broken}, {time.monotonic() - BEGUN:.0f} s", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
