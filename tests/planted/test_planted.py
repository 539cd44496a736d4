"""The tests are tested: the table of bugs fits the program, and planting works end to end."""

import subprocess
import sys

import pytest

from tests.planted.__main__ import ROOT, check
from tests.planted.bug import Bug
from tests.planted.bugs import BUGS


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_can_be_planted(bug: Bug) -> None:
    """The text a bug replaces stands exactly once in its file, and its tests are there."""
    assert (ROOT / bug.file).read_text().count(bug.old) == 1
    assert bug.new != bug.old
    assert all((ROOT / test.partition("::")[0]).is_file() for test in bug.tests)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_planted_bugs_are_caught() -> None:
    """Three of the quickest bugs are planted and caught, each by a failing test."""
    quick = ("stream skips", "internal error", "unfolded")
    done = subprocess.run(
        [sys.executable, "-m", "tests.planted", *quick],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 caught" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_change_that_breaks_nothing_is_reported_as_missed() -> None:
    """A bug that is none, and one that only keeps the tests from loading, are not called caught."""
    feed = "adapters/web/feed.py"
    tests = ("tests/adapters/web/test_feed.py",)
    gap = "if message.cursor > self.cursor + 1:"
    harmless = Bug("none", "none", feed, gap, f"{gap}  # the same", tests)
    unreadable = Bug("broken", "none", feed, gap, "if (", tests)

    assert check([harmless, unreadable]) == 2
