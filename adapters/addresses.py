"""From which address a request comes, for limits only; never proof of who somebody is.

A forwarding header is believed only when the connection comes from a proxy named in the settings,
and then read from its end, where that proxy wrote.
"""

import logging
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import hdrs, web

log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network


class Addresses:
    """Tells where requests come from; `trusted` are the networks of our own proxies."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted)
        self._warned = False

    def trusts(self, address: str) -> bool:
        """Whether an address is a proxy of ours."""
        if not self._trusted:
            return False
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)

    def of(self, request: web.BaseRequest) -> str:
        """Return the address to count a request under."""
        peer = request.remote or ""
        if self.trusts(peer):
            return grouped(self._forwarded(request, peer))
        if not self._warned and hdrs.X_FORWARDED_FOR in request.headers:
            self._warned = True
            log.warning("forwarding_header_ignored", extra={"mend": "name the proxy as trusted"})
        return grouped(peer)

    def _forwarded(self, request: web.BaseRequest, peer: str) -> str:
        entries = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, [])).split(",")
        nearest = peer
        for entry in reversed(entries):
            address = entry.strip()
            if not _is_address(address):
                return nearest
            nearest = address
            if not self.trusts(address):
                return nearest
        return nearest


def grouped(address: str) -> str:
    """Return what stands for one subscriber: an IPv4 address, or the /64 of an IPv6 address.

    One customer's line commonly has a whole /64 (RFC 6177), so single IPv6 addresses cost nothing.
    """
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed) >> 64 << 64, 64)))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
