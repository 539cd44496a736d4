"""Settings turned into what each part is given at start. Values in, values out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import aiohttp
from yarl import URL

from adapters.assistants.judge import ModelJudge
from adapters.assistants.settings import AssistantSettings
from adapters.assistants.summary import Summarizer
from adapters.http import Component
from adapters.metrics import Metrics
from adapters.outbound import checked_url
from adapters.web.given import WebSettings
from adapters.webhooks import Keys, WebhookSender, signing_keys
from bridge.app.desks import Connected
from bridge.app.policy import PolicyFile
from bridge.config import Settings
from bridge.domain.errors import ConfigurationError, check_all
from bridge.domain.rules import Rules
from bridge.ports.core import Clock
from bridge.relay.relay import Relay

UNSIGNED = (
    "HANDOFF_WEBHOOK_SECRET: it is missing; events are signed with it; "
    "make one with: echo whsec_$(openssl rand -base64 32)"
)


def shown(host: str) -> str:
    """Return a bind address as a browser on this machine would open it."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 -- compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def public_url(settings: Settings) -> str:
    """Return how the outside reaches the bridge."""
    return settings.public_url or f"http://{shown(settings.host)}:{settings.port}"


def rules(
    settings: Settings, desks: Sequence[Connected], policy: PolicyFile
) -> Callable[[], Rules]:
    """Return what gives the rules in force; made anew only when the policy was reloaded."""

    def make() -> Rules:
        return Rules(
            policy.current,
            tuple(connected.place for connected in desks),
            {connected.desk.name: connected.desk.capabilities for connected in desks},
            policy.waits,
            asks=settings.assistant.strip() != "none",
            webhooks=bool(settings.webhook_url),
            assistant_name=settings.assistant_name,
            on_call=policy.on_call,
        )

    return policy.cached(make)


def assistant(settings: Settings) -> AssistantSettings:
    """Return what the assistants are told."""
    return AssistantSettings(
        faq_dir=Path(settings.faq_dir) if settings.faq_dir else None,
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key,
        model=settings.assistant_model,
        prompt=settings.assistant_prompt,
        url=settings.assistant_url,
        secret=settings.webhook_secret,
    )


def webhooks(
    settings: Settings, session: aiohttp.ClientSession, clock: Clock
) -> WebhookSender | None:
    """Return the sender of outgoing webhooks, or None when no address is set."""
    if not settings.webhook_url:
        return None

    def url() -> URL:
        return checked_url("HANDOFF_WEBHOOK_URL", settings.webhook_url)

    def keys() -> Keys:
        if not settings.webhook_secret:
            raise ConfigurationError([UNSIGNED])
        return signing_keys("HANDOFF_WEBHOOK_SECRET", settings.webhook_secret)

    check_all(url, keys)
    return WebhookSender(url(), keys(), session, clock)


def has_model(settings: Settings) -> bool:
    """Whether a language model is set up that can judge and sum up."""
    return bool(settings.assistant_model and (settings.openai_base_url or settings.openai_api_key))


def judge(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> ModelJudge | None:
    """Return the judge, or None without a model; the policy says whether it is asked."""
    return ModelJudge(assistant(settings), session, clock) if has_model(settings) else None


def summarizer(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> Summarizer:
    """Return what sums cases up; without a model it quotes."""
    return Summarizer(assistant(settings), session, clock)


def web(settings: Settings, desks: Sequence[Connected], policy: PolicyFile) -> WebSettings:
    """Return what the customer's side is told."""
    return WebSettings(
        secret_key=settings.secret_key.encode(),
        public_url=public_url(settings),
        allowed_origins=settings.allowed_origins,
        identity_secret=settings.identity_secret,
        api_keys=settings.api_keys,
        rate_limits=settings.rate_limits,
        trusted_proxies=settings.trusted_proxies,
        desks=tuple(connected.desk.name for connected in desks),
        is_staffed=policy.is_staffed,
    )


def ready(relay: Relay) -> Mapping[str, Component]:
    """Return the state of each component, for /readyz."""
    owned, stores = len(relay.inbox.owned), relay.inbox.is_storing
    return {
        "store": Component("open" if stores else "takes nothing", ready=stores),
        "shards": Component(f"{owned} owned", ready=True),
        "courier": Component(f"{relay.courier.waiting()} waiting", ready=True),
    }


def metrics(relay: Relay) -> Metrics:
    """Return the metrics, with the gauges that read the relay."""
    found = Metrics()
    found.gauge(
        "handoff_deliveries_waiting",
        "Deliveries that wait or are on their way.",
        lambda: float(relay.courier.waiting()),
    )
    return found
