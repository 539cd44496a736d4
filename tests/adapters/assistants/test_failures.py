"""Second chances, and the rest after too many failures."""

import pytest

from adapters.assistants.failures import REMEMBERED, Breaker, Rested, SecondChances
from bridge.domain.delivery import Answer
from bridge.domain.errors import DeliveryError, Refused, TryAgain
from bridge.ports.assistant import Draft, Question
from tests.adapters.assistants.asking import no_draft, question
from tests.clocks import HandClock


class Faulty:
    """An assistant that fails as it is told."""

    def __init__(self) -> None:
        self.error: DeliveryError | None = TryAgain("down")
        self.asked = 0

    async def answer(self, question: Question, draft: Draft) -> Answer:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Answer(text="up")


class TestRested:
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def faulty(self) -> Faulty:
        return Faulty()

    @pytest.fixture
    def assistant(self, faulty: Faulty, clock: HandClock) -> Rested:
        return Rested(faulty, Breaker(clock, limit=3, rest=10.0))

    async def fail(self, assistant: Rested, times: int) -> None:
        for _ in range(times):
            with pytest.raises((TryAgain, Refused)):
                await assistant.answer(question("?"), no_draft)

    async def test_after_failures_in_a_row_it_is_left_alone(
        self, assistant: Rested, faulty: Faulty
    ) -> None:
        """The fourth question is refused at once, without asking: people take over."""
        await self.fail(assistant, 3)
        with pytest.raises(Refused, match="left alone"):
            await assistant.answer(question("?"), no_draft)
        assert faulty.asked == 3

    async def test_after_the_rest_one_question_tries(
        self, assistant: Rested, faulty: Faulty, clock: HandClock
    ) -> None:
        """One question is let through; its failure makes the next rest twice as long."""
        await self.fail(assistant, 3)
        clock.advance(10)
        await self.fail(assistant, 2)
        assert faulty.asked == 4
        clock.advance(15)
        await self.fail(assistant, 1)
        assert faulty.asked == 4
        clock.advance(5)
        faulty.error = None
        assert (await assistant.answer(question("?"), no_draft)).text == "up"
        assert (await assistant.answer(question("?"), no_draft)).text == "up"

    @pytest.mark.parametrize("error", [Refused("no"), TryAgain("busy", after=3)])
    async def test_answers_of_a_living_server_do_not_count(
        self, assistant: Rested, faulty: Faulty, error: DeliveryError
    ) -> None:
        """A refusal of one question, or a wish to wait, is no sign of death."""
        faulty.error = error
        await self.fail(assistant, 9)
        assert faulty.asked == 9


class TestSecondChances:
    def test_each_question_has_one(self) -> None:
        """The first failure is tried again, the second refused, and then it begins anew."""
        chances = SecondChances()
        kinds = [type(chances.failure("q1", "broken")).__name__ for _ in range(3)]
        assert kinds == ["TryAgain", "Refused", "TryAgain"]
        assert isinstance(chances.failure("q2", "broken"), TryAgain)

    def test_memory_is_bounded(self) -> None:
        """Only so many questions are remembered; the oldest are forgotten first."""
        chances = SecondChances()
        for number in range(REMEMBERED + 1):
            chances.failure(f"q{number}", "broken")
        assert isinstance(chances.failure("q0", "broken"), TryAgain)
        assert isinstance(chances.failure(f"q{REMEMBERED}", "broken"), Refused)
