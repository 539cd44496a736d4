"""The pattern language: what a pattern matches, what it does not, and what is refused."""

import pytest

from bridge.domain.policy.grammar import PatternError, phrases
from bridge.domain.policy.matching import read_with
from bridge.domain.policy.packs import Packs, compile_packs, parse_pack

WORDS = '[words]\nask = "talk, speak with"\nwho = "human, live agent, menschen*"\nwall = "about"\n'


def pack(pattern: str, lookalike: str = "") -> Packs:
    """Return a pack with one pattern, and perhaps one that cancels it."""
    rules = f'[rules.x]\nrule = "{pattern}"\n'
    if lookalike:
        rules += f'[rules.x_not]\nrule = "{lookalike}"\n'
    return compile_packs([parse_pack(f'language = "tt"\nwalled = ["x"]\n{WORDS}{rules}')])


def found(pattern: str, text: str, lookalike: str = "") -> str:
    """Return the words a pattern finds, or nothing."""
    finding = read_with(pack(pattern, lookalike), text).find("x")
    return finding.evidence if finding else ""


@pytest.mark.parametrize(
    ("pattern", "text", "evidence"),
    [
        ("ask ..2 who", "please talk to a human now", "talk to a human"),
        ("ask ..1 who", "please talk to a human now", ""),
        ("ask ..2 who", "talk, a human", ""),
        ("ask ,,2 who", "talk, a human", "talk, a human"),
        ("ask ,,2 who", "talk. a human", ""),
        ("ask ..2 who", "talk about human hair", ""),
        ("ask ~~2 who", "talk about human hair", "talk about human"),
        ("ask who", "I speak with live agents and live agent", ""),
        ("ask who", "speak with live agent", "speak with live agent"),
        ("ask|who", "HUMAN!", "HUMAN"),
        ("who", "mit Menschenverstand", "Menschenverstand"),
        ("'call me' $", "you may call me", "call me"),
        ("'call me' $", "you may call me later", ""),
        ("'call me' $", "call me, later", "call me"),
        ("'call me' $$", "call me, later", ""),
        ("^ who", "well, human", "human"),
        ("^^ who", "well, human", ""),
        ("^^ 'the'? who $$", "the human", "the human"),
        ("^^ 'the'? who $$", "human.", "human"),
        ("'so'* who", "so so so human", "so human"),
        ("who $|ask", "human talk", "human talk"),
        ("who $|ask", "a human", "human"),
    ],
)
def test_a_pattern_finds_its_words(pattern: str, text: str, evidence: str) -> None:
    """Gaps are bounded, pauses part, walls hold, and edges are edges."""
    assert found(pattern, text) == evidence


def test_a_lookalike_cancels_only_what_it_overlaps() -> None:
    """A refusal in one clause leaves an ask in another alone."""
    assert found("ask ..2 who", "do not talk to a human", "'not' ask") == ""
    both = "do not talk to a human, but talk to a human"
    assert found("ask ..2 who", both, "'not' ask") == "talk to a human"


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("nobody", "there is no list of words called 'nobody'"),
        ("ask ..2", "a gap needs a word after it"),
        ("ask ?!", "cannot read '\\?!'"),
        ("'maybe'? 'so'*", "needs a word that must be there"),
        ("ask " * 13, "at most 12 steps"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused(pattern: str, told: str) -> None:
    """The error names the rule and what is wrong with it."""
    with pytest.raises(PatternError, match=told):
        pack(pattern.strip())


def test_phrases_are_folded_like_messages() -> None:
    """Accents, case and apostrophes are the same in lists and in messages."""
    assert phrases("Été, J’AI, mitarbeiter*, , 人工") == [
        ("ete",),
        ("j", "ai"),
        ("mitarbeiter*",),
        ("人", "工"),
    ]


def test_a_star_after_too_few_letters_is_refused() -> None:
    """Two letters and a star would match half a language."""
    with pytest.raises(ValueError, match="at least 3 letters"):
        compile_packs([parse_pack('language = "tt"\n[words]\na = "ab*"\n[rules.x]\nr = "a"\n')])


def test_a_message_in_another_language_is_not_misread() -> None:
    """Small words tell whose words these are: English "will" is not German "will"."""
    source = (
        'language = "{0}"\n[words]\nsmall = "{1}"\nw = "{2}"\n[rules.x]\nr = "w ..3 \'agent\'"\n'
    )
    packs = compile_packs(
        [
            parse_pack(source.format("en", "i, for, an, the", "qqq")),
            parse_pack(source.format("de", "ich, einen, mit", "will")),
        ]
    )
    assert read_with(packs, "ich will einen agent").has("x")
    assert not read_with(packs, "i will wait for an agent").has("x")
