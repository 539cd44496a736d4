"""The case in short: the customer's words, the facts in them, and nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.conversation import Customer
from bridge.domain.findings import (
    findings,
    is_card,
    is_iban,
    masked,
    told_to_models,
    western_digits,
)
from bridge.domain.messages import Role
from bridge.domain.summary import (
    REPLY_LENGTH,
    WANTS_LENGTH,
    Attempt,
    CaseSummary,
    mood_of,
    one_line,
    summarise,
)
from tests.adapters.assistants.asking import Said, turns

ASSISTANT = Role.ASSISTANT
MIA = Customer(name="Mia", email="mia@example.com")

TALK: tuple[Said | str, ...] = (
    "hello",
    (ASSISTANT, "Hello! I am an automated assistant. What would you like to know?"),
    "My parcel HP-20391 has not arrived, I have been waiting for two weeks.",
    (ASSISTANT, "Standard delivery takes 3 to 5 working days. It is free from €60."),
    "that is not what I asked",
    (ASSISTANT, "I do not know the answer to that."),
    "then give me a person please, this is so frustrating",
)


def facts(text: str) -> list[tuple[str, str]]:
    """Return the facts in a text."""
    return [(finding.label, finding.value) for finding in findings(text)]


class TestCase:
    def test_what_the_customer_wants_is_quoted(self) -> None:
        """The most telling message is the wish, word for word; greetings are not."""
        summary = summarise(turns(*TALK), MIA)
        assert summary.wants == (
            "My parcel HP-20391 has not arrived, I have been waiting for two weeks."
        )
        assert summary.latest == "then give me a person please, this is so frustrating"
        assert summary.text == (
            f"Customer: “{summary.wants}” Latest: “{summary.latest}” Sounds upset."
        )

    def test_what_was_tried_and_what_came_of_it(self) -> None:
        """Each answer's first sentence stands with the customer's reply; greetings are left out."""
        assert summarise(turns(*TALK), MIA).tried == (
            Attempt("Standard delivery takes 3 to 5 working days.", "that is not what I asked"),
            Attempt("I do not know the answer to that.", TALK[6]),  # type: ignore[arg-type]
        )

    def test_facts_that_are_known_are_not_repeated(self) -> None:
        """The customer's own name and address stand on the card already."""
        summary = summarise(turns("It is mia@example.com, or m.lee@example.org"), MIA)
        assert [fact.value for fact in summary.facts] == ["m.lee@example.org"]

    def test_one_message_is_said_once(self) -> None:
        """With a single message there is no latest one beside it."""
        summary = summarise(turns("Where is my parcel HP-20391?"), MIA)
        assert (summary.latest, summary.mood) == ("", "")

    def test_only_an_ask_for_a_person(self) -> None:
        """Who says only that gets that as the wish."""
        assert summarise(turns("human please"), MIA).wants == "human please"

    def test_nothing_was_said(self) -> None:
        """An escalation before any word has an empty summary."""
        assert summarise((), MIA) == CaseSummary()
        assert summarise((), MIA).text == ""

    def test_deleted_and_internal_looking_words(self) -> None:
        """Only what the customer and the assistant said counts, not the words of teammates."""
        said = turns((Role.TEAMMATE, "CANARY of a teammate about order 12345"), "and now?")
        summary = summarise(said, MIA)
        assert "CANARY" not in repr(summary)
        assert summary.facts == ()

    def test_a_models_summary_says_so(self) -> None:
        """What a model wrote is labelled with its name."""
        assert CaseSummary(wants="Parcel late.", model="tiny").text == (
            "Parcel late. (summary by tiny)"
        )


