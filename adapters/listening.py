"""The address the program listens on: tried before anything is made, and what is wrong with it.

The try takes the address for a moment only, so a program that comes in between is still met when
the server begins; both tell it in the same words.
"""

import asyncio
import errno
import socket

from adapters.faults import in_words
from bridge.domain.errors import ConfigurationError

_HOSTS = "use 127.0.0.1 for this machine alone, or 0.0.0.0 for all its addresses"


async def try_address(host: str, port: int) -> None:
    """Raise `ConfigurationError` when the server could not listen there."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise unusable(host, port, error) from error
    failed = [why for info in found if (why := _failure(info[0], info[4])) is not None]
    for why in failed:
        # An address of several may be of a kind this machine lacks, as IPv6 of localhost.
        if why.errno == errno.EADDRINUSE or len(failed) == len(found):
            raise unusable(host, port, why) from why


def _failure(family: int, address: tuple[object, ...]) -> OSError | None:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As asyncio's servers bind: past what waits of old connections, and IPv6 for itself.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def unusable(host: str, port: int, error: OSError | UnicodeError) -> ConfigurationError:
    """Return what to tell when the program cannot listen on this address."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return ConfigurationError([f"HANDOFF_HOST: {host} cannot be looked up; {_HOSTS}"])
    match error.errno:
        case errno.EADDRINUSE:
            told = f"HANDOFF_PORT: {port} on {host} is in use; end the program that listens there"
            return ConfigurationError([f"{told}, or set another port"])
        case errno.EACCES | errno.EPERM:
            told = f"HANDOFF_PORT: {port} on {host} is not this account's to use"
            return ConfigurationError([f"{told}; set one above 1023"])
        case errno.EADDRNOTAVAIL:
            told = f"HANDOFF_HOST: {host} is no address of this machine"
            return ConfigurationError([f"{told}; {_HOSTS}"])
        case _:
            told = f"HANDOFF_HOST: {host} cannot be listened on: {in_words(error)}"
            return ConfigurationError([f"{told}; {_HOSTS}"])
