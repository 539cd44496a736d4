"""What an assistant is told at start: where its AI is, and the bounds nothing may pass."""

from dataclasses import dataclass, field
from pathlib import Path

from adapters.outbound import Patient

DEMO_FAQ = Path(__file__).parent / "demo_faq"
"""The questions and answers of the demo's shop."""

OPENAI = "https://api.openai.com/v1"
"""Where a key without an address belongs."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is sent to an assistant, and how much is taken from it.

    Characters, turns, tokens and bytes; what passes a bound is never cut into an answer. `calls`
    is how many questions may be under way at once.
    """

    answer: int = 8_000
    turns: int = 20
    prompt: int = 24_000
    tokens: int = 1_000
    body: int = 2_000_000
    line: int = 256_000
    calls: int = 16


@dataclass(frozen=True, slots=True)
class AssistantSettings:
    """The settings of all assistants; each reads its own.

    `faq_dir` None means the demo's. `base_url`, `api_key` and `model` name an OpenAI-compatible
    server, `prompt` replaces the built-in instructions. `url` is where an outside assistant is
    asked, `secret` signs the request.
    """

    faq_dir: Path | None = None
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    model: str = ""
    prompt: str = ""
    url: str = ""
    secret: str = field(default="", repr=False)
    patience: Patient = field(default_factory=Patient)
    bounds: Bounds = Bounds()
