"""What goes wrong on the network is said without Python's names."""

import errno
import socket
import ssl

import pytest

from adapters.faults import in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "its name cannot be looked up"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('::1', 1)"), "refused"),
        (ConnectionResetError(), "the connection was broken off"),
        (TimeoutError(), "it did not answer in time"),
        (ssl.SSLCertVerificationError(1, "odd"), "its certificate is not trusted here"),
        (ssl.SSLError(1, "odd"), "no secure connection could be made"),
        (OSError(errno.ENETUNREACH, "Connect call failed"), "network is unreachable"),
        (OSError("Multiple exceptions: [Errno 111] …"), "the connection could not be made"),
        (OSError("x resolves to an address that may not be called"), "x resolves to an address"),
        (RuntimeError("odd"), "the connection could not be made"),
    ],
)
def test_an_error_of_the_network_is_told_in_words(error: Exception, words: str) -> None:
    """No class, no number and no address as Python writes it."""
    said = in_words(error)
    assert words in said
    assert "Errno" not in said
    assert type(error).__name__ not in said
