"""Who the site says the customer is: a JSON Web Token (RFC 7519) signed with the shared secret.

The algorithm is pinned to HS256, an expiry within the hour is required, and a header that asks for
anything more is refused: what a token says of how to verify it is never believed.
"""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass

from adapters.problems import Problem
from adapters.web.blank import is_blank
from adapters.web.bodies import parse
from adapters.web.fields import CONTROL
from bridge.ports.core import Clock

LONGEST = 4096
FARTHEST = 3600
"""Seconds an identity may live: a leaked one is soon worthless."""
SKEW = 60
"""Seconds the site's clock may be ahead of ours."""
MOST = {"sub": 200, "name": 100, "email": 254}
"""Characters of each claim that is taken over."""

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A customer the site vouches for; `customer_id` is the site's own name for the person."""

    customer_id: str
    name: str | None = None
    email: str | None = None


class IdentityCheck:
    """Verifies identities; without a secret nobody can be vouched for."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret.encode()
        self._clock = clock

    def verify(self, token: str) -> Identity:
        """Return the identity; raises 401 saying what is wrong with the token."""
        if not self._secret:
            raise refused("identities are not set up here (HANDOFF_IDENTITY_SECRET).")
        if len(token) > LONGEST or not _SHAPE.fullmatch(token):
            raise refused("must be a signed JSON Web Token in compact form.")
        signed, _, signature = token.rpartition(".")
        header, _, claims = signed.partition(".")
        self._check_header(_object(header))
        wanted = hmac.digest(self._secret, signed.encode(), "sha256")
        if not hmac.compare_digest(wanted, _bytes(signature)):
            raise refused("the signature does not fit.")
        return self._identity(_object(claims))

    def _check_header(self, header: dict[str, object]) -> None:
        if header.get("alg") != "HS256" or header.get("typ", "JWT") != "JWT":
            raise refused("must be of type JWT and signed with HS256.")
        if not header.keys() <= {"alg", "typ"}:
            raise refused("the header may hold alg and typ only.")

    def _identity(self, claims: dict[str, object]) -> Identity:
        now = self._clock.wall()
        expires = _moment(claims, "exp")
        if expires is None:
            raise refused("exp is missing: a whole number of seconds since 1970.")
        if expires <= now:
            raise refused("it has expired.")
        if expires > now + FARTHEST + SKEW:
            raise refused("exp must be at most one hour ahead.")
        for claim in ("nbf", "iat"):
            if (_moment(claims, claim) or 0) > now + SKEW:
                raise refused(f"{claim} lies in the future.")
        customer_id = _line(claims, "sub")
        if customer_id is None or is_blank(customer_id):
            raise refused("sub is missing: the customer's id at your site.")
        name = _line(claims, "name")
        shown = None if name is None or is_blank(name) else name
        return Identity(customer_id, shown, _line(claims, "email"))


def refused(why: str) -> Problem:
    """Return the answer to an identity that cannot be believed."""
    return Problem(401, f"identity: {why}", field="identity")


def _bytes(text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise refused("must be a signed JSON Web Token in compact form.") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise refused("must be a signed JSON Web Token in compact form.")
    return raw


def _object(text: str) -> dict[str, object]:
    try:
        value = parse(_bytes(text))
    except Problem as problem:
        if problem.extra.get("field") == "identity":
            raise
        raise refused("its header and claims must be JSON objects.") from None
    if not isinstance(value, dict):
        raise refused("its header and claims must be JSON objects.")
    return value


def _moment(claims: dict[str, object], name: str) -> int | None:
    """Return a claim that is a moment; RFC 7519 allows fractions, nobody needs them."""
    value = claims.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise refused(f"{name} must be a whole number of seconds since 1970.")
    return value


def _line(claims: dict[str, object], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if type(value) is not str or CONTROL.search(value) or len(value) > MOST[name]:
        raise refused(f"{name} must be one line of at most {MOST[name]} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refused(f"{name} must not contain half of a surrogate pair.") from None
    return value
