"""The FAQ assistant: how well it answers the demo's questions, and how its files are read."""

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.assistants.faq import FaqAssistant
from adapters.assistants.faq_index import Faq, is_close
from adapters.assistants.faq_pages import load_sections
from adapters.assistants.faq_words import guessed_language, small_talk, stem, terms
from adapters.assistants.phrases import PHRASES, phrase
from adapters.assistants.settings import DEMO_FAQ
from bridge.domain.delivery import Answer
from bridge.domain.errors import ConfigurationError
from bridge.domain.messages import Role
from bridge.domain.texts import LANGUAGES
from tests.adapters.assistants.asking import no_draft, question

QUESTIONS = Path(__file__).parent / "faq_questions.jsonl"


@cache
def demo() -> Faq:
    """Return the demo's FAQ."""
    return Faq(load_sections(DEMO_FAQ))


async def ask(text: str, locale: str = "en", faq: Faq | None = None) -> Answer:
    """Ask the FAQ assistant one question."""
    return await FaqAssistant(faq or demo()).answer(question(text, locale=locale), no_draft)


def heading_of(answer: Answer) -> str | None:
    """Return the question whose answer this is, or None when it did not know."""
    headings = {section.text: section.question for section in load_sections(DEMO_FAQ)}
    return None if answer.failed else headings[answer.text]


async def shares(part: str) -> dict[str, float]:
    """Return how many of a set's questions were answered right, wrong, and rightly not at all."""
    rows: list[dict[str, Any]] = [json.loads(row) for row in QUESTIONS.read_text().splitlines()]
    on_topic = [row for row in rows if row["set"] == part and row["answers"]]
    off_topic = [row for row in rows if row["set"] == part and not row["answers"]]
    found = [(heading_of(await ask(row["text"], row["locale"])), row) for row in on_topic]
    return {
        "questions": len(on_topic),
        "right": sum(heading in row["answers"] for heading, row in found),
        "wrong": sum(heading not in {None, *row["answers"]} for heading, row in found),
        "off_topic": len(off_topic),
        "declined": sum([(await ask(row["text"], row["locale"])).failed for row in off_topic]),
    }


class TestDemo:
    async def test_questions_it_was_tuned_on(self) -> None:
        """Nearly all are answered right; nothing off topic but one lookalike is answered."""
        found = await shares("tuned")
        assert found["questions"] >= 90
        assert found["right"] >= 90
        assert found["wrong"] == 0
        assert found["off_topic"] >= 30
        assert found["declined"] >= found["off_topic"] - 1

    async def test_questions_it_was_not_tuned_on(self) -> None:
        """Of questions written after tuning, nine in ten are right and few are wrong."""
        found = await shares("unseen")
        assert found["questions"] >= 30
        assert found["right"] / found["questions"] >= 0.85
        assert found["wrong"] / found["questions"] <= 0.1
        assert found["off_topic"] >= 15
        assert found["declined"] >= found["off_topic"] - 1

    async def test_every_heading_finds_its_own_answer(self) -> None:
        """Whoever asks in the very words of a heading gets that section."""
        for section in load_sections(DEMO_FAQ):
            answer = await ask(section.question, section.language)
            assert heading_of(answer) == section.question

    async def test_every_section_exists_in_both_languages(self) -> None:
        """A French customer has as many answers as an English one."""
        languages = [section.language for section in load_sections(DEMO_FAQ)]
        assert languages.count("en") == languages.count("fr") >= 50


