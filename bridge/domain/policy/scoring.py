"""How well the policy reads single messages: per trigger, over all and by language.

Precision is measured against ordinary messages (those labelled `none`), as the published
baselines are; a message that carries another trigger counts as missed, not as a false alarm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bridge.domain.policy.decide import decide
from bridge.domain.policy.engine import Policy
from bridge.domain.policy.replaying import share
from bridge.domain.policy.values import Action, CustomerSaid, Memory, Talk

AMBIGUOUS = "ambiguous"
ORDINARY = "none"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A message and the trigger a person gave it."""

    text: str
    lang: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A message with the trigger the policy found, `none` for nothing."""

    row: Labelled
    found: str


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one trigger."""

    precision: float
    recall: float
    f1: float
    false_per_1000: float
    positives: int


def trigger_of(policy: Policy, row: Labelled) -> str:
    """Return the trigger the policy finds in a message that stands alone."""
    decision, _ = decide(policy, Talk(lang=row.lang), Memory(), CustomerSaid(row.text, 0.0))
    return ORDINARY if decision.action is Action.NONE else decision.trigger


def scores(scored: Iterable[Scored]) -> Mapping[str, Score]:
    """Return the figures of every trigger that is labelled or was found; ambiguous rows are out."""
    kept = [one for one in scored if one.row.trigger != AMBIGUOUS]
    names = {one.row.trigger for one in kept} | {one.found for one in kept}
    return {name: _score(kept, name) for name in sorted(names - {ORDINARY})}


def by_language(scored: Iterable[Scored]) -> Mapping[str, Mapping[str, Score]]:
    """Return the same figures for each language."""
    kept = list(scored)
    languages = sorted({one.row.lang for one in kept})
    return {lang: scores([one for one in kept if one.row.lang == lang]) for lang in languages}


def _score(scored: Sequence[Scored], name: str) -> Score:
    positives = sum(one.row.trigger == name for one in scored)
    right = sum(one.row.trigger == name == one.found for one in scored)
    ordinary = sum(one.row.trigger == ORDINARY for one in scored)
    false = sum(one.row.trigger == ORDINARY and one.found == name for one in scored)
    precision, recall = share(right, right + false), share(right, positives)
    return Score(
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if right else 0.0,
        false_per_1000=1000 * share(false, ordinary),
        positives=positives,
    )