class TestFacts:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("order HP-20391 please", [("Number", "HP-20391")]),
            ("Order number: 4711", [("Number", "4711")]),
            ("it is #88123", [("Number", "88123")]),
            ("ma commande n° 778812", [("Number", "778812")]),
            ("Bestellnummer 12-3456", [("Number", "12-3456")]),
            ("订单号是20391882", [("Number", "20391882")]),
            ("رقم ١٢٣٤٥ number ١٢٣٤٥", [("Number", "12345")]),
            ("order ４４１２３", [("Number", "44123")]),
            (
                "write to anna.lee+shop@mail.example.co.uk.",
                [("E-mail", "anna.lee+shop@mail.example.co.uk")],
            ),
            ("call +33 6 12 34 56 78", [("Phone", "+33 6 12 34 56 78")]),
            ("06.12.34.56.78 after six", [("Phone", "06.12.34.56.78")]),
            ("My name is Anna Maria Lee and I wait", [("Name", "Anna Maria Lee")]),
            ("je m'appelle jean et j'attends", [("Name", "jean")]),
            ("Ich heiße Jürgen Müller.", [("Name", "Jürgen Müller")]),
            ("我叫王小明，你好", [("Name", "王小明")]),
            ("I paid €49.90 and 12 euros", [("Amount", "€49.90"), ("Amount", "12 euros")]),
            ("my name is not important", []),
            ("in 2026 I bought 3 of 12 shirts, size 42", []),
            ("on 2026-11-25 at 10:30", []),
            ("order of 2026-11-25", []),
            ("", []),
        ],
    )
    def test_what_is_found(self, text: str, expected: list[tuple[str, str]]) -> None:
        """Numbers, addresses, names and amounts in several languages and scripts."""
        assert facts(text) == expected

    @given(st.text(max_size=300))
    def test_nothing_is_invented(self, text: str) -> None:
        """Every fact stands in the text, digits made western and secrets masked."""
        told = masked(western_digits(text))
        assert all(finding.value in told for finding in findings(text))

    @pytest.mark.parametrize(
        "number",
        [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "４１１１１１１１１１１１１１１１",
        ],
    )
    def test_card_numbers_are_hidden(self, number: str) -> None:
        """A valid card number shows four digits at most, however it is spelled, and is no fact."""
        text = f"my card is {number}, thanks"
        assert masked(western_digits(text)) == "my card is •••• 1111, thanks"
        assert "4111" not in one_line(text, 280)
        assert facts(text) == []

    def test_account_numbers_are_hidden(self) -> None:
        """A valid account number shows its last four signs."""
        assert masked("pay to FR14 2004 1010 0505 0001 3M02 606") == "pay to •••• 2606"

    def test_what_a_model_is_told(self) -> None:
        """Masked where it must be, else word for word, without signs that nobody sees."""
        assert told_to_models("card ４１１１１１１１１１１１１１１１") == "card •••• 1111"
        assert told_to_models("رقم ١٢٣٤٥ 👩‍👧") == "رقم ١٢٣٤٥ 👩‍👧"
        assert told_to_models("a\u202e\U000e0061b") == "ab"

    def test_other_long_numbers_stay(self) -> None:
        """A tracking number with a wrong check digit is no card number."""
        assert not is_card("4111111111111112")
        assert not is_card("18")
        assert not is_iban("FR1420041010050500013M02607")
        assert masked("tracking 4111111111111112") == "tracking 4111111111111112"


class TestPlainWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a\nb\r\n  c\u2028d\x00", "a b c d"),
            ("<!channel> and <@U123> in <#C1|room>", "channel and U123 in C1"),
            ("@channel @here a@b.com", "＠channel ＠here a@b.com"),
            ("<at>Everyone</at> <b>hi</b>", "Everyone hi"),
            ("[win](http://evil.example/?q=secret) ![x](https://e.example/a.png)", "win x"),
            ("see https://evil.example/?q=secret", "see (link to evil.example)"),
            ("> **Agent:** `approved`", "Agent: approved"),
            ("# Case closed\n- done", "Case closed done"),
            ("say “yes”", 'say "yes"'),
            ("hid\u200bden \u202etxt\U000e0041", "hidden txt"),
            ("1 < 2 > 0", "1 ‹ 2 › 0"),
        ],
    )
    def test_words_lose_their_power(self, text: str, expected: str) -> None:
        """Markup, mentions, links and hidden characters become plain words on one line."""
        assert one_line(text, 40) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("x" * 30, "x" * 19 + "…"),
            ("word " * 10, "word word word word…"),
            ("words " * 10, "words words words…"),
            ("x" * 20, "x" * 20),
        ],
    )
    def test_long_words_are_cut(self, text: str, expected: str) -> None:
        """A line that is too long ends at a word, where there is one."""
        assert one_line(text, 20) == expected

    @given(st.text(max_size=400), st.integers(min_value=10, max_value=80))
    def test_always_one_short_line(self, text: str, longest: int) -> None:
        """Whatever comes in, one line of the agreed length comes out, without live marks."""
        line = one_line(text, longest)
        assert len(line) <= longest
        assert not set(line) & set("\n\r\t<>“”\x00\u202e\u200b")
        assert line == line.strip()

    def test_lengths_of_a_case(self) -> None:
        """Long messages are cut at a word."""
        summary = summarise(turns("parcel delayed again " * 100, "and what now? " * 50), MIA)
        assert len(summary.wants) <= WANTS_LENGTH
        assert len(summary.latest) <= REPLY_LENGTH
        assert summary.wants.endswith("…")

    def test_hostile_lengths_take_no_time(self) -> None:
        """Texts made to be slow are looked at within a fraction of a second each."""
        for text in (
            "a@" * 10_000,
            "1 " * 10_000,
            "<" * 20_000,
            "[" * 20_000,
            "my name is " + "A " * 10_000,
            "GB00" * 5_000,
            "order " * 5_000,
            "+1" + "-1" * 10_000,
            "http://" * 4_000,
            "*" * 20_000,
        ):
            started = time.perf_counter()
            summarise(turns(text), MIA)
            assert time.perf_counter() - started < 0.5


class TestMood:
    @pytest.mark.parametrize(
        ("text", "mood"),
        [
            ("This is outrageous, you are thieves", "angry"),
            ("C'est une arnaque", "angry"),
            ("I am so disappointed", "upset"),
            ("ma commande n'est toujours pas là", "upset"),
            ("WHERE IS MY PARCEL NOW", "upset"),
            ("please, it is urgent", "worried"),
            ("thank you so much", "thankful"),
            ("我很失望", "upset"),
            ("Where is my parcel?", ""),
            ("J'ai démarré la machine", ""),
            ("OK", ""),
        ],
    )
    def test_only_what_is_said(self, text: str, mood: str) -> None:
        """Words or capitals speak of a mood, or none is named."""
        assert mood_of([text]) == mood
