"""`make planted`: plants bugs in a copy of the program and sees that the tests catch each.

Names given on the command line choose bugs whose name holds one of them. Ends with exit code 1
when the tests fail without a bug, or do not see one.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import copyfile

from tests.planted.bug import LOCAL, Bug
from tests.planted.bugs import BUGS

ROOT = Path(__file__).parents[2]
FAILED = 1
"""pytest's exit code when tests ran and some failed; a file that cannot be read ends otherwise."""


def copy_tree(to: Path) -> None:
    """Copy what belongs to the project, and nothing else."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            place = to / name
            place.parent.mkdir(parents=True, exist_ok=True)
            copyfile(ROOT / name, place)


def run_tests(tree: Path, tests: Iterable[str], markers: str = LOCAL) -> tuple[int, str]:
    """Run tests in a copy; returns the exit code, and the first test that failed."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"),
            *("-m", markers, "--show-capture=no", "--tb=no", *tests),
        ],
        cwd=tree,
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HANDOFF_SHRINK": "off"},
    )
    failed = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    return done.returncode, failed[1] if failed else (done.stdout + done.stderr)[-2_000:]


def plant(tree: Path, bug: Bug) -> str:
    """Plant a bug in a copy and return the text that was there."""
    file = tree / bug.file
    text = file.read_text()
    if text.count(bug.old) != 1:
        message = f"{bug.name}: the text to replace stands {text.count(bug.old)} times"
        raise ValueError(message)
    file.write_text(text.replace(bug.old, bug.new))
    return text


def is_caught(tree: Path, bug: Bug) -> tuple[bool, str]:
    """Plant a bug, run its tests, mend it; returns whether, and by which test, it was caught."""
    before = plant(tree, bug)
    try:
        code, seen = run_tests(tree, bug.tests, bug.markers)
    finally:
        (tree / bug.file).write_text(before)
    return code == FAILED and "::" in seen, seen


def check(bugs: Sequence[Bug]) -> int:
    """Plant each bug in turn, print the table, and return how many were not caught."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="handoff-planted-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        for markers in sorted({bug.markers for bug in bugs}):
            tests = {test for bug in bugs if bug.markers == markers for test in bug.tests}
            code, seen = run_tests(tree, sorted(tests), markers)
            if code != 0:
                print(f"The tests fail without a bug: {seen}")
                return 1
        for bug in bugs:
            begin = time.monotonic()
            caught, seen = is_caught(tree, bug)
            missed += not caught
            by = seen.rpartition("/")[2] if caught else "NOT CAUGHT"
            seconds = time.monotonic() - begin
            print(f"{bug.name} | {bug.promise} | {by} | {seconds:.1f} s", flush=True)
            if not caught:
                print(seen, flush=True)
    print(f"{len(bugs) - missed} of {len(bugs)} caught")
    return missed


def main() -> int:
    """Check the chosen bugs, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="part of a bug's name; none means all")
    names = parser.parse_args().names
    chosen = [bug for bug in BUGS if not names or any(name in bug.name for name in names)]
    if not chosen:
        print("No bug has that in its name; the names are in tests/planted/bugs.py.")
    return 1 if not chosen or check(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
