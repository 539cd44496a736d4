"""Where conversations are kept: `open_store` for the program, `open_reader` beside it."""

from storage.blobs import DiskFiles
from storage.engine import files_folder, is_to_be_made, migrate, open_reader, open_store

__all__ = ["DiskFiles", "files_folder", "is_to_be_made", "migrate", "open_reader", "open_store"]
