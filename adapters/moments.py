"""How a moment is written for programs outside."""

from datetime import UTC, datetime
from functools import lru_cache


def rfc3339(at: float) -> str:
    """Return epoch seconds as RFC 3339 in UTC, to the millisecond."""
    second, micros = divmod(round(at * 1e6), 1_000_000)
    return f"{_second(second)}.{micros // 1000:03}Z"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    """Return the part that many messages in a row have in common."""
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]
