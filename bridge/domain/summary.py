"""What a teammate must know of a case before reading it: drawn from the talk, word for word.

Nothing is concluded here: what the customer wants and why an answer did not help are the
customer's own words, in quotation marks. All of it is plain text on one line: words from outside
can order nothing, ping nobody and look like no line of ours.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.domain.conversation import Customer
from bridge.domain.findings import Finding, findings, masked, western_digits
from bridge.domain.messages import Message, Role

WANTS_LENGTH = 280
SAID_LENGTH = 160
REPLY_LENGTH = 120
MOST_TRIED = 3
LOOKED_AT = 2_000
"""How many characters of one message are looked at."""
MOST_TELLING = 25
"""From how many telling words on a message is not more telling any more."""
WORTH_A_FACT = 4
SHORTEST_WORD = 4
WORTH_SAYING = 3
"""How telling a message must be to be called the customer's wish, or an attempt at an answer."""

_IMAGE_OR_LINK = re.compile(r"!?\[([^\]\n]{0,200})\]\([^)\s]{0,500}\)")
_ANGLE = re.compile(r"<[@#!]([^<>|]{0,80})(?:\|[^<>]{0,80})?>")
_ADDRESS = re.compile(r"<?\bhttps?://([\w.-]{1,200})[^\s<>]{0,500}>?", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_PING = re.compile(r"(?<![\w.+-])@(?=\w)")
_MARKS = re.compile(r"^(?:\s*(?:[>#*-]|\d+\.)\s+)+|[`*_~]{2,}|`")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_QUESTION_MARK = re.compile("[?？؟]")
_WORD = re.compile(r"[^\W\d_]+")
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")

ANGRY = "angry"
UPSET = "upset"
WORRIED = "worried"
THANKFUL = "thankful"

MOODS = {
    ANGRY: (
        "furious|outrageous|scam|thieves|disgusting|useless|ridiculous|lawyer|sue you"
        "|furieu|scandaleu|arnaque|escroc|voleur|inadmissible|inacceptable"
        "|unverschämt|betrug|frechheit|anwalt|wütend|furioso|estafa|vergüenza|abogado|inaceptable"
        "|truffa|vergogna|avvocato|inaccettabile|oplichting|schandalig|advocaat"
        "|骗子|投诉|愤怒|احتيال"
    ),
    UPSET: (
        "frustrat|annoy|fed up|disappoint|unacceptable|again and again|still not|still no |terrible"
        "|déçu|énerv|marre|toujours pas|insupportable|enttäusch|genervt|ärger|immer noch nicht"
        "|decepcion|harto|harta|todavía no|delusa|deluso|stufo|stufa|ancora non"
        "|teleurgesteld|nog steeds niet|失望|生气|还没有|محبط"
    ),
    WORRIED: (
        "worried|afraid|urgent|emergency|asap|please hurry|inquiet|inquièt|urgence|dringend"
        "|besorgt|eilig|preocupad|preoccupat|bezorgd|spoed|着急|紧急|عاجل"
    ),
    THANKFUL: "thank|merci|danke|gracias|grazie|obrigad|bedankt|谢谢|شكر",
}
"""Beginnings of words that speak of a mood, the strongest first; nothing else is guessed."""

_MOODS = {
    mood: re.compile(rf"(?<![A-Za-zÀ-ÿ])(?:{words})", re.IGNORECASE)
    for mood, words in MOODS.items()
}
SHOUTING = 12
"""How many letters, nearly all of them capitals, are a shout."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the assistant said, and what the customer answered to it (or why it did not help)."""

    said: str
    reply: str


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """A case in short. `model` is empty when the talk was only quoted, else who wrote it."""

    wants: str = ""
    latest: str = ""
    tried: tuple[Attempt, ...] = ()
    facts: tuple[Finding, ...] = ()
    mood: str = ""
    model: str = ""

    @property
    def text(self) -> str:
        """One line for the case card; quotation marks say that the words are the customer's."""
        if self.model:
            return f"{self.wants} (summary by {self.model})"
        parts = [f"Customer: “{self.wants}”"] if self.wants else []
        parts += [f"Latest: “{self.latest}”"] if self.latest else []
        parts += [f"Sounds {self.mood}."] if self.mood else []
        return " ".join(parts)

    @property
    def attempts(self) -> tuple[str, ...]:
        """What was tried, a line each; quotation marks are for the customer's words only."""
        reply = "{} → {}" if self.model else "{} → “{}”"
        return tuple(
            reply.format(tried.said, tried.reply) if tried.reply else tried.said
            for tried in self.tried
        )


def one_line(text: str, longest: int) -> str:
    """Return words from outside as plain text on one line, at most `longest` characters.

    Markup, links and mentions lose their power; card and account numbers are masked.
    """
    text = _IMAGE_OR_LINK.sub(r"\1", text[: LOOKED_AT * 2])
    text = _ANGLE.sub(r"\1", text)
    text = _TAG.sub(" ", _ADDRESS.sub(r"(link to \1)", text))
    text = "\n".join(_MARKS.sub("", line) for line in text.split("\n"))
    text = "".join(_seen(mark) for mark in western_digits(text))
    text = _PING.sub("＠", masked(" ".join(text.split())))
    text = text.replace("“", '"').replace("”", '"').replace("<", "‹").replace(">", "›")
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    has_end = text[longest - 1] == " " or " " not in cut[longest // 2 :]
    return (cut if has_end else cut.rpartition(" ")[0]).rstrip() + "…"


def _seen(mark: str) -> str:
    """Return a character that people can see; what is unseen or turns the line is left out."""
    return "" if unicodedata.category(mark).startswith("C") and not mark.isspace() else mark


def telling(text: str) -> int:
    """Return how much a message tells: its longer words, and each fact in it for several."""
    words = {word.lower() for word in _WORD.findall(text) if len(word) >= SHORTEST_WORD}
    signs = len(_IDEOGRAPH.findall(text))
    facts = sum(1 for _ in findings(text))
    return min(len(words) + signs // 2 + WORTH_A_FACT * facts, MOST_TELLING)


def asks(text: str) -> bool:
    """Whether a message is more than a greeting or a nod."""
    return bool(_QUESTION_MARK.search(text)) or telling(text) >= WORTH_SAYING


def mood_of(texts: Sequence[str]) -> str:
    """Return the mood that the customer's words speak of, or nothing."""
    said = "\n".join(texts)
    for mood, words in _MOODS.items():
        if words.search(said):
            return mood
        if mood == UPSET and any(_is_shouted(text) for text in texts):
            return UPSET
    return ""


def _is_shouted(text: str) -> bool:
    """Whether a message is written in capitals."""
    letters = [mark for mark in text if mark.lower() != mark.upper()]
    return len(letters) >= SHOUTING and sum(mark.isupper() for mark in letters) > 0.8 * len(letters)


def summarise(messages: Sequence[Message], customer: Customer) -> CaseSummary:
    """Return the case in short, from the public messages (oldest first) and the customer."""
    said = [message for message in messages if message.text.strip() and not message.deleted]
    own = [message for message in said if message.role is Role.CUSTOMER]
    looked_at = [message.text[:LOOKED_AT] for message in own]
    wish = max(own, key=lambda message: telling(message.text[:LOOKED_AT]), default=None)
    latest = next((m for m in reversed(own) if telling(m.text[:LOOKED_AT]) >= WORTH_SAYING), None)
    is_news = latest is not None and latest is not wish
    return CaseSummary(
        wants=one_line(wish.text, WANTS_LENGTH) if wish else "",
        latest=one_line(latest.text, REPLY_LENGTH) if latest and is_news else "",
        tried=tuple(_attempts(said))[-MOST_TRIED:],
        facts=_facts(looked_at, customer),
        mood=mood_of(looked_at[-6:]),
    )


def _attempts(said: Sequence[Message]) -> Iterator[Attempt]:
    """Yield what the assistant answered to the customer, with what came back."""
    has_asked = False
    for place, message in enumerate(said):
        has_asked = has_asked or (message.role is Role.CUSTOMER and asks(message.text[:LOOKED_AT]))
        if message.role is not Role.ASSISTANT or not has_asked:
            continue
        first = _SENTENCE_END.split(message.text.strip()[:LOOKED_AT], maxsplit=1)[0]
        following = next(iter(said[place + 1 :]), None)
        reply = following.text if following and following.role is Role.CUSTOMER else ""
        if telling(message.text[:LOOKED_AT]) >= WORTH_SAYING:
            yield Attempt(one_line(first, SAID_LENGTH), one_line(reply, REPLY_LENGTH))


def _facts(texts: Sequence[str], customer: Customer) -> tuple[Finding, ...]:
    """Return the facts in the customer's words, once each, that are not known already."""
    known = {value for value in (customer.name, customer.email) if value}
    found = dict.fromkeys(finding for text in texts for finding in findings(text))
    fresh = [finding for finding in found if finding.value not in known]
    return tuple(Finding(finding.label, one_line(finding.value, 80)) for finding in fresh[:10])
