"""Certain signals: nothing is guessed here.

A button, the API, the assistant's own tool or words, its failures, and thumbs down.
"""

from dataclasses import replace

from bridge.domain.policy.engine import Policy
from bridge.domain.policy.matching import read_with
from bridge.domain.policy.outcome import Outcome, nothing
from bridge.domain.policy.values import (
    Action,
    ApiEscalates,
    AssistantEscalates,
    AssistantFailed,
    AssistantSaid,
    Memory,
)

DETECTOR = "signal"


def _certain(trigger: str, rule: str, explanation: str, evidence: str = "") -> Outcome:
    return Outcome(
        Action.ESCALATE,
        trigger,
        f"signal.{rule}",
        evidence,
        detector=DETECTOR,
        mandatory=True,
        explanation=explanation,
    )


def button() -> Outcome:
    """Return what the customer's button means."""
    return _certain("human_request", "button", "pressed the button for a person")


def api(event: ApiEscalates) -> Outcome:
    """Return what a program's call means."""
    why = event.reason or "no reason given"
    outcome = _certain("api", "api", f"asked for by the API: {why}")
    return replace(outcome, urgency=event.urgency, room=event.room)


def tool(event: AssistantEscalates) -> Outcome:
    """Return what the assistant's tool call means."""
    why = event.reason or event.summary or "no reason given"
    outcome = _certain("assistant", "tool", f"the assistant asked for a person: {why}")
    return replace(outcome, urgency=event.urgency)


def failed(policy: Policy, memory: Memory, event: AssistantFailed) -> tuple[Outcome, Memory]:
    """Count a failure of the assistant; too many in a row bring in a person."""
    errors = memory.errors + 1
    memory = replace(memory, errors=errors)
    if errors <= policy.settings.signals.retries:
        return nothing("signal.retry", "the assistant failed: ask it once more"), memory
    why = event.why or "no answer"
    outcome = _certain("assistant_failed", "failed", f"the assistant failed {errors} times: {why}")
    return outcome, memory


def thumbs_down(policy: Policy, memory: Memory) -> tuple[Outcome, Memory]:
    """Count a thumb down."""
    thumbs = memory.thumbs_down + 1
    memory = replace(memory, thumbs_down=thumbs)
    most = policy.settings.signals.thumbs_down
    if not most or thumbs < most:
        return nothing("signal.thumbs_down", "an answer was rated as bad"), memory
    return _certain("thumbs_down", "thumbs_down", f"{thumbs} answers were rated as bad"), memory


def announced(policy: Policy, event: AssistantSaid) -> Outcome | None:
    """Return the escalation an answer announces, by a marker or in words, if it does."""
    signals = policy.settings.signals
    marker = next((m for m in signals.markers if m in event.text), "")
    if marker:
        return _certain("assistant", "marker", "the assistant asked for a person", marker)
    if not signals.announced:
        return None
    reading = read_with(policy.packs, event.text)
    found = reading.find("announce")
    if found is None or _asks_first(event.text):
        return None
    evidence = found.evidence
    said = f"the assistant said it would bring in a person: “{evidence}”"
    return replace(_certain("assistant", "announced", said, evidence), rule=found.rule)


def _asks_first(text: str) -> bool:
    """Tell whether an answer ends by asking: then it offers and announces nothing."""
    return text.rstrip().endswith(("?", "？", "؟"))
