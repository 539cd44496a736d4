"""An assistant that answers from Markdown files and knows when it does not know.

An answer is a section's text, word for word. Below the threshold it says honestly that it does not
know, and names the nearest questions. It never says the same thing twice in a row.
"""

from adapters.assistants.faq_index import Faq, Hit, clipped
from adapters.assistants.faq_words import guessed_language, small_talk
from adapters.assistants.phrases import phrase
from adapters.assistants.prompt import asked
from bridge.domain.delivery import Answer
from bridge.domain.messages import Role
from bridge.ports.assistant import Draft, Question

THRESHOLD = 0.46
"""The score from which a section is believed to answer; measured on the demo's questions."""
NEAR = 0.25
NEAREST = 2


class FaqAssistant:
    """Answers from a FAQ."""

    def __init__(self, faq: Faq) -> None:
        self._faq = faq

    async def answer(self, question: Question, draft: Draft) -> Answer:  # noqa: ARG002 -- at once
        """Return the section that answers, small talk for small talk, or that it does not know."""
        text = clipped(asked(question))
        locale = guessed_language(text, question.customer.locale)
        talk = small_talk(text) if text else "hello"
        if talk:
            return Answer(text=phrase(talk, locale))
        hits = self._faq.search(text, question.customer.locale)
        believed = [hit for hit in hits if hit.score >= THRESHOLD]
        fresh = [hit for hit in believed if hit.section.text != _said_last(question)]
        if fresh:
            return Answer(text=fresh[0].section.text, confidence=round(fresh[0].score, 3))
        if believed:
            return Answer(text=phrase("nothing_more", locale), failed=True)
        return Answer(text=_unknown(hits, locale), failed=True, confidence=_best(hits))


def _said_last(question: Question) -> str:
    """Return the assistant's last answer in this talk, or nothing."""
    said = (turn.text for turn in reversed(question.turns) if turn.role is Role.ASSISTANT)
    return next(said, "")


def _best(hits: list[Hit]) -> float:
    """Return the score of the best section."""
    return round(hits[0].score, 3) if hits else 0.0


def _unknown(hits: list[Hit], locale: str) -> str:
    """Return the words for not knowing, with the nearest questions when there are near ones."""
    near = [hit.section.question for hit in hits if hit.score >= NEAR][:NEAREST]
    if not near:
        return phrase("unknown", locale)
    questions = "\n".join(f"- {question}" for question in near)
    return f"{phrase('unknown', locale)}\n\n{phrase('nearest', locale)}\n{questions}"
