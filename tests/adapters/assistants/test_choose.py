"""The setting HANDOFF_ASSISTANT, and which assistant each value means."""

from pathlib import Path

import pytest

from adapters.assistants import AssistantSettings, make_assistant
from adapters.assistants.failures import Rested
from adapters.assistants.faq import FaqAssistant
from adapters.assistants.none import NoAssistant
from adapters.assistants.python import PythonAssistant
from adapters.assistants.scripted import ScriptedAssistant
from adapters.outbound import open_session
from bridge.domain.errors import ConfigurationError
from bridge.ports.assistant import Assistant
from tests.clocks import HandClock


async def chosen(spec: str, settings: AssistantSettings | None = None) -> Assistant:
    """Return what a value means."""
    async with open_session() as session:
        return make_assistant(spec, settings or AssistantSettings(), session, HandClock())


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("faq", FaqAssistant),
        (" none ", NoAssistant),
        ("openai", Rested),
        ("webhook", Rested),
        ("python:tests.adapters.assistants.bots.good:reply", PythonAssistant),
    ],
)
async def test_each_value_is_an_assistant(spec: str, kind: type) -> None:
    """The contract's values make the assistants they name."""
    settings = AssistantSettings(
        api_key="k", model="m", url="https://bot.example.com/", secret="whsec_MTIz"
    )
    assert isinstance(await chosen(spec, settings), kind)


async def test_a_script_is_read_from_its_file(tmp_path: Path) -> None:
    """`scripted:FILE` takes any path, colons included."""
    path = tmp_path / "a:b.jsonl"
    path.write_text('{"text": "hello"}')
    assert isinstance(await chosen(f"scripted:{path}"), ScriptedAssistant)


@pytest.mark.parametrize("spec", ["", "gpt", "faq:dir", "python", "scripted", "FAQ", "none:"])
async def test_other_values_are_refused(spec: str) -> None:
    """A value that means nothing is answered with those that do."""
    with pytest.raises(ConfigurationError, match=r"HANDOFF_ASSISTANT: one of faq"):
        await chosen(spec)


async def test_problems_of_the_chosen_one_are_told(tmp_path: Path) -> None:
    """Each assistant names its own settings when it cannot be made."""
    for spec, setting in (
        ("openai", "HANDOFF_ASSISTANT_MODEL"),
        ("webhook", "HANDOFF_ASSISTANT_URL"),
        ("faq", "HANDOFF_FAQ_DIR"),
    ):
        folder = tmp_path / "none" if spec == "faq" else None
        with pytest.raises(ConfigurationError, match=setting):
            await chosen(spec, AssistantSettings(faq_dir=folder))


@pytest.mark.parametrize(
    ("spec", "settings", "told"),
    [
        ("openai", AssistantSettings(), ["HANDOFF_ASSISTANT_MODEL", "OPENAI_API_KEY"]),
        (
            "openai",
            AssistantSettings(base_url="gopher://ai", api_key="a b", faq_dir=Path("no/such")),
            ["HANDOFF_ASSISTANT_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "HANDOFF_FAQ_DIR"],
        ),
        (
            "webhook",
            AssistantSettings(url="https://bot.example/#top", secret="whsec_*"),
            ["HANDOFF_ASSISTANT_URL", "HANDOFF_WEBHOOK_SECRET"],
        ),
        (
            "webhook",
            AssistantSettings(url="https://bot.example/#top"),
            ["HANDOFF_ASSISTANT_URL", "HANDOFF_WEBHOOK_SECRET"],
        ),
        ("webhook", AssistantSettings(url="bot"), ["HANDOFF_ASSISTANT_URL"]),
    ],
)
async def test_all_problems_of_the_chosen_one_are_told_at_once(
    spec: str, settings: AssistantSettings, told: list[str]
) -> None:
    """Whoever mends the first does not meet the next at the following start."""
    with pytest.raises(ConfigurationError) as caught:
        await chosen(spec, settings)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == told
