"""Scripts: how they are played, and what is said of one that cannot be."""

import asyncio
from pathlib import Path

import pytest

from adapters.assistants.scripted import ScriptedAssistant, load_script
from bridge.domain.delivery import Answer
from bridge.domain.errors import ConfigurationError, Refused, TryAgain
from tests.adapters.assistants.asking import Drafts, no_draft, question
from tests.clocks import HandClock

THREE = '{"text": "one"}\n\n{"text": "two"}\n{"escalate": {"reason": "r", "summary": "s"}}\n'


def script(tmp_path: Path, text: str | bytes) -> Path:
    """Return a file with this text."""
    path = tmp_path / "script.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def player(tmp_path: Path, text: str, clock: HandClock | None = None) -> ScriptedAssistant:
    """Return an assistant that plays this text."""
    return ScriptedAssistant(load_script(script(tmp_path, text)), clock or HandClock())


class TestPlaying:
    async def test_in_order_and_then_from_the_start(self, tmp_path: Path) -> None:
        """One line per question, and after the last one the first again."""
        assistant = player(tmp_path, THREE)
        answers = [await assistant.answer(question("?", key=f"q{n}"), no_draft) for n in range(4)]
        assert [answer.text for answer in answers] == ["one", "two", "", "one"]
        assert answers[2] == Answer(escalate="r", summary="s")

    async def test_each_conversation_has_its_own_place(self, tmp_path: Path) -> None:
        """Two conversations do not take lines from each other."""
        assistant = player(tmp_path, THREE)
        for number in range(2):
            for conversation in ("c_1", "c_2"):
                key = f"{conversation}-{number}"
                asked = question("?", key=key, conversation=conversation)
                answer = await assistant.answer(asked, no_draft)
                assert answer.text == ("one", "two")[number]

    async def test_a_question_asked_again_plays_its_line_again(self, tmp_path: Path) -> None:
        """A second attempt at one question does not skip a line."""
        assistant = player(tmp_path, THREE)
        first = await assistant.answer(question("?", key="q1"), no_draft)
        again = await assistant.answer(question("?", key="q1"), no_draft)
        assert (first.text, again.text) == ("one", "one")

    async def test_an_error_fails_its_question(self, tmp_path: Path) -> None:
        """An error is tried once more and refused; the next question plays the next line."""
        assistant = player(tmp_path, '{"error": "down"}\n{"text": "up"}')
        with pytest.raises(TryAgain, match="down"):
            await assistant.answer(question("?", key="q1"), no_draft)
        with pytest.raises(Refused, match="down"):
            await assistant.answer(question("?", key="q1"), no_draft)
        assert (await assistant.answer(question("?", key="q2"), no_draft)).text == "up"

    async def test_delays_are_kept_and_filled_with_drafts(self, tmp_path: Path) -> None:
        """An answer with a delay comes after it, growing meanwhile."""
        clock = HandClock()
        drafts = Drafts()
        assistant = player(tmp_path, '{"text": "one two three four", "delay_ms": 2000}', clock)
        asked = asyncio.create_task(assistant.answer(question("?"), drafts))
        for _ in range(4):
            await asyncio.sleep(0)
            assert not asked.done()
            clock.advance(0.5)
            await asyncio.sleep(0)
        assert (await asked).text == "one two three four"
        assert drafts.seen == ["one", "one two", "one two three"]


class TestReading:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "has no lines"),
            ("\n \n", "has no lines"),
            ("hello", "line 1: not JSON"),
            ('{"text": "a"}\n{"text": }', "line 2: not JSON"),
            ("[1]", "line 1: must be a JSON object"),
            ("{}", "line 1: needs exactly one"),
            ('{"text": "a", "error": "b"}', "line 1: needs exactly one.*`text`, `error`"),
            ('{"txt": "a"}', "line 1: needs exactly one.*`txt`"),
            ('{"text": 7}', "line 1: `text` must be a string"),
            ('{"text": " "}', "line 1: `text` must be"),
            ('{"error": null}', "line 1: `error` must be"),
            ('{"escalate": "r"}', "line 1: `escalate` must be an object"),
            ('{"escalate": {}}', "line 1: `escalate.reason` is missing"),
            ('{"escalate": {"reason": 7}}', "line 1: `escalate.reason` must be a string"),
            ('{"escalate": {"reason": "r", "why": "w"}}', "line 1: `escalate.why` is not known"),
            ('{"text": "a", "delay_ms": -1}', "line 1: `delay_ms`"),
            ('{"text": "a", "delay_ms": 0.5}', "line 1: `delay_ms`"),
            ('{"text": "a", "delay_ms": true}', "line 1: `delay_ms`"),
            ('{"text": "a", "delay_ms": 600001}', "line 1: `delay_ms`"),
            ("[" * 100_000, "line 1: not JSON"),
            ("1" * 10_000, "line 1: not JSON"),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, text: str, problem: str) -> None:
        """Setting, file, line and field are in the message."""
        path = script(tmp_path, text)
        with pytest.raises(ConfigurationError, match=problem) as failure:
            load_script(path)
        assert failure.value.problems[0].startswith(f"HANDOFF_ASSISTANT: {path}")

    def test_all_bad_lines_are_named_at_once(self, tmp_path: Path) -> None:
        """One run tells everything there is to mend."""
        path = script(tmp_path, '{"a": 1}\n{"text": "fine"}\n{"b": 2}')
        with pytest.raises(ConfigurationError) as failure:
            load_script(path)
        assert [problem.split(":")[1][-6:] for problem in failure.value.problems] == [
            "line 1",
            "line 3",
        ]

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """A missing file, a folder, and bytes that are no text are said as such."""
        with pytest.raises(ConfigurationError, match=r"^HANDOFF_ASSISTANT: .* cannot be read"):
            load_script(tmp_path / "none.jsonl")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load_script(tmp_path)
        with pytest.raises(ConfigurationError, match=r"^HANDOFF_ASSISTANT: .* UTF-8"):
            load_script(script(tmp_path, b"\xff\xfe"))

    def test_marks_that_editors_leave(self, tmp_path: Path) -> None:
        """A byte order mark, Windows line ends and rare line separators do no harm."""
        lines = load_script(script(tmp_path, '\ufeff{"text": "a"}\r\n{"text": "b\u2028c"}\r\n'))
        assert [line.answer.text for line in lines if line.answer] == ["a", "b\u2028c"]
