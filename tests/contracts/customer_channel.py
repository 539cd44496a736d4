"""What every way to the customer must do, on the real core and a real database.

A module of tests subclasses `CustomerChannelContract` and gives a fixture `channel`: the channel
joined to a `World`, and customers who can be asked what they see. What happens at the desk is the
world's to cause.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from bridge.domain.delivery import Answer
from bridge.domain.facts import TeammateAmended, Verb
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.messages import Role
from tests.world import BOB, World

Seen = tuple[str, str]
"""The role a message is shown under, and its words."""


class View(Protocol):
    """An open page."""

    async def message(self) -> Seen:
        """Return the next message that comes up, new or changed."""
        ...

    async def floor(self) -> str:
        """Return who has the floor as soon as that changes (or at once, in a new page)."""
        ...

    async def draft(self) -> str:
        """Return the next piece of an answer in the making."""
        ...


class CustomerUnderTest(Protocol):
    """A customer who uses the channel."""

    @property
    def id(self) -> ConversationId:
        """The conversation."""
        ...

    async def says(self, text: str, client_id: str) -> int:
        """Write; returns the place in the conversation."""
        ...

    async def sends_file(self, name: str, content: bytes) -> None:
        """Write a message that is a file."""
        ...

    async def saved_file(self) -> tuple[str, bytes]:
        """Return the last file in the conversation, as it is downloaded."""
        ...

    async def asks_for_person(self) -> None:
        """Use the control for it."""
        ...

    async def goes_back(self) -> None:
        """Go back to the assistant."""
        ...

    async def rates(self, score: int) -> None:
        """Rate the teammate."""
        ...

    async def reads(self, seq: int) -> None:
        """Read up to there."""
        ...

    async def history(self) -> list[Seen]:
        """Return everything said, as a page opened now shows it."""
        ...

    def looks(self) -> AbstractAsyncContextManager[View]:
        """Open a page that shows what comes after what this customer's pages showed before."""
        ...


class ChannelUnderTest(Protocol):
    """A channel joined to a world."""

    world: World

    async def arrives(self) -> CustomerUnderTest:
        """Return a customer who comes for the first time."""
        ...

    async def returns(self, customer: CustomerUnderTest) -> CustomerUnderTest:
        """Return the same customer on another device."""
        ...

    async def second(self) -> None:
        """Let the channel's own second pass."""
        ...

    async def restart(self) -> None:
        """Crash the bridge and start it again."""
        ...


