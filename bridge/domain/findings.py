"""Facts in a customer's words: order numbers, addresses, telephone numbers, names, amounts.

Only what is written there is found; card and account numbers are found in order to be hidden.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

CARD_DIGITS = range(13, 20)
"""The lengths of card numbers (ISO/IEC 7812-1)."""
PHONE_DIGITS = range(8, 16)
"""The lengths of telephone numbers in full (ITU-T E.164, at most 15)."""
MOST_NAMES = 3
JOINING = frozenset({"and", "et", "und", "y", "e", "en", "i", "my", "mon", "ma"})
"""Words that may follow a name typed without a capital."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact: what it is, in English for the team, and how the customer wrote it."""

    label: str
    value: str


_CARD = re.compile(r"(?<![\w-])\d(?:[ \-.]?\d){12,18}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
_UNSEEN = re.compile("[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_PHONE = re.compile(r"(?<![\w+#/-])(?:\+|00?)[1-9](?:[ ().\-/]{0,2}\d){6,14}(?![\w-])")
_AMOUNT = re.compile(
    r"(?<!\w)(?:[€$£¥]\s?\d[\d.,]{0,12}\d|[€$£¥]\s?\d"
    r"|\d(?:[\d.,]{0,12}\d)?\s?(?:[€$£¥]|(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?)\b))",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?<![\w-])[A-Z]{1,5}[-_]?\d{4,}(?:-?[A-Z0-9]+)*(?![\w-])")
_HASH = re.compile(r"#\s?(\d{3,})\b")
_NUMBERED = re.compile(
    r"\b(?:order|commande|bestell\w*|pedido|ordine|encomenda|bestelling|auftrag\w*|invoice|facture|"
    r"rechnung\w*|factura|fattura|tracking|suivi|sendung\w*|number|num[eé]ro|nummer|ref\w*|"
    r"case|ticket|n[o°º]\.?)[^\d\n]{0,16}?(\d[\d-]{2,}\d)(?![\w-])|(?:订单|单号)\D{0,6}(\d{4,})",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
_NAMED = re.compile(
    r"\b(?:my name is|my name's|je m['’]appelle|mon nom est|ich heiße|mein name ist|me llamo|"
    r"mi nombre es|mi chiamo|il mio nome è|chamo-me|(?:o )?meu nome é|mijn naam is|ik heet)\s+"
    r"([^\n.,;:!?()]{2,60})|我叫([\u4e00-\u9fff]{2,4})",
    re.IGNORECASE,
)


def western_digits(text: str) -> str:
    """Return text with the digits of any script as 0 to 9."""
    return "".join(
        str(unicodedata.decimal(mark)) if mark.isdecimal() and not mark.isascii() else mark
        for mark in text
    )


def masked(text: str) -> str:
    """Return text in which card and bank account numbers show their last four digits only."""
    text = _CARD.sub(lambda found: _hidden(found[0]) if is_card(found[0]) else found[0], text)
    return _IBAN.sub(lambda found: _hidden(found[0]) if is_iban(found[0]) else found[0], text)


def told_to_models(text: str) -> str:
    """Return words as a language model may be given them: secrets masked, nothing unseen in them.

    Signs that people do not see (tags, direction marks, widthless spaces) can carry orders.
    """
    western = western_digits(_UNSEEN.sub("", text))
    hidden = masked(western)
    return hidden if hidden != western else _UNSEEN.sub("", text)


def _hidden(number: str) -> str:
    """Return a number's last four signs behind dots."""
    return "•••• " + re.sub(r"\W", "", number)[-4:]


def is_card(number: str) -> bool:
    """Whether digits are a card number: right length, right check digit (Luhn)."""
    digits = [int(mark) for mark in number if mark.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(digits) in CARD_DIGITS and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(number: str) -> bool:
    """Whether signs are an account number by its check digits (ISO 13616, modulo 97)."""
    signs = number.replace(" ", "")
    turned = signs[4:] + signs[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def findings(text: str) -> Iterator[Finding]:
    """Yield the facts in a text, each once, with numbers in western digits."""
    rest = masked(western_digits(text))
    seen: set[Finding] = set()
    for label, pattern in PATTERNS:
        for match in pattern.finditer(rest):
            group = next((number for number, part in enumerate(match.groups(), 1) if part), 0)
            value = _name(match[group]) if label == "Name" else match[group].strip()
            finding = Finding(label, value)
            if not value or not _is_sound(finding):
                continue
            # What was found as one thing is not found again as another.
            start = match.start(group)
            rest = rest[:start] + " " * len(value) + rest[start + len(value) :]
            if finding not in seen:
                seen.add(finding)
                yield finding


PATTERNS = (
    ("E-mail", _EMAIL),
    ("Name", _NAMED),
    ("Phone", _PHONE),
    ("Amount", _AMOUNT),
    ("Number", _CODE),
    ("Number", _HASH),
    ("Number", _NUMBERED),
)
"""What is looked for, in this order."""


def _is_sound(finding: Finding) -> bool:
    """Whether a telephone number has as many digits as one can have, and a number is no date."""
    if finding.label != "Phone":
        return _DATE.fullmatch(finding.value) is None
    return sum(mark.isdigit() for mark in finding.value) in PHONE_DIGITS


def _name(words: str) -> str:
    """Return the name at the start of some words: the capitalised ones, or a single small one."""
    parts = words.split()
    capitals = list(takewhile(_is_capitalised, parts))
    if capitals:
        return " ".join(capitals[:MOST_NAMES])
    is_alone = len(parts) == 1 or (len(parts) > 1 and parts[1].lower() in JOINING)
    return parts[0] if is_alone else ""


def _is_capitalised(word: str) -> bool:
    """Whether a word begins with a capital, or its script has none."""
    return word[:1] != word[:1].lower() or word[:1] == word[:1].upper()
