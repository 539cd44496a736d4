"""Words of our own to the customer, in the customer's language; never an internal word.

The widget has texts for its own controls; these are stored as messages and therefore belong to
the conversation. They are data, in `texts.json`; a language we do not have falls back to English.
"""

import json
from importlib.resources import files

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl", "zh", "ar")

TEXTS: dict[str, dict[str, str]] = json.loads(
    files("bridge.domain").joinpath("texts.json").read_text("utf-8")
)


def language(locale: str) -> str:
    """Return the language of a BCP 47 locale that we have texts for, English by default."""
    found = locale.replace("_", "-").partition("-")[0].lower()
    return found if found in LANGUAGES else "en"


def words(key: str, locale: str, **values: str) -> str:
    """Return our text `key` in the customer's language, with its values put in."""
    text = TEXTS[key][language(locale)]
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text