class TestAnswers:
    async def test_the_customers_language_first(self) -> None:
        """One word that both languages have is answered in the page's language."""
        assert "compte" in (await ask("newsletter", "fr")).text
        assert "account" in (await ask("newsletter", "en")).text

    async def test_the_words_say_the_language_when_the_page_does_not(self) -> None:
        """French on an English page is answered in French."""
        answer = await ask("Bonjour, je voudrais savoir où est ma commande", "en")
        assert "Votre compte" in answer.text

    async def test_a_language_without_pages_gets_what_there_is(self) -> None:
        """A customer on a German page may still be helped by the English pages."""
        assert "PayPal" in (await ask("PayPal?", "de")).text

    @pytest.mark.parametrize("locale", ["en", "fr", "de", "es", "it", "pt", "nl", "zh", "ar"])
    async def test_not_knowing_is_said_in_the_customers_language(self, locale: str) -> None:
        """An honest "I do not know" is a failed answer in words of the page's language."""
        answer = await ask("xyzzy", locale)
        assert answer.failed
        assert answer.text == phrase("unknown", locale)

    async def test_the_nearest_questions_are_named(self) -> None:
        """A near miss says which questions could be answered."""
        answer = await ask("I typed my order into a jacket")
        assert answer.failed
        assert "- " in answer.text

    async def test_slips_of_the_pen_and_accents(self) -> None:
        """A letter too few, swapped, or without its accent is understood."""
        assert (
            heading_of(await ask("how long does delivrey take")) == "How long does delivery take?"
        )
        assert heading_of(await ask("J'AI OUBLIE MON MOT DE PASSE", "fr")) == (
            "J'ai oublié mon mot de passe"
        )

    async def test_the_question_at_the_end_of_a_story(self) -> None:
        """Words around a question do not drown it."""
        story = (
            "Hi there, I bought a jumper for my mother two weeks ago, but it turns out that she "
            "has one already. How can I send it back?"
        )
        assert heading_of(await ask(story)) == "How do I return an item?"

    async def test_words_made_to_be_slow(self) -> None:
        """The longest and oddest text holds the loop for a fraction of a moment."""
        for text in (", ".join(f"wordy{n} order" for n in range(1_500)), "delivary " * 2_000):
            started = time.perf_counter()
            await ask(text)
            assert time.perf_counter() - started < 0.25

    async def test_the_same_answer_is_not_given_twice_in_a_row(self) -> None:
        """Who asks again what was just answered was not helped by it."""
        first = await ask("are returns free?")
        said = ("are returns free?", (Role.ASSISTANT, first.text), "are returns free?")
        again = await FaqAssistant(demo()).answer(question(*said), no_draft)
        assert again.text != first.text

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("hello", "hello"),
            ("Good morning!", "hello"),
            ("hi there :)", "hello"),
            ("thank you so much", "thanks"),
            ("ok thanks, bye", "bye"),
            ("merci beaucoup", "thanks"),
            ("你好", "hello"),
            ("hello where is my order", ""),
            ("no", ""),
            ("thanks for nothing, my parcel is lost", ""),
            ("", ""),
            ("???", ""),
        ],
    )
    def test_small_talk(self, text: str, kind: str) -> None:
        """Greetings, thanks and goodbyes are small talk only when there is nothing else."""
        assert small_talk(text) == kind

    async def test_small_talk_is_answered(self) -> None:
        """A greeting gets a greeting, which also says that a machine is answering."""
        answer = await ask("Bonjour !", "en")
        assert answer == Answer(text=phrase("hello", "en"))
        assert "automated" in answer.text

    async def test_passages_for_a_language_model(self) -> None:
        """The sections that may answer are given with their headings, at most three."""
        passages = demo().passages(question("how much is express shipping?"))
        assert 1 <= len(passages) <= 3
        assert any(passage.startswith("## Do you offer express delivery?") for passage in passages)
        assert demo().passages(question("xyzzy")) == ()

    def test_phrases_exist_in_every_language(self) -> None:
        """Each phrase is there in each language the project has texts for."""
        assert all(set(texts) == set(LANGUAGES) for texts in PHRASES.values())


class TestWords:
    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("en", "return returns returned returning"),
            ("en", "delivery deliveries deliver delivered delivering"),
            ("en", "cancel cancelled cancelling cancels"),
            ("en", "exchange exchanges exchanging exchanged"),
            ("en", "pay pays paying payment payments"),
            ("fr", "livrer livraison livraisons livré livrée livrez"),
            ("fr", "rembourser remboursement remboursé remboursée remboursements"),
            ("fr", "commande commandes commander commandé"),
            ("fr", "échange échanger échangé échanges"),
        ],
    )
    def test_forms_of_one_word_are_equal(self, language: str, words: str) -> None:
        """What is left of the forms of one word is the same."""
        assert len({term for word in words.split() for term in terms(word, language)}) == 1

    @pytest.mark.parametrize("word", ["is", "bus", "120", "sea", "you", "s"])
    def test_short_words_stay(self, word: str) -> None:
        """Short words and numbers are not cut."""
        assert stem(word, "en") == word

    @pytest.mark.parametrize(
        ("one", "other", "close"),
        [
            ("delivery", "delivry", True),
            ("delivery", "deliverry", True),
            ("delivery", "delivrey", True),
            ("delivery", "dekivery", True),
            ("delivery", "delivery", True),
            ("weather", "leather", False),
            ("refund", "refuse", False),
            ("order", "orders", True),
            ("size", "site", True),
        ],
    )
    def test_what_is_one_slip_away(self, one: str, other: str, close: bool) -> None:
        """One letter added, lost, changed or swapped, the first one right."""
        assert is_close(one, other) is close
        assert is_close(other, one) is close

    @pytest.mark.parametrize(
        ("text", "locale", "language"),
        [
            ("where is my order", "en-GB", "en"),
            ("où est ma commande", "en", "fr"),
            ("wo ist meine Bestellung", "en", "de"),
            ("commande", "en", "en"),
            ("", "fr_FR", "fr"),
        ],
    )
    def test_the_language_of_a_text(self, text: str, locale: str, language: str) -> None:
        """Function words tell the language; without enough of them it is the page's."""
        assert guessed_language(text, locale) == language