class CustomerChannelContract:
    """The suite."""

    async def test_words_are_taken_once(self, channel: ChannelUnderTest) -> None:
        """The same words under the same id, sent again for safety, are one message."""
        customer = await channel.arrives()
        places = [await customer.says("where is my parcel?", "one") for _ in range(3)]
        await channel.world.settle()
        said = await customer.history()
        assert places == [1, 1, 1]
        assert said == [
            ("customer", "where is my parcel?"),
            ("assistant", "echo: where is my parcel?"),
        ]

    async def test_words_keep_their_order(self, channel: ChannelUnderTest) -> None:
        """What was said first stands first, for the customer and at the desk."""
        customer = await self._with_teammate(channel)
        for number in range(12):
            await customer.says(f"line {number}", f"n{number}")
        await channel.world.settle()
        lines = [f"line {number}" for number in range(12)]
        assert [text for role, text in await customer.history() if role == "customer"] == lines
        assert [word for word in channel.world.desk.words() if word in lines] == lines

    async def test_a_reply_comes_up_on_an_open_page(self, channel: ChannelUnderTest) -> None:
        """A teammate's reply is shown without asking, after word of who it is."""
        customer = await channel.arrives()
        await customer.asks_for_person()
        await channel.world.settle()
        async with customer.looks() as page:
            assert await page.floor() == "waiting"
            await channel.world.replies(customer.id, "Hello, I am Ann.")
            assert await page.message() == (
                "system",
                "Ann has joined and can see the whole conversation.",
            )
            assert await page.message() == ("teammate", "Hello, I am Ann.")
            assert await page.floor() == "teammate"

    async def test_nothing_is_missed_between_two_pages(self, channel: ChannelUnderTest) -> None:
        """What comes while no page is open is shown by the next one, once and in order."""
        customer = await self._with_teammate(channel)
        async with customer.looks() as page:
            await self._until(page, "teammate")
        for number in range(5):
            await channel.world.replies(customer.id, f"reply {number}")
        async with customer.looks() as page:
            seen = [await page.message() for _ in range(5)]
        assert seen == [("teammate", f"reply {number}") for number in range(5)]

    @pytest.mark.fault("F72")
    async def test_two_devices_show_the_same(self, channel: ChannelUnderTest) -> None:
        """The same customer elsewhere sees the same conversation and goes on in it."""
        customer = await self._with_teammate(channel)
        phone = await channel.returns(customer)
        await phone.says("from my phone", "phone")
        await channel.world.settle()
        assert phone.id == customer.id
        assert await phone.history() == await customer.history()

    async def test_a_crash_loses_and_doubles_nothing(self, channel: ChannelUnderTest) -> None:
        """After a crash everything taken is there, and sending again adds nothing."""
        customer = await self._with_teammate(channel)
        await customer.says("before the crash", "last")
        before = await customer.history()
        await channel.restart()
        await customer.says("before the crash", "last")
        assert await customer.history() == before
        async with customer.looks() as page:
            await channel.world.replies(customer.id, "still here")
            assert (await self._until(page, "teammate"))[-1]
        assert (await customer.history())[-1] == ("teammate", "still here")

    async def test_edits_and_deletions_come_up(self, channel: ChannelUnderTest) -> None:
        """An edited reply shows its new words, a deleted one none, on pages open and new."""
        customer = await self._with_teammate(channel)
        post = PostRef("memory:reply:edited")
        await channel.world.replies(customer.id, "Helo", post=post)
        async with customer.looks() as page:
            while await page.message() != ("teammate", "Helo"):
                pass
            await self._amend(channel, customer, post, "Hello")
            assert await page.message() == ("teammate", "Hello")
            await self._amend(channel, customer, post, None)
            assert await page.message() == ("teammate", "")
        assert ("teammate", "Helo") not in await customer.history()

    async def test_notes_are_never_shown(self, channel: ChannelUnderTest) -> None:
        """What teammates say to each other reaches no page, open or new, now or later."""
        customer = await self._with_teammate(channel)
        async with customer.looks() as page:
            await self._until(page, "teammate")
            await channel.world.replies(customer.id, "he is lying", note=True)
            await channel.world.replies(customer.id, "One moment.")
            assert await page.message() == ("teammate", "One moment.")
        assert "lying" not in str(await customer.history())

    @pytest.mark.fault("F74")
    async def test_a_person_silences_the_assistant(self, channel: ChannelUnderTest) -> None:
        """An answer that was being made when a person was called is shown to nobody."""
        customer = await channel.arrives()
        world = channel.world
        world.assistant.gate.clear()
        await customer.says("hello?", "one")
        await world.settle()
        await customer.asks_for_person()
        world.assistant.gate.set()
        await world.settle()
        assert [role for role, _ in await customer.history()] == ["customer", "system"]

    async def test_an_answer_can_be_watched_growing(self, channel: ChannelUnderTest) -> None:
        """An open page shows the answer in the making, then the whole."""
        customer = await channel.arrives()
        world = channel.world
        world.assistant.gate.clear()
        world.assistant.answers.append(Answer("In three days."))
        async with customer.looks() as page:
            await page.floor()
            await customer.says("when?", "one")
            assert await page.message() == ("customer", "when?")
            world.assistant.gate.set()
            assert await page.draft() == "…"
            assert await page.message() == ("assistant", "In three days.")

    async def test_what_was_shown_and_read_is_told(self, channel: ChannelUnderTest) -> None:
        """The desk learns that a reply was displayed, and that it was read."""
        customer = await self._with_teammate(channel)
        async with customer.looks() as page:
            await self._until(page, "teammate")
            await channel.second()
        world = channel.world
        last = len(await customer.history())
        assert (await world.conversation(customer.id)).shown == last
        assert (await world.conversation(customer.id)).read == 0
        await customer.reads(last)
        assert (await world.conversation(customer.id)).read == last

    async def test_a_person_can_be_asked_for_at_any_time(self, channel: ChannelUnderTest) -> None:
        """Before any word and twice over: one thread at the desk, with the customer in it."""
        customer = await channel.arrives()
        await customer.asks_for_person()
        await customer.asks_for_person()
        await channel.world.settle()
        assert len(channel.world.desk.roots) == 1

    async def test_the_end_is_told_and_a_new_wish_begins_anew(
        self, channel: ChannelUnderTest
    ) -> None:
        """After the teammate is done the floor is nobody's; the next wish reaches people again."""
        customer = await self._with_teammate(channel)
        await channel.world.clicks(customer.id, Verb.RESOLVE)
        async with customer.looks() as page:
            assert await page.floor() == "closed"
            await customer.rates(5)
            await customer.asks_for_person()
            assert await page.floor() == "waiting"

    async def test_the_customer_can_go_back(self, channel: ChannelUnderTest) -> None:
        """Going back gives the floor to the assistant, who then answers again."""
        customer = await self._with_teammate(channel)
        await customer.goes_back()
        await customer.says("are you there?", "back")
        await channel.world.settle()
        assert (await customer.history())[-1] == ("assistant", "echo: are you there?")

    async def test_files_go_along(self, channel: ChannelUnderTest) -> None:
        """A customer's file is part of the conversation and can be saved as it was."""
        customer = await self._with_teammate(channel)
        await customer.sends_file("receipt.txt", b"42 euros\n" * 1000)
        assert await customer.saved_file() == ("receipt.txt", b"42 euros\n" * 1000)

    async def test_a_change_of_hands_is_told(self, channel: ChannelUnderTest) -> None:
        """When another teammate takes over, the customer learns who it is now."""
        customer = await self._with_teammate(channel)
        await channel.world.clicks(customer.id, Verb.RELEASE)
        await channel.world.clicks(customer.id, Verb.CLAIM, BOB)
        words = [text for role, text in await customer.history() if role == Role.SYSTEM]
        assert words[-1].startswith("Bob ")

    @pytest.mark.fault("F72")
    async def test_many_pages_and_writers_agree(self, channel: ChannelUnderTest) -> None:
        """Pages opened at any moment, while both sides write, show the same log in the end."""
        customer = await self._with_teammate(channel)
        pages = [await channel.returns(customer) for _ in range(3)]
        before = len(await customer.history())

        async def write() -> None:
            for number in range(20):
                await customer.says(f"question {number}", f"q{number}")
                await channel.world.replies(customer.id, f"answer {number}")

        async def follow(one: CustomerUnderTest) -> list[Seen]:
            async with one.looks() as page:
                return [await page.message() for _ in range(before + 40)]

        _, *seen = await asyncio.gather(write(), *(follow(one) for one in pages))
        log = await customer.history()
        assert [one == log for one in seen] == [True] * 3

    async def _with_teammate(self, channel: ChannelUnderTest) -> CustomerUnderTest:
        """Return a customer whom a teammate has answered."""
        customer = await channel.arrives()
        await customer.asks_for_person()
        await channel.world.settle()
        await channel.world.replies(customer.id, "Hello, I am Ann.")
        await channel.world.settle()
        return customer

    async def _until(self, page: View, role: str) -> Seen:
        """Read messages until one is of this role."""
        while True:
            seen = await page.message()
            if seen[0] == role:
                return seen

    async def _amend(
        self,
        channel: ChannelUnderTest,
        customer: CustomerUnderTest,
        post: PostRef,
        text: str | None,
    ) -> None:
        """Let a teammate edit a post, or delete it."""
        thread = (await channel.world.conversation(customer.id)).thread or ThreadRef("")
        await channel.world.report(
            TeammateAmended(
                key=f"edit:{post}:{text}",
                at=channel.world.clock.now(),
                thread=thread,
                post=post,
                text=text,
            )
        )
