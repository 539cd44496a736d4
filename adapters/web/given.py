"""What the customer's side is given at start: its settings and the core's doors."""

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.addresses import Network
from bridge.ports.core import Board, Clock, Inbox, Presence, TakenFacts


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How the customer's side behaves.

    `secret_key` signs the visitors' tokens. `allowed_origins` are sites whose pages may ask
    (`https://shop.example`), beside the public URL's own. `desks` are the names a bot may ask for.
    `is_staffed` tells whether somebody is at the desk at this hour. `max_streams` bounds the
    streams of one conversation.
    """

    secret_key: bytes = field(repr=False)
    public_url: str = "http://127.0.0.1:8080"
    allowed_origins: tuple[str, ...] = ()
    identity_secret: str = field(default="", repr=False)
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    rate_limits: bool = True
    name: str = "Support"
    accent: str | None = None
    max_file_bytes: int = 10 << 20
    max_streams: int = 16
    trusted_proxies: tuple[Network, ...] = ()
    desks: tuple[str, ...] = ()
    is_staffed: Callable[[], bool] = _always


@dataclass(frozen=True, slots=True)
class Core:
    """The core as this side knows it."""

    inbox: Inbox
    board: Board
    presence: Presence
    clock: Clock
    taken: TakenFacts
