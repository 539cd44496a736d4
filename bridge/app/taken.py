"""What the store remembers of facts that were taken, for who must know before a word is said."""

from collections.abc import Iterable, Mapping

from bridge.ports.store import Store, Wanted


class StoredFacts:
    """The facts in a store, by their keys."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def digests_of(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Return the digest of what was taken under each key; a key that is new is left out."""
        loaded = await self._store.load(Wanted(keys=frozenset(keys)))
        return {key: fact.digest for key, fact in loaded.facts.items()}
