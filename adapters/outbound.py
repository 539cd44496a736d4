"""Calls to addresses that the site's owner configured: which are allowed, and how they can fail.

An address is checked as it is written, and again as it resolves, by the resolver that makes the
connection: a public name cannot turn into an inner address in between. Redirects are never
followed, and no more of an answer is read than was agreed.
"""

import ipaddress
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from adapters.faults import in_words
from bridge.domain.errors import BridgeError, ConfigurationError, DeliveryError, Refused, TryAgain

LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc", ".test")
"""Endings of names that belong to inner networks (RFC 6761, 6762, 8375, and custom)."""

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""The prefix under which IPv6 networks reach IPv4 addresses (RFC 6052)."""

LONGEST_WAIT = 300.0
"""The longest Retry-After that is honoured, in seconds."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TooMuch(BridgeError):
    """An answer went past the size that was agreed."""


class AddressRefused(OSError):
    """A name resolved to an address that may not be called."""


@dataclass(frozen=True, slots=True)
class Patient:
    """How long a call may take, in seconds: to connect, between two reads, and altogether."""

    connect: float = 5.0
    first_byte: float = 20.0
    total: float = 60.0

    def timeout(self) -> aiohttp.ClientTimeout:
        """Return the same as aiohttp wants it."""
        return aiohttp.ClientTimeout(
            total=self.total, sock_connect=self.connect, sock_read=self.first_byte
        )


def literal(host: str) -> Address | None:
    """Return the address that `host` spells, or None when it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def real(address: Address) -> Address:
    """Return the address that is really reached: what is wrapped in IPv6 is unwrapped."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_never_called(address: Address) -> bool:
    """Whether an address is never a server of ours: link-local (metadata), multicast, void."""
    found = real(address)
    return (
        found.is_link_local
        or found.is_multicast
        or found.is_unspecified
        or (found.is_reserved and not found.is_loopback)
    )


def is_inner_name(host: str) -> bool:
    """Whether `host` openly means an inner machine: its address, `localhost`, or a local name."""
    address = literal(host)
    if address is not None:
        return not real(address).is_global
    name = host.lower().rstrip(".")
    return "." not in name or name.endswith(LOCAL_SUFFIXES)


def is_allowed(host: str, address: Address) -> bool:
    """Whether the name `host` may stand for `address`."""
    if is_never_called(address):
        return False
    return real(address).is_global or is_inner_name(host)


def checked_url(setting: str, text: str) -> URL:
    """Return the address written in a setting; raises `ConfigurationError` naming the setting."""
    try:
        url = URL(text.strip())
        host = url.host or ""
    except ValueError:
        raise ConfigurationError([f"{setting}: it is not a web address"]) from None
    problem = _problem(url, host, text.strip())
    if problem:
        raise ConfigurationError([f"{setting}: it {problem}"])
    return url


def _problem(url: URL, host: str, text: str) -> str:
    """Return what is wrong with an address, or nothing."""
    address = literal(host)
    if url.scheme not in {"http", "https"} or not host:
        return "must begin with http:// or https:// and name a host"
    if url.user is not None or url.password is not None:
        return "must not carry a name or password before the host"
    if re.search(r"[\s\x00-\x1f\\]", text) or url.fragment:
        return "must not hold spaces, backslashes or a # part"
    if address is None and re.fullmatch(r"(?i:0x[0-9a-f]*|\d+)", host.rsplit(".", 1)[-1]):
        return "must spell an IP address with four decimal numbers"
    if address is not None and is_never_called(address):
        return f"names {address}, an address that is never a server to be called"
    return ""


class GuardedResolver(AbstractResolver):
    """Resolves names, leaving out nothing and letting no public name mean an inner address."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return the addresses of `host`; raises `AddressRefused` when one is not allowed."""
        found = await self._inner.resolve(host, port, family=family)  # type: ignore[arg-type]
        for result in found:
            address = literal(result["host"].partition("%")[0])
            if address is None or not is_allowed(host, address):
                raise AddressRefused(f"{host} resolves to an address that may not be called")
        return found

    async def close(self) -> None:
        """Release what the resolver holds."""
        await self._inner.close()


def open_session(limit: int = 100) -> aiohttp.ClientSession:
    """Return a session for such calls: guarded, without cookies, at most `limit` at a time.

    Proxies named in the environment are ignored. The caller closes it.
    """
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(), limit=limit)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    )


async def read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the body; raises `TooMuch` once it is longer than `limit` bytes."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > limit:
            response.close()
            raise TooMuch(f"the answer is longer than {limit} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds a Retry-After header asks for (RFC 9110, 10.2.3), at most five minutes."""
    if not value:
        return None
    try:
        wait = float(value) if value.isdigit() else parsedate_to_datetime(value).timestamp() - now
    except ValueError:
        return None
    return min(max(wait, 0.0), LONGEST_WAIT)


def unreachable(who: str, error: Exception) -> DeliveryError:
    """Return how a call failed that brought no status: `who` could not be reached."""
    refused = getattr(error, "os_error", None)
    if isinstance(refused, AddressRefused):
        return Refused(f"{who}: {refused}")
    if isinstance(error, TimeoutError):
        return TryAgain(f"{who} did not answer in time")
    return TryAgain(f"{who} could not be reached: {in_words(refused or error)}")
