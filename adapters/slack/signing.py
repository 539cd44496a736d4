"""Is a request Slack's? Judged on the raw bytes, before anything reads them. Pure.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac

SKEW_SECONDS = 300
LONGEST_TIMESTAMP = 12


def is_signed(secret: str, timestamp: str, signature: str, body: bytes, now: float) -> bool:
    """Return whether the body was signed with the secret within five minutes of `now`."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_TIMESTAMP):
        return False
    if abs(now - int(timestamp)) > SKEW_SECONDS or not signature.isascii():
        return False
    signed = b"v0:%b:%b" % (timestamp.encode(), body)
    wanted = "v0=" + hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
    return hmac.compare_digest(wanted, signature)
