"""The kinds of settings: how a text becomes a value, and in words what is expected of it.

Every function here takes what was written and raises `ValueError` with a sentence for the person
who wrote it. A text that may hold a password is never repeated.
"""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import SplitResult, urlsplit

from yarl import URL

Parse = Callable[[str], object]

HIGHEST_PORT = 65535


class Secret(str):
    """A string that prints as stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


def text(value: str) -> str:
    """Return a text without the space around it."""
    return value.strip()


def secret(value: str) -> Secret:
    """Return a text that is not to be shown."""
    return Secret(value.strip())


def listed(value: str) -> tuple[str, ...]:
    """Return the parts between commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return networks; a single address is one too."""
    return tuple(_network(part) for part in listed(value))


def _network(written: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(written, strict=False)
    except ValueError as error:
        message = f"networks such as 10.0.0.0/8 are expected, not {written!r}"
        raise ValueError(message) from error
    try:
        return ip_network(written)
    except ValueError as error:
        message = f"{written!r} is an address within a network; write {network}"
        raise ValueError(message) from error


def port(value: str) -> int:
    """Return the number of a port; 0 stands for a free one."""
    try:
        number = int(value)
    except ValueError as error:
        message = f"a whole number is expected, not {value!r}"
        raise ValueError(message) from error
    if not 0 <= number <= HIGHEST_PORT:
        message = f"a whole number from 0 to {HIGHEST_PORT} is expected, not {value!r}"
        raise ValueError(message)
    return number


def seconds(value: str) -> float:
    """Return a length of time."""
    return _amount(value, "a number of seconds is expected, 0 or more")


def rate(value: str) -> float | None:
    """Return how many a second; None for as many as come."""
    return _amount(value or "0", "posts per second are expected, or 0 for no pacing") or None


def _amount(value: str, expected: str) -> float:
    try:
        amount = float(value)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        message = f"{expected}, not {value!r}"
        raise ValueError(message)
    return amount


def switch(value: str) -> bool:
    """Return yes or no."""
    words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    if value.strip().lower() not in words:
        message = f"on or off is expected, not {value!r}"
        raise ValueError(message)
    return words[value.strip().lower()]


def choice(*choices: str) -> Parse:
    """Return the kind that is one of these words; the empty one is not offered."""
    *others, last = filter(None, choices)

    def parse(value: str) -> str:
        if value.strip().lower() not in choices:
            message = f"{', '.join(others)} or {last} is expected, not {value!r}"
            raise ValueError(message)
        return value.strip().lower()

    return parse


def desks(value: str) -> tuple[str, ...]:
    """Return the names of desks."""
    unknown = sorted(set(listed(value)) - {"slack", "sandbox"})
    if unknown:
        message = f"slack or sandbox is expected, not {', '.join(map(repr, unknown))}"
        raise ValueError(message)
    return listed(value)


def site(value: str) -> str:
    """Return the address of our own side, as browsers are to reach it."""
    _check_site(value.strip())
    return value.strip()


def origins(value: str) -> tuple[str, ...]:
    """Return the sites between commas: scheme, host and port, which is all that browsers tell."""
    _check_nameless(value)
    for part in listed(value):
        found = _check_site(part)
        if found is None or (found.path in {"", "/"} and not (found.query or found.fragment)):
            continue
        message = f"{part!r} is more than an origin; write {found.scheme}://{found.netloc}"
        raise ValueError(message)
    return listed(value)


def _check_site(value: str) -> SplitResult | None:
    """Return the parts of a web address, None when it is empty; raises `ValueError` for others."""
    if not value:
        return None
    _check_nameless(value)
    # White space is looked for here: some of it would not be in the parts any more.
    parts = None if any(map(str.isspace, value)) else address(value)
    if parts is None or parts.scheme not in {"http", "https"} or not _is_host(parts):
        message = f"{value!r} is not an origin such as https://shop.example"
        raise ValueError(message)
    return parts


def _check_nameless(value: str) -> None:
    """Raise `ValueError` where a password may stand, be the rest of the text an address or not."""
    if "@" in value:
        message = "a name or password has no place in an origin; write https://shop.example"
        raise ValueError(message)


def _is_host(parts: SplitResult) -> bool:
    """Whether an address names one host, and a port that there is."""
    try:
        return bool(URL(parts.geturl()).raw_host) and "*" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def database(value: str) -> str:
    """Return the address of a database."""
    scheme = value.strip().partition(":")[0].lower()
    if scheme not in {"sqlite", "postgresql", "postgres"} or address(value.strip()) is None:
        message = "expected sqlite:///path or postgresql://…"
        raise ValueError(message)
    return value.strip()


def address(value: str) -> SplitResult | None:
    """Return the parts of an address; None for a text that is none."""
    try:
        return urlsplit(value)
    except ValueError:
        return None
