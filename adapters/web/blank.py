"""Whether a text has anything to see in it; white space is not all that shows nothing."""

import unicodedata

UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Controls, formats such as U+200B and U+202E, and separators (Unicode, section 4.5)."""

FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are drawn as nothing, beside variation selectors."""


def is_blank(text: str) -> bool:
    """Whether a text shows nothing."""
    return all(_is_unseen(character) for character in text)


def _is_unseen(character: str) -> bool:
    if character.isascii():
        return not "!" <= character <= "~"
    is_selector = "\ufe00" <= character <= "\ufe0f"
    return is_selector or character in FILLERS or unicodedata.category(character) in UNSEEN
