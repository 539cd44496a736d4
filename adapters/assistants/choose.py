"""Which assistant a setting means: the one place that reads `HANDOFF_ASSISTANT`."""

from collections.abc import Callable
from pathlib import Path

import aiohttp

from adapters.assistants.failures import Breaker, Rested
from adapters.assistants.faq import FaqAssistant
from adapters.assistants.faq_index import Faq
from adapters.assistants.faq_pages import load_sections
from adapters.assistants.none import NoAssistant
from adapters.assistants.openai import OpenAIAssistant
from adapters.assistants.python import PythonAssistant, load_function
from adapters.assistants.scripted import ScriptedAssistant, load_script
from adapters.assistants.settings import DEMO_FAQ, AssistantSettings
from adapters.assistants.webhook import WebhookAssistant
from bridge.domain.errors import ConfigurationError, problems_in
from bridge.ports.assistant import Assistant
from bridge.ports.core import Clock

KNOWN = "faq, openai, webhook, python:package.module:function, scripted:FILE, none"

Maker = Callable[[str, AssistantSettings, aiohttp.ClientSession, Clock], Assistant]


def make_assistant(
    spec: str, settings: AssistantSettings, session: aiohttp.ClientSession, clock: Clock
) -> Assistant:
    """Return the assistant that `spec`, the value of HANDOFF_ASSISTANT, names.

    The session should come from `adapters.outbound.open_session`, and stays the caller's. Raises
    `ConfigurationError` naming the setting and the mend.
    """
    kind, colon, rest = spec.strip().partition(":")
    maker = MAKERS.get(kind)
    if maker is None or bool(colon) != (kind in WITH_ARGUMENT):
        raise ConfigurationError([f"HANDOFF_ASSISTANT: one of {KNOWN} is expected, not {spec!r}"])
    return maker(rest.strip(), settings, session, clock)


def _faq(
    _rest: str, settings: AssistantSettings, _session: aiohttp.ClientSession, _clock: Clock
) -> Assistant:
    """Return the assistant that answers from Markdown files."""
    return FaqAssistant(Faq(load_sections(settings.faq_dir or DEMO_FAQ)))


def _openai(
    _rest: str, settings: AssistantSettings, session: aiohttp.ClientSession, clock: Clock
) -> Assistant:
    """Return the language model, given the passages of the FAQ when a folder is set."""
    try:
        folder = settings.faq_dir
        knowledge = Faq(load_sections(folder)).passages if folder is not None else None
    except ConfigurationError as error:
        others = problems_in(lambda: OpenAIAssistant(settings, session, clock))
        raise ConfigurationError([*others, *error.problems]) from None
    return Rested(OpenAIAssistant(settings, session, clock, knowledge), Breaker(clock))


def _webhook(
    _rest: str, settings: AssistantSettings, session: aiohttp.ClientSession, clock: Clock
) -> Assistant:
    """Return the outside assistant."""
    return Rested(WebhookAssistant(settings, session, clock), Breaker(clock))


def _python(
    rest: str, settings: AssistantSettings, _session: aiohttp.ClientSession, _clock: Clock
) -> Assistant:
    """Return a Python function as assistant."""
    return PythonAssistant(load_function(rest), settings)


def _scripted(
    rest: str, _settings: AssistantSettings, _session: aiohttp.ClientSession, clock: Clock
) -> Assistant:
    """Return the player of a script."""
    return ScriptedAssistant(load_script(Path(rest)), clock)


def _none(
    _rest: str, _settings: AssistantSettings, _session: aiohttp.ClientSession, _clock: Clock
) -> Assistant:
    """Return no assistant."""
    return NoAssistant()


MAKERS: dict[str, Maker] = {
    "faq": _faq,
    "openai": _openai,
    "webhook": _webhook,
    "python": _python,
    "scripted": _scripted,
    "none": _none,
}
WITH_ARGUMENT = frozenset({"python", "scripted"})
