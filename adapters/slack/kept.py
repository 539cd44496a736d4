"""A small memory: what was learnt last, bounded, and never needed to be right."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Keeps the `most` values set last; after a restart it is empty."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the value, or None."""
        return self._values.get(key)

    def set(self, key: K, value: V) -> None:
        """Keep a value, forgetting the oldest when there are too many."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def add(self, key: K, value: V) -> bool:
        """Keep a value under a new key; returns False when the key was there."""
        if key in self._values:
            return False
        self.set(key, value)
        return True

    def drop(self, key: K) -> None:
        """Forget a key."""
        self._values.pop(key, None)
