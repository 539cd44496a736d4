"""PLACEHOLDER so that the rest can run until the policy engine has its face; overwrite this file freely."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Turn: role: str; text: str
@dataclass(frozen=True)
class Talk: turns: tuple; lang: str = "en"
@dataclass(frozen=True)
class CustomerSaid: text: str; at: float
@dataclass(frozen=True)
class AssistantSaid: text: str; at: float; failed: bool=False; confidence: float|None=None
@dataclass(frozen=True)
class AssistantEscalates: at: float; reason: str; summary: str=""; urgency: str="normal"
@dataclass(frozen=True)
class ButtonPressed: at: float
@dataclass(frozen=True)
class ApiEscalates: at: float; reason: str=""; evidence: str=""; summary: str=""; urgency: str="normal"
@dataclass(frozen=True)
class AssistantFailed: at: float; why: str=""
@dataclass(frozen=True)
class HandedBack: at: float
@dataclass(frozen=True)
class OfferDeclined: at: float
Event = object
@dataclass(frozen=True)
class Memory:
    n: int = 0
    @classmethod
    def from_json(cls, x): return cls(**x)
    def to_json(self): return {"n": self.n}
@dataclass(frozen=True)
class Decision:
    action: str="none"; trigger: str=""; rule: str=""; evidence: str=""; score: float=1; detector: str=""; policy_version: str=""; urgency: str="normal"; room: str=""; explanation: str=""
class Policy: version="x"
def default_policy(): return Policy()
def next_opening(p, at): return None
def decide(policy, talk, memory, event):
    if isinstance(event,(AssistantEscalates,ButtonPressed,ApiEscalates,AssistantFailed)):
        return Decision("escalate", type(event).__name__, explanation=getattr(event,"reason","x")), memory
    return Decision(), memory
class _Hours:
    def is_open(self, at): return True
Policy.hours = _Hours()
def parse_policy(table, text): return Policy()
