"""A program of its own that writes facts and tells each one only after it is stored.

`python -m tests.storage.writer URL NAME [COUNT]`; errors are told too, and it goes on.
"""

import asyncio
import sys

from bridge.domain.errors import BridgeError
from storage import open_store
from tests.storage.things import changed, conversation, delivery, fact, first, later, message

SIZE = 5
"""Facts in one write."""


def tell(line: str) -> None:
    """Write a line that arrives even if this process is killed right after."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(url: str, name: str, count: int) -> None:
    """Write until the count is reached."""
    async with open_store(url) as store:
        state = conversation(name)
        await store.commit(first(state))
        tell("begun")
        for number in range(count):
            after = changed(state, seq=state.seq + SIZE, position=state.position + SIZE)
            seqs = range(state.seq + 1, after.seq + 1)
            write = later(
                state,
                after,
                facts=[fact(state, f"{name}:{seq}", seq=seq) for seq in seqs],
                messages=[message(state, seq, text="x" * 500) for seq in seqs],
                deliveries=[delivery(state, seq) for seq in seqs],
            )
            try:
                await store.commit(write)
            except BridgeError as problem:
                tell(f"refused {number} {type(problem).__name__}: {problem}")
                await asyncio.sleep(0.02)
            else:
                tell(f"stored {after.seq}")
                state = after
        tell("done")


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    except BridgeError as problem:
        tell(f"stopped {type(problem).__name__}: {problem}")
        sys.exit(3)
