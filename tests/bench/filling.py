"""Fills a SQLite database with a past: many old talks, as the bridge itself would have stored them.

Rows are multiplied inside the database, which takes seconds where talking would take hours.
"""

import asyncio
import sqlite3
from pathlib import Path

from storage import open_store

# ruff: noqa: S608, ISC004 (the only words put into these statements are our own)
EACH = 20
"""Messages in each old talk: half from the customer, each with its delivery, half from the team."""

_TALKS = "WITH RECURSIVE t (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n + 1 < :talks)"
_CROSS = f"{_TALKS}, l (s) AS (SELECT 1 UNION ALL SELECT s + 1 FROM l WHERE s < :each)"
_NAME = "printf('old%08x', (n * 2654435761) % 4294967296)"
"""Names scattered over the whole index, as random ones are."""

_STATEMENTS = (
    f"{_TALKS} INSERT INTO conversation SELECT {_NAME}, 30, 1.0, 'nobody', 3, :each, :each, :each,"
    " NULL, 'slack:T:C:' || n || '.5', :each, :each, :each, :each, :each, 0,"
    " '{\"name\":\"Kim\"}', '{}', '{}' FROM t",
    f"{_TALKS} INSERT INTO thread SELECT 'slack:T:C:' || n || '.5', {_NAME} FROM t",
    f"{_CROSS} INSERT INTO message SELECT 'm_' || {_NAME} || '_' || s, {_NAME}, s, s,"
    " CASE s % 2 WHEN 1 THEN 'customer' ELSE 'teammate' END, 'Kim', NULL, NULL,"
    " 'What people say in a chat is about as long as this sentence, more or less.', 1.0 + s, '[]',"
    " NULL, 0, CASE s % 2 WHEN 0 THEN 'slack:T:C:' || n || '.' || s END FROM t, l",
    f"{_CROSS} INSERT INTO fact SELECT 'web:' || {_NAME} || ':' || s, {_NAME}, 1.0 + s,"
    f" 'm_' || {_NAME} || '_' || s, s, '0123456789abcdef0123456789abcdef01234567' FROM t, l",
    f"{_CROSS} INSERT INTO delivery SELECT 'd_' || s || '_' || {_NAME} || '_' || s,"
    f" {_NAME}, 'desk', s, n % 64,"
    " 'slack', 'C', 'post_message', '{\"text\":\"What people say in a chat.\"}', 1.0 + s,"
    " 'delivered', 1, 0, 0.0, 1.0 + s, '', '{\"posts\":[\"slack:T:C:1.5\"]}'"
    " FROM t, l WHERE s % 2 = 1",
)


async def _make(url: str) -> None:
    async with open_store(url):
        pass


def fill(url: str, messages: int) -> None:
    """Make the database of `url` (sqlite:///path) with so many messages of the past."""
    asyncio.run(_make(url))
    connection = sqlite3.connect(Path(url.removeprefix("sqlite:///")))
    try:
        with connection:
            connection.execute("PRAGMA synchronous = OFF")
            for statement in _STATEMENTS:
                connection.execute(statement, {"talks": messages // EACH, "each": EACH})
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
