"""Logging: one line an event, a constant message and fields; never message text, never a secret."""

import json
import logging
import sys
from datetime import UTC, datetime

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every log record carries by itself; all else was given as a field."""


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in STANDARD}


class JsonLines(logging.Formatter):
    """One JSON object a line; control characters are escaped by JSON itself."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """One readable line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of text, with its fields behind."""
        fields = " ".join(f"{name}={value!r}" for name, value in _fields(record).items())
        line = f"{record.levelname.lower():8}{record.getMessage()}  {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up(style: str, level: str) -> None:
    """Log to standard error from now on; `style` is `json` or `text`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The frameworks' own access logs would carry addresses with tickets in them, and Alembic names
    # each of its plugins, of which nobody here chose one.
    for name in ("aiohttp.access", "slack_bolt", "slack_sdk", "alembic.runtime.plugins"):
        logging.getLogger(name).setLevel(logging.WARNING)


def keep_silent() -> None:
    """Log nowhere, where an answer on standard output and standard error is all that is wanted."""
    logging.getLogger().addHandler(logging.NullHandler())
