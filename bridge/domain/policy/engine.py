"""The policy, ready to decide: its settings, the compiled packs, the model, and its version."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from bridge.domain.policy.grammar import phrases
from bridge.domain.policy.hours import Hours
from bridge.domain.policy.model import Model, from_json
from bridge.domain.policy.packs import Packs, Source, compile_packs, packaged
from bridge.domain.policy.parsing import Problem, parse_settings
from bridge.domain.policy.settings import Settings, Topic

_VERSION_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a decision needs; made once, used for every message."""

    settings: Settings
    packs: Packs
    model: Model | None
    version: str

    @property
    def hours(self) -> Hours | None:
        """When people are there; None for always."""
        return self.settings.hours

    def strip_markers(self, text: str) -> str:
        """Return an assistant's answer without the markers that ask for a person."""
        for marker in self.settings.signals.markers:
            text = text.replace(marker, "")
        return text.strip()


def parse_policy(
    table: object, source: str = "", model: Model | None = None
) -> Policy | tuple[Problem, ...]:
    """Make a policy of the `[policy]` table of handoff.toml.

    Takes the table, the text of the file it came from (for the line numbers of problems) and a
    model in place of the packaged one. Returns the policy, or all problems of the table.
    """
    settings = parse_settings(table, source)
    return settings if isinstance(settings, tuple) else make_policy(settings, model)


@cache
def default_policy() -> Policy:
    """Return the policy that holds when nothing is set."""
    return make_policy(Settings())


def make_policy(settings: Settings, model: Model | None = None) -> Policy:
    """Compile a policy from settings."""
    own = _own_packs(settings.topics)
    builtin = settings.languages
    packs = compile_packs([*packaged(builtin), *own]) if own else _compiled(builtin)
    used = (model or packaged_model()) if settings.model.enabled else None
    return Policy(settings, packs, used, _version(settings, used))


@cache
def _compiled(languages: tuple[str, ...]) -> Packs:
    """Return the packs that come with the program, compiled once."""
    return compile_packs(packaged(languages))


def _own_packs(topics: Mapping[str, Topic]) -> list[Source]:
    """Return the administrator's phrases as packs of their own, one a topic."""
    return [
        Source(
            language="own",
            words={"phrases": [p for text in topic.phrases for p in phrases(text)]},
            common=frozenset(),
            walled=frozenset(),
            rules={own_group(name): {"phrases": ["phrases"]}},
        )
        for name, topic in topics.items()
        if topic.phrases
    ]


def own_group(topic: str) -> str:
    """Return the name under which the administrator's phrases of a topic are found."""
    return f"own_{topic}"


@cache
def packaged_model() -> Model | None:
    """Return the model that comes with the program, or None where it was left out."""
    source = files("bridge.domain.policy") / "data" / "model.json"
    return from_json(json.loads(source.read_text(encoding="utf-8"))) if source.is_file() else None


def _version(settings: Settings, model: Model | None) -> str:
    """Return a short hash of all that can change a decision."""
    digest = sha256(_canonical(settings).encode())
    digest.update(_packs_digest(settings.languages))
    if model:
        digest.update(f"{model.classes}{model.bias}{sorted(model.weights.items())}".encode())
    return digest.hexdigest()[:_VERSION_LENGTH]


def _canonical(settings: Settings) -> str:
    plain = {f: getattr(settings, f) for f in settings.__slots__}
    plain["topics"] = {name: asdict(topic) for name, topic in settings.topics.items()}
    return repr(sorted(plain.items()))


@cache
def _packs_digest(languages: tuple[str, ...]) -> bytes:
    folder = files("bridge.domain.policy") / "data" / "packs"
    texts = [(folder / f"{language}.toml").read_bytes() for language in languages]
    return sha256(b"\0".join(texts)).digest()
