"""Is a request Slack's? Judged on the raw bytes, before anything reads them. Pure.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
from functools import lru_cache

SKEW_SECONDS = 300
LONGEST_TIMESTAMP = 12


def is_signed(secret: str, timestamp: str, signature: str, body: bytes, now: float) -> bool:
    """Return whether the body was signed with the secret within five minutes of `now`."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_TIMESTAMP):
        return False
    if abs(now - int(timestamp)) > SKEW_SECONDS or not signature.isascii():
        return False
    signed = _keyed(secret).copy()
    signed.update(b"v0:%b:%b" % (timestamp.encode(), body))
    return hmac.compare_digest("v0=" + signed.hexdigest(), signature)


@lru_cache(maxsize=4)
def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), digestmod=hashlib.sha256)