PAGE = """\
Words before any heading are not an answer.

# Orders

Orders are sent daily.

## Where is it?
<!-- also: track it;
 lost parcel -->
<!-- checked last week -->

In the post.

```
## not a heading
```

### Details

More.

## Second ##
Yes.
"""


class TestPages:
    def test_a_page(self, tmp_path: Path) -> None:
        """Headings, other wordings, fences and deeper headings are read as documented."""
        (tmp_path / "orders.md").write_text(PAGE)
        first, second, third = load_sections(tmp_path)
        assert (first.question, first.text) == ("Orders", "Orders are sent daily.")
        assert (second.topic, second.question) == ("Orders", "Where is it?")
        assert second.aliases == ("track it", "lost parcel")
        assert second.text == "In the post.\n\n```\n## not a heading\n```\n\n### Details\n\nMore."
        assert second.place.endswith("orders.md, line 7")
        assert (third.question, third.text) == ("Second", "Yes.")

    @pytest.mark.parametrize(
        ("name", "language"),
        [
            ("orders.md", ""),
            ("orders.fr.md", "fr"),
            ("orders.fr-CA.md", "fr"),
            ("fr/orders.md", "fr"),
            ("shop/fr/orders.md", "fr"),
            ("shop/orders.v2.md", ""),
        ],
    )
    def test_the_language_of_a_page(self, tmp_path: Path, name: str, language: str) -> None:
        """The language is in the file's name or its folder's."""
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("## A?\nB.")
        assert load_sections(tmp_path)[0].language == language

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "no answers"),
            (b"only words", "no answers"),
            (b"# Topic\n", "no answers"),
            (b"## Question?\n\n", "line 1: .Question.. has no answer"),
            (b"## A?\nB.\n## C?\n<!-- also: d -->\n## E?\nF.", "line 3: .C.. has no answer"),
            (b"\xff\xfe", "UTF-8"),
            (b"## A?\n" + b"b" * 8_001, "longer than 8000"),
        ],
    )
    def test_a_page_that_cannot_be_used(self, tmp_path: Path, content: bytes, problem: str) -> None:
        """File and line are named, with what to do."""
        (tmp_path / "page.md").write_bytes(content)
        with pytest.raises(ConfigurationError, match=problem) as failure:
            load_sections(tmp_path)
        assert failure.value.problems[0].startswith(f"HANDOFF_FAQ_DIR: {tmp_path}/page.md")

    def test_a_folder_that_cannot_be_used(self, tmp_path: Path) -> None:
        """A missing folder, a file in its place and an empty folder are said as such."""
        with pytest.raises(ConfigurationError, match=r"HANDOFF_FAQ_DIR: .* not a folder"):
            load_sections(tmp_path / "none")
        with pytest.raises(ConfigurationError, match="no Markdown files"):
            load_sections(tmp_path)

    async def test_a_word_in_passing_is_no_answer(self, tmp_path: Path) -> None:
        """A section that only mentions a word, however often, does not answer questions on it."""
        giraffes = "Never with giraffes. " * 12
        (tmp_path / "page.md").write_text(f"## How do I pay?\n\nBy card. {giraffes}")
        assert (await ask("giraffes", "en", Faq(load_sections(tmp_path)))).failed

    async def test_a_vague_word_is_a_subject_where_a_heading_has_it(self, tmp_path: Path) -> None:
        """An insurer's policies are what its questions are about; a shop's are not."""
        (tmp_path / "page.md").write_text("## Where is my policy?\n\nIn your account.")
        assert (await ask("policy", "en", Faq(load_sections(tmp_path)))).text == "In your account."
        assert (await ask("policy")).failed

    async def test_pages_of_ones_own(self, tmp_path: Path) -> None:
        """A folder with one page without a language answers customers of any language."""
        (tmp_path / "page.md").write_text("## What does a visit cost?\n\nTwelve euros.")
        faq = Faq(load_sections(tmp_path))
        for locale in ("en", "de", "zh"):
            assert (await ask("what does a visit cost", locale, faq)).text == "Twelve euros."
        assert (await ask("who are you", "en", faq)).failed
