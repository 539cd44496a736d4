"""What went wrong on the network, in words for whoever runs the program.

The names of exceptions tell such a person nothing, and their texts hold addresses and numbers.
"""

import os
import socket
import ssl

_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its name cannot be looked up"),
    (TimeoutError, "it did not answer in time"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionError, "the connection was broken off"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted here"),
    (ssl.SSLError, "no secure connection could be made"),
)
_SEVERAL = "Multiple exceptions"
"""How aiohappyeyeballs begins when each address of a name failed in a way of its own."""


def in_words(error: BaseException) -> str:
    """Return what an error of the network means."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if not isinstance(error, OSError) or str(error).startswith(_SEVERAL):
        return "the connection could not be made or was broken off"
    return os.strerror(error.errno).lower() if error.errno else str(error)
