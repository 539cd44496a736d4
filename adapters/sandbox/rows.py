"""The rows of the sandbox platform's file: its tables, and the values read from them."""

import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counters VALUES ('id', 0), ('change', 0);
CREATE TABLE IF NOT EXISTS threads (
    id INTEGER PRIMARY KEY, room TEXT NOT NULL, card TEXT NOT NULL, change INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS threads_by_change ON threads (change);
CREATE TABLE IF NOT EXISTS posts (
    id INTEGER PRIMARY KEY, thread INTEGER NOT NULL REFERENCES threads, body TEXT NOT NULL,
    text TEXT, teammate TEXT NOT NULL, note INTEGER NOT NULL, mark TEXT NOT NULL DEFAULT '',
    edits INTEGER NOT NULL DEFAULT 0, change INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS posts_by_thread ON posts (thread, id);
CREATE INDEX IF NOT EXISTS posts_by_change ON posts (change);
CREATE TABLE IF NOT EXISTS keys (key TEXT NOT NULL, thread INTEGER NOT NULL, post INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS keys_by_key ON keys (key);
CREATE TABLE IF NOT EXISTS news (
    id INTEGER PRIMARY KEY AUTOINCREMENT, thread INTEGER NOT NULL, body TEXT NOT NULL);
"""

THREAD = "SELECT id, room, card, change FROM threads"
POST = "SELECT id, thread, body, text, teammate, note, mark, edits, change FROM posts"


@dataclass(frozen=True, slots=True)
class KeptThread:
    """A thread: its room, and its root, the card, as plain JSON."""

    id: int
    room: str
    card: Json
    change: int


@dataclass(frozen=True, slots=True)
class NewPost:
    """A post to be kept; `teammate` is who wrote it at the page, empty for the bridge itself."""

    body: Json
    text: str
    teammate: str = ""
    note: bool = False


@dataclass(frozen=True, slots=True)
class KeptPost:
    """A post as it stands now; `text` is None when it was deleted, `mark` is empty for none."""

    id: int
    thread: int
    body: Json
    text: str | None
    teammate: str
    note: bool
    mark: str
    edits: int
    change: int


@dataclass(frozen=True, slots=True)
class PostChange:
    """What of a post changes; an absent `text` stays, a None one deletes the post."""

    set_text: bool = False
    text: str | None = None
    note: bool | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Something a teammate did that the bridge has not taken yet."""

    id: int
    thread: int
    body: Json


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed after some number, and the number to go on from."""

    threads: tuple[KeptThread, ...] = ()
    posts: tuple[KeptPost, ...] = ()
    cursor: int = 0


def dump(value: Json) -> str:
    """Return plain JSON as it is kept."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def thread_of(row: tuple[int, str, str, int]) -> KeptThread:
    """Return the thread of a row that `THREAD` read."""
    id, room, card, change = row
    return KeptThread(id, room, json.loads(card), change)


def post_of(row: tuple[int, int, str, str | None, str, int, str, int, int]) -> KeptPost:
    """Return the post of a row that `POST` read."""
    id, thread, body, text, teammate, note, mark, edits, change = row
    return KeptPost(id, thread, json.loads(body), text, teammate, bool(note), mark, edits, change)
