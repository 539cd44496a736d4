"""What the sandbox platform remembers: threads, posts, their hidden keys, and news not yet told.

It stands in for a platform's own servers, so it has an SQLite file of its own, which outlives the
bridge: whatever a call did is in the file before the call returns, also when the process is killed
right after. Numbers of threads and posts are microseconds that only grow, so that a new file
never repeats the numbers of a lost one. Every change has a number too: a page resumes by it.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.sandbox.rows import (
    POST,
    SCHEMA,
    THREAD,
    Changes,
    Json,
    KeptPost,
    KeptThread,
    NewPost,
    News,
    PostChange,
    dump,
    post_of,
    thread_of,
)
from bridge.ports.core import Clock


class Ledger:
    """The file. Used from one event loop; a write takes some 50 µs and is not worth a thread.

    WAL with `synchronous=NORMAL` survives a killed process, which is what can happen to a demo;
    only a power cut may lose the last moments. `patience` is how many seconds a write waits for
    another program that holds the file.
    """

    def __init__(self, path: Path | str, clock: Clock, patience: float = 5.0) -> None:
        self._path = path
        self._clock = clock
        self._patience = patience
        self._file: sqlite3.Connection | None = None
        self._listeners: set[Callable[[], None]] = set()

    def __enter__(self) -> Self:
        """Open the file, making it at the first time."""
        if isinstance(self._path, Path) and not self._path.exists():
            # What customers say is nobody else's to read on this machine.
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        file = sqlite3.connect(self._path, isolation_level=None, timeout=self._patience)
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=NORMAL")
        file.executescript(SCHEMA)
        born = int(self._clock.now() * 1_000_000)
        file.execute("INSERT OR IGNORE INTO counters VALUES ('born', ?)", (born,))
        self._file = file
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener`, which must not block, after every change; returns what ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def add_thread(self, room: str, card: Json, keys: tuple[str, ...]) -> int:
        """Keep a new thread and return its number."""
        with self._change() as (tx, change):
            thread = self._next_id(tx)
            tx.execute("INSERT INTO threads VALUES (?,?,?,?)", (thread, room, dump(card), change))
            _keep_keys(tx, keys, thread, 0)
        return thread

    def set_card(self, thread: int, card: Json) -> None:
        """Put another card at the root of a thread."""
        with self._change() as (tx, change):
            row = (dump(card), change, thread)
            tx.execute("UPDATE threads SET card = ?, change = ? WHERE id = ?", row)

    def remove_thread(self, thread: int) -> None:
        """Forget a thread and all that stands in it, as when somebody deletes it."""
        with self._change() as (tx, _):
            for table, column in (("posts", "thread"), ("keys", "thread"), ("threads", "id")):
                tx.execute(f"DELETE FROM {table} WHERE {column} = ?", (thread,))  # noqa: S608 - constants

    def add_post(
        self, thread: int, post: NewPost, keys: tuple[str, ...] = (), news: Json | None = None
    ) -> int:
        """Keep a new post, with news of it for the bridge or without, and return its number."""
        with self._change() as (tx, change):
            made = self._next_id(tx)
            row = (made, thread, dump(post.body), post.text, post.teammate, post.note, change)
            tx.execute(
                "INSERT INTO posts (id, thread, body, text, teammate, note, change)"
                " VALUES (?,?,?,?,?,?,?)",
                row,
            )
            _keep_keys(tx, keys, thread, made)
            if news is not None:
                _keep_news(tx, thread, {**news, "post": made})
        return made

    def change_post(self, post: KeptPost, what: PostChange, news: Json | None = None) -> None:
        """Change a post, with news of it for the bridge or without; what is not named stays."""
        with self._change() as (tx, change):
            row = (what.set_text, what.text, what.note, what.mark, what.set_text, change, post.id)
            tx.execute(
                "UPDATE posts SET text = CASE WHEN ? THEN ? ELSE text END,"
                " note = coalesce(?, note), mark = coalesce(?, mark), edits = edits + ?,"
                " change = ? WHERE id = ?",
                row,
            )
            if news is not None:
                _keep_news(tx, post.thread, {**news, "post": post.id})

    def add_news(self, thread: int, news: Json) -> None:
        """Keep something that happened in a thread without a post."""
        with self._change() as (tx, _):
            _keep_news(tx, thread, news)

    def serial(self) -> int:
        """Return a number never given before, for news to be known by."""
        with self._change() as (tx, _):
            return self._next_id(tx)

    def forget_news(self, news: News) -> None:
        """The bridge has taken it."""
        self._open.execute("DELETE FROM news WHERE id = ?", (news.id,))

    # ── reading ──────────────────────────────────────────────────────────────────────────────

    def thread(self, thread: int) -> KeptThread | None:
        """Return one thread, or None."""
        row = self._open.execute(f"{THREAD} WHERE id = ?", (thread,)).fetchone()
        return thread_of(row) if row else None

    def threads(self) -> tuple[KeptThread, ...]:
        """Return every thread, the oldest first."""
        return tuple(map(thread_of, self._open.execute(f"{THREAD} ORDER BY id")))

    def post(self, post: int) -> KeptPost | None:
        """Return one post, or None."""
        row = self._open.execute(f"{POST} WHERE id = ?", (post,)).fetchone()
        return post_of(row) if row else None

    def posts(self, thread: int) -> tuple[KeptPost, ...]:
        """Return the posts of a thread, in their order."""
        rows = self._open.execute(f"{POST} WHERE thread = ? ORDER BY id", (thread,))
        return tuple(map(post_of, rows))

    def shows_file(self, thread: int, file: str) -> bool:
        """Whether a file stands on a post of a thread that was not deleted."""
        posts = (post for post in self.posts(thread) if post.text is not None)
        return any(kept["id"] == file for post in posts for kept in post.body["files"])

    def keyed(self, room: str, key: str) -> tuple[tuple[int, int], ...]:
        """Return what was sent to a room with this key: thread, and post or 0 for the root."""
        rows = self._open.execute(
            "SELECT thread, post FROM keys JOIN threads ON threads.id = thread"
            " WHERE key = ? AND room = ? ORDER BY post",
            (key, room),
        )
        return tuple((int(thread), int(post)) for thread, post in rows)

    def news(self, thread: int) -> tuple[News, ...]:
        """Return what the bridge has not taken yet from a thread, in its order."""
        rows = self._open.execute(
            "SELECT id, thread, body FROM news WHERE thread = ? ORDER BY id", (thread,)
        )
        return tuple(News(id, thread, json.loads(body)) for id, thread, body in rows)

    def threads_with_news(self) -> tuple[int, ...]:
        """Return the threads from which something is still to be told."""
        return tuple(row[0] for row in self._open.execute("SELECT DISTINCT thread FROM news"))

    def cursor(self) -> int:
        """Return the number of the last change."""
        return self._counter("change")

    def born(self) -> int:
        """Return when the file was made, by which a page tells it from an earlier one."""
        return self._counter("born")

    def changes(self, after: int) -> Changes:
        """Return what changed after a number."""
        where = "WHERE change > ? ORDER BY change"
        return Changes(
            threads=tuple(map(thread_of, self._open.execute(f"{THREAD} {where}", (after,)))),
            posts=tuple(map(post_of, self._open.execute(f"{POST} {where}", (after,)))),
            cursor=self.cursor(),
        )

    # ── within ───────────────────────────────────────────────────────────────────────────────

    @property
    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            raise sqlite3.ProgrammingError("the sandbox desk's file is not open")
        return self._file

    def _counter(self, name: str) -> int:
        row = self._open.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return int(row[0])

    @contextmanager
    def _change(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """Open a transaction with the next change number, and tell the listeners at its end."""
        tx = self._open
        tx.execute("BEGIN IMMEDIATE")
        try:
            yield tx, _count(tx, "change", 0)
            tx.execute("COMMIT")
        except BaseException:
            if tx.in_transaction:
                tx.execute("ROLLBACK")
            raise
        for listener in tuple(self._listeners):
            listener()

    def _next_id(self, tx: sqlite3.Connection) -> int:
        return _count(tx, "id", int(self._clock.now() * 1_000_000))


def _count(tx: sqlite3.Connection, name: str, at_least: int) -> int:
    """Move a counter on by one, or further to `at_least`, and return where it stands."""
    rows = tx.execute(
        "UPDATE counters SET value = max(value + 1, ?) WHERE name = ? RETURNING value",
        (at_least, name),
    ).fetchall()
    return int(rows[0][0])


def _keep_keys(tx: sqlite3.Connection, keys: tuple[str, ...], thread: int, post: int) -> None:
    tx.executemany("INSERT INTO keys VALUES (?,?,?)", [(key, thread, post) for key in keys])


def _keep_news(tx: sqlite3.Connection, thread: int, news: Json) -> None:
    tx.execute("INSERT INTO news (thread, body) VALUES (?,?)", (thread, dump(news)))
