"""Whether a text has anything to see in it; white space is not all that shows nothing."""

import unicodedata

UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Controls, formats such as U+200B and U+202E, and separators (Unicode, section 4.5)."""

FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are drawn as nothing, beside variation selectors."""

SELECTORS = ((0x180B, 0x180D), (0x180F, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Marks that only say how the character before them is drawn (Unicode, section 23.4)."""


def is_blank(text: str) -> bool:
    """Whether a text shows nothing."""
    return all(_is_unseen(character) for character in text)


def _is_unseen(character: str) -> bool:
    if character.isascii():
        return not "!" <= character <= "~"
    is_selector = any(first <= ord(character) <= last for first, last in SELECTORS)
    return is_selector or character in FILLERS or unicodedata.category(character) in UNSEEN
