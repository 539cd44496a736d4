"""Where conversations are kept: `open_store` for the program, `open_reader` beside it."""

from storage.engine import open_reader, open_store

__all__ = ["open_reader", "open_store"]
