"""What a file is and what it is called, against what senders claim."""

import io
import unicodedata
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sniffing import LONGEST_NAME, Sniffer, safe_name


def sniffed(data: bytes, piece: int = 7) -> str:
    """Return what a file is, fed in small pieces."""
    sniffer = Sniffer()
    for start in range(0, len(data), piece):
        sniffer.feed(data[start : start + piece])
    return sniffer.media_type()


def zipped() -> bytes:
    """Return a small zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "hello")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"GIF89a\x01\0\x01\0", "image/gif"),
        (b"GIF87a\x01\0\x01\0", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "application/octet-stream"),
        (b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
        (zipped(), "application/zip"),
        (b"PK\x05\x06" + bytes(18), "application/zip"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "video/mp4"),
        (b"", "text/plain"),
        ("Grüße, 你好\r\n\tund mehr".encode(), "text/plain"),
        (b"<!doctype html><script>alert(1)</script>", "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "text/plain"),
        (b"plain but \0 not", "application/octet-stream"),
        (b"\x1b[31mred", "application/octet-stream"),
        ("caf\xe9".encode("latin-1"), "application/octet-stream"),
        ("cut in the middle 你".encode()[:-1], "application/octet-stream"),
        (b"MZ\x90\0\x03", "application/octet-stream"),
        (b"\x7fELF\x02", "application/octet-stream"),
    ],
)
def test_bytes_say_what_they_are(data: bytes, kind: str) -> None:
    """By signature, as text, or as nothing known; whatever the pieces it came in."""
    assert {sniffed(data, piece) for piece in (1, 3, 7, 4096)} == {kind}


@given(st.binary(max_size=300), st.integers(1, 50))
def test_the_pieces_make_no_difference(data: bytes, piece: int) -> None:
    """How a network cuts a file changes nothing."""
    assert sniffed(data, piece) == sniffed(data, 1000)


@given(st.binary(max_size=300))
def test_nothing_is_ever_called_markup(data: bytes) -> None:
    """There is no input for which a browser is told to run it."""
    assert sniffed(data) not in {"text/html", "image/svg+xml", "application/xhtml+xml"}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("receipt.pdf", "receipt.pdf"),
        ("Müller Übersicht (2).xlsx", "Müller Übersicht (2).xlsx"),
        ("発注書.pdf", "発注書.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/shadow", "shadow"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("a\0b.txt", "ab.txt"),
        ("line\r\nSet-Cookie: x", "lineSet-Cookie_ x"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("zero\u200bwidth\ufeff.txt", "zerowidth.txt"),
        (".htaccess", "htaccess"),
        ("\u200b.htaccess", "htaccess"),
        ("name.txt. . .", "name.txt"),
        ("name.txt::$DATA", "name.txt__$DATA"),
        ('quo"te;.txt', "quo_te_.txt"),
        ("<script>.svg", "_script_.svg"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1.log", "_com1.log"),
        ("console.log", "console.log"),
        ("", "file"),
        ("...", "file"),
        ("/", "file"),
        ("\u202e", "file"),
        ("\ud800.txt", "txt"),
        ("e\u0301.txt", "é.txt"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    """What could mislead a person, a shell, a header or a file system is gone."""
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_ending() -> None:
    """People tell files by their endings; a letter is never cut in two."""
    assert safe_name("a" * 300 + ".pdf") == "a" * (LONGEST_NAME - 4) + ".pdf"
    assert len(safe_name("文" * 300 + ".pdf").encode()) <= LONGEST_NAME
    assert safe_name("文" * 300 + ".pdf").endswith("文.pdf")
    assert len(safe_name("a." + "b" * 300)) <= LONGEST_NAME


@given(st.text())
def test_any_name_comes_out_harmless(name: str) -> None:
    """Never empty, never a path, never hidden, never longer than allowed, and stable."""
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= LONGEST_NAME
    assert not set(safe) & set('/\\\0<>:"|?*;\r\n')
    assert not safe.startswith(".")
    assert not any(unicodedata.category(mark) in {"Cc", "Cf", "Cs"} for mark in safe)
    assert safe_name(safe) == safe
