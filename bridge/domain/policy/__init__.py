"""The policy: when a conversation needs a person, and why.

`decide(policy, talk, memory, event)` is pure; `default_policy()` and `parse_policy(table)` make
the policy once, at start.
"""

from bridge.domain.policy.decide import decide
from bridge.domain.policy.engine import Policy, default_policy, parse_policy
from bridge.domain.policy.hours import Hours
from bridge.domain.policy.parsing import Problem
from bridge.domain.policy.values import (
    Action,
    ApiEscalates,
    AssistantEscalates,
    AssistantFailed,
    AssistantSaid,
    ButtonPressed,
    CustomerSaid,
    Decision,
    Event,
    HandedBack,
    HandoffClosed,
    Memory,
    Mode,
    OfferDeclined,
    Talk,
    ThumbsDown,
    Turn,
)

__all__ = [
    "Action",
    "ApiEscalates",
    "AssistantEscalates",
    "AssistantFailed",
    "AssistantSaid",
    "ButtonPressed",
    "CustomerSaid",
    "Decision",
    "Event",
    "HandedBack",
    "HandoffClosed",
    "Hours",
    "Memory",
    "Mode",
    "OfferDeclined",
    "Policy",
    "Problem",
    "Talk",
    "ThumbsDown",
    "Turn",
    "decide",
    "default_policy",
    "parse_policy",
]
