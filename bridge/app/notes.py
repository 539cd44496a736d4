"""What can be meant as it stands and mostly is not: noted by the doctor and at the start."""

from ipaddress import ip_address

from bridge.app.desks import wanted
from bridge.config import Settings
from bridge.domain.errors import ConfigurationError


def notes(settings: Settings) -> list[str]:
    """Return one sentence for each, beginning with the setting it is about."""
    found = []
    if settings.assistant.strip() == "faq" and not settings.faq_dir:
        found.append(
            "HANDOFF_FAQ_DIR is not set: customers are answered from the pages of the demo's shop; "
            "name a folder of your own, or set HANDOFF_ASSISTANT=none"
        )
    if _has_sandbox(settings) and not _is_loopback(settings.host):
        found.append(
            f"HANDOFF_HOST: the sandbox desk has no login, and {settings.host} may let others "
            "reach it; whoever opens its page answers customers"
        )
    return found


def _has_sandbox(settings: Settings) -> bool:
    try:
        return "sandbox" in wanted(settings)
    except ConfigurationError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
