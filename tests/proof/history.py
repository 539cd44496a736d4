"""The history checker: what was acknowledged against what people saw, and nothing else.

Drivers write down what was acknowledged; the fake platform's room and the customer's own log are
what people saw. Words carry their writer and a number (`c3-17`), so that loss, repetition and
disorder can be read off the words alone.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MARKED = re.compile(r"\b([ctn]\d+)-(\d+)\b")


@dataclass(slots=True)
class Seen:
    """What one conversation's two sides saw, in the order they saw it.

    `thread` are the texts of the posts under its root, `log` the customer's messages as
    (role, text), `roots` how many threads it has at the desk.
    """

    thread: Sequence[str] = ()
    log: Sequence[tuple[str, str]] = ()
    roots: int = 0


@dataclass(slots=True)
class Acknowledged:
    """What the drivers were told was taken: per writer the highest number, counted from 0.

    `notes` are the writers whose words must not be seen by the customer.
    """

    customers: dict[str, int] = field(default_factory=dict)
    teammates: dict[str, int] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)


def numbers(texts: Iterable[str], writer: str) -> list[int]:
    """Return the numbers of one writer's words, in the order they stand."""
    return [int(number) for text in texts for who, number in MARKED.findall(text) if who == writer]


def problems_of(seen: Sequence[int], acknowledged: int, where: str) -> list[str]:
    """Return what is wrong with a sequence of numbers that should count up from 0.

    Words that were sent and never acknowledged may be there once, or not at all.
    """
    found = []
    lost = sorted(set(range(acknowledged + 1)) - set(seen))
    doubled = sorted(n for n, times in Counter(seen).items() if times > 1)
    if lost:
        found.append(f"{where}: lost {_few(lost)}")
    if doubled:
        found.append(f"{where}: doubled {_few(doubled)}")
    if list(seen) != sorted(seen):
        found.append(f"{where}: out of order")
    return found


def _few(numbers: Sequence[int], shown: int = 5) -> str:
    more = f" and {len(numbers) - shown} more up to {numbers[-1]}" if len(numbers) > shown else ""
    return f"{list(numbers[:shown])}{more}"


def check(seen: Sequence[Seen], acknowledged: Sequence[Acknowledged]) -> list[str]:
    """Return every broken promise, as a sentence each; empty when all were kept."""
    found: list[str] = []
    for place, (one, told) in enumerate(zip(seen, acknowledged, strict=True)):
        if one.roots > 1:
            found.append(f"conversation {place}: {one.roots} threads")
        texts = [text for _, text in one.log]
        for writer, last in told.customers.items():
            found += problems_of(numbers(one.thread, writer), last, f"{writer} in the thread")
            found += problems_of(numbers(texts, writer), last, f"{writer} in the log")
        for writer, last in told.teammates.items():
            found += problems_of(numbers(texts, writer), last, f"{writer} at the customer's")
        found += [
            f"conversation {place}: a note of {writer} reached the customer"
            for writer in told.notes
            if numbers(texts, writer)
        ]
        found += _spoke_over(one, place)
    return found


def _spoke_over(seen: Seen, place: int) -> list[str]:
    """Return whether the assistant spoke after a teammate had the floor."""
    roles = [role for role, _ in seen.log]
    if "teammate" not in roles:
        return []
    after = roles[roles.index("teammate") :]
    return [f"conversation {place}: the assistant spoke over a person"] * ("assistant" in after)
