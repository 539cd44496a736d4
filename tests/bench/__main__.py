"""`make bench`: our bridge beside a naive one, in interleaved rounds, against the goals.

Only ratios within one run mean anything. A missed goal is printed and does not fail the run; a
text lost, doubled or disordered by our bridge does. Everything stays on the loopback.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench.cases import CASES, FULL, QUICK, QUICK_CASES, Case, Ground, Size
from tests.bench.goals import Results, faults, lines
from tests.bench.process import NAIVE, OURS, Kind
from tests.databases import running_postgres, sqlite_url


@contextlib.contextmanager
def grounds(size: Size, *, postgres: bool) -> Iterator[Ground]:
    """Give the ground to run on, with a PostgreSQL server of our own if it is wanted."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_postgres()) if postgres else None

        def fresh(kind: Kind, folder: Path) -> str:
            if kind.postgres and server is not None:
                return server.fresh_database()
            return sqlite_url(folder)

        yield Ground(size, fresh)


def measured(ground: Ground, cases: Iterable[Case], rounds: int) -> Results:
    """Run the cases round by round, every kind in each round."""
    results: Results = defaultdict(list)
    for number in range(rounds):
        for case in cases:
            for kind in case.kinds if not (case.once and number) else ():
                try:
                    numbers = asyncio.run(case.run(ground, kind))
                except (TimeoutError, OSError, RuntimeError) as problem:
                    print(f"[{number + 1}] {case.name}, {kind.name}: FAILED {problem!r}")
                    numbers = {}
                results[case.name, kind.name].append(numbers)
                told = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
                print(f"[{number + 1}] {case.name}, {kind.name}: {told}", flush=True)
    return results


def chosen(given: argparse.Namespace) -> tuple[Case, ...]:
    """Return the cases that were asked for."""
    cases = QUICK_CASES if given.quick else CASES
    return tuple(case for case in cases if not given.case or case.name in given.case)


def main() -> int:
    """Measure, print, and return 1 only when our bridge broke a promise."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small case, some seconds")
    parser.add_argument("--rounds", type=int, default=0, help="rounds (3; 1 with --quick)")
    names = [case.name for case in CASES]
    parser.add_argument(
        "--case", action="append", choices=names, help="only this case; may be repeated"
    )
    parser.add_argument("--json", type=Path, help="write every number to this file")
    given = parser.parse_args()
    cases = chosen(given)
    # An end from outside unwinds like an interrupt, so that no bridge or database is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} before the start", flush=True)
    wants_postgres = any(kind.postgres for case in cases for kind in case.kinds)
    rounds = given.rounds or (1 if given.quick else 3)
    with grounds(QUICK if given.quick else FULL, postgres=wants_postgres) as ground:
        # The database server was started before, and goes where there is room.
        os.sched_setaffinity(0, OURS)
        results = measured(ground, cases, rounds)
    print("\n".join(["", *lines(results), ""]))
    if given.json:
        flat = [{"case": c, "kind": k, "rounds": found} for (c, k), found in results.items()]
        given.json.write_text(json.dumps({"load": load, "results": flat}, indent=1))
    broken = faults({key: found for key, found in results.items() if key[1] != NAIVE.name})
    print("\n".join(broken) or "nothing lost, doubled or disordered")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
