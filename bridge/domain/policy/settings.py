"""What an administrator can set, as values with their defaults.

The names here are those of the `[policy]` tables in handoff.toml; `fields.py` says what each may
hold and `docs/policy.md` what each is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bridge.domain.policy.hours import Hours
from bridge.domain.policy.packs import LANGUAGES
from bridge.domain.policy.values import Mode

URGENCIES = ("low", "normal", "high")


@dataclass(frozen=True, slots=True)
class Ask:
    """What an ask for a person does."""

    mode: Mode = Mode.IMMEDIATE
    urgency: str = "normal"
    room: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject with its mode; `phrases` are the administrator's own words for it."""

    mode: Mode
    urgency: str = "normal"
    room: str = ""
    after: int = 2
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frustration:
    """What anger does: `mode` at first, an escalation at the hit number `hits`."""

    mode: Mode = Mode.OFFER
    hits: int = 2
    urgency: str = "high"
    room: str = ""


@dataclass(frozen=True, slots=True)
class Signals:
    """Certain signals: failures forgiven, thumbs down endured, announcements believed."""

    retries: int = 1
    thumbs_down: int = 2
    announced: bool = True
    markers: tuple[str, ...] = ("[[handoff]]",)


@dataclass(frozen=True, slots=True)
class Counters:
    """When a talk goes nowhere; zero turns a counter off."""

    strikes: int = 2
    overlap: float = 0.6
    min_confidence: float = 0.0
    turns: int = 0
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Whether the linear model is asked, and how sure it must be."""

    enabled: bool = True
    threshold: float = 0.9


@dataclass(frozen=True, slots=True)
class Judge:
    """The optional LLM judge: when it is asked, with how much, and for how long."""

    enabled: bool = False
    min_customer_turns: int = 2
    last_turns: int = 8
    timeout_seconds: float = 2.0
    guidance: str = ""


TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "security": Topic(Mode.IMMEDIATE, urgency="high"),
        "payment_dispute": Topic(Mode.OFFER),
        "cancellation": Topic(Mode.AFTER_ATTEMPTS),
        "complaint": Topic(Mode.IMMEDIATE),
        "legal": Topic(Mode.IMMEDIATE, urgency="high"),
    }
)
"""The topics the language packs know, in the order they are looked for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole `[policy]` table."""

    languages: tuple[str, ...] = LANGUAGES
    dry_run: bool = False
    min_attempts: int = 0
    cool_down_seconds: int = 600
    declined_seconds: int = 1800
    max_bounces: int = 3
    ask: Ask = Ask()
    signals: Signals = Signals()
    counters: Counters = Counters()
    model: ModelUse = ModelUse()
    frustration: Frustration = Frustration()
    judge: Judge = Judge()
    topics: Mapping[str, Topic] = field(default_factory=lambda: dict(TOPICS))
    hours: Hours | None = None
