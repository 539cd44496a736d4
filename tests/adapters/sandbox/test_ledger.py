"""What the sandbox platform remembers, over restarts and kills."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from adapters.sandbox.ledger import Ledger
from adapters.sandbox.rows import NewPost, PostChange
from tests.clocks import START, HandClock

MICROSECONDS = 1_000_000

WRITE_AND_DIE = """
import os, signal, sys
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.rows import NewPost
from tests.clocks import HandClock
with Ledger(sys.argv[1], HandClock()) as ledger:
    thread = ledger.add_thread("support", {"a": 1}, ("d_root",))
    ledger.add_post(thread, NewPost({"kind": "message"}, "hello"), ("d_1",), {"what": "wrote"})
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_file_is_ours_alone_to_read(tmp_path: Path) -> None:
    """What customers say is readable for no other account, in what SQLite keeps beside it too."""
    with Ledger(tmp_path / "desk.db", HandClock()) as ledger:
        ledger.add_thread("support", {"a": 1}, ("d_root",))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("desk.db", "desk.db-wal", "desk.db-shm"), 0o600)


def test_what_was_written_survives_a_killed_process(tmp_path: Path) -> None:
    """Thread, post, key and news are all there after a kill right behind the call."""
    path = tmp_path / "desk.db"
    ended = subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    with Ledger(path, HandClock()) as ledger:
        [thread] = ledger.threads()
        [post] = ledger.posts(thread.id)
        assert post.text == "hello"
        assert ledger.keyed("support", "d_1") == ((thread.id, post.id),)
        assert [news.body for news in ledger.news(thread.id)] == [
            {"what": "wrote", "post": post.id}
        ]


def test_numbers_only_grow_and_tell_the_time(tmp_path: Path) -> None:
    """While the clock stands still the numbers go on; then they follow the clock."""
    clock = HandClock()
    with Ledger(tmp_path / "desk.db", clock) as ledger:
        thread = ledger.add_thread("support", {}, ())
        first = ledger.add_post(thread, NewPost({}, "a"))
        clock.advance(10)
        second = ledger.add_post(thread, NewPost({}, "b"))
    assert [thread, first] == [START * MICROSECONDS, START * MICROSECONDS + 1]
    assert second == (START + 10) * MICROSECONDS


def test_a_new_file_repeats_no_number_of_a_lost_one(tmp_path: Path) -> None:
    """After the file was deleted, later threads have later numbers."""
    clock = HandClock()
    with Ledger(tmp_path / "old.db", clock) as ledger:
        lost = ledger.add_thread("support", {}, ())
    clock.advance(1)
    with Ledger(tmp_path / "new.db", clock) as ledger:
        assert ledger.add_thread("support", {}, ()) > lost


def test_changes_are_read_on_from_a_number(tmp_path: Path) -> None:
    """What changed after a cursor is returned, and nothing else."""
    with Ledger(tmp_path / "desk.db", HandClock()) as ledger:
        thread = ledger.add_thread("support", {"v": 1}, ())
        post = ledger.add_post(thread, NewPost({}, "a"))
        before = ledger.cursor()
        found = ledger.post(post)
        assert found is not None
        ledger.change_post(found, PostChange(set_text=True, text="b"))
        changes = ledger.changes(before)
        assert [kept.text for kept in changes.posts] == ["b"]
        assert changes.threads == ()
        assert ledger.changes(changes.cursor).posts == ()


def test_listeners_hear_of_changes_that_are_stored_already(tmp_path: Path) -> None:
    """A listener reads what it was woken for; after it stopped it hears nothing."""
    heard: list[int] = []
    with Ledger(tmp_path / "desk.db", HandClock()) as ledger:
        stop = ledger.listen(lambda: heard.append(len(ledger.threads())))
        ledger.add_thread("support", {}, ())
        stop()
        ledger.add_thread("support", {}, ())
    assert heard == [1]


def test_a_write_is_quick_enough_for_the_event_loop(tmp_path: Path) -> None:
    """A thousand posts take well under a second of the loop's time each hundred."""
    with Ledger(tmp_path / "desk.db", HandClock()) as ledger:
        thread = ledger.add_thread("support", {}, ())
        began = time.process_time()
        for number in range(1000):
            ledger.add_post(thread, NewPost({}, str(number)), (str(number),))
        assert time.process_time() - began < 1.0


def test_changes_from_two_sides_do_not_undo_each_other(tmp_path: Path) -> None:
    """An edit decided on an older look at the post leaves the mark that came in between."""
    with Ledger(tmp_path / "desk.db", HandClock()) as ledger:
        thread = ledger.add_thread("support", {}, ())
        looked = ledger.post(ledger.add_post(thread, NewPost({}, "a")))
        assert looked is not None
        ledger.change_post(looked, PostChange(mark="read"))
        ledger.change_post(looked, PostChange(set_text=True, text="b"))
        kept = ledger.post(looked.id)
        assert kept is not None
        assert (kept.text, kept.mark, kept.edits) == ("b", "read", 1)
