"""Bad uploads, by customers and by teammates at the sandbox desk, and their exact refusals."""

from tests.faults.bad_input import at, bad

FORM = {"Content-Type": "multipart/form-data; boundary=b"}
END = b"--b--\r\n"
HEAD = b"--b\r\nContent-Disposition: form-data; name="


def part(name: bytes, content: bytes = b"x", more: bytes = b"") -> bytes:
    """Return one part of a form; `more` follows the name in its head."""
    return HEAD + b'"' + name + b'"' + more + b"\r\n\r\n" + content + b"\r\n"


def file(content: bytes = b"x", name: bytes = b"a.txt", more: bytes = b"") -> bytes:
    """Return a part that is a file."""
    return part(b"file", content, b'; filename="' + name + b'"' + more)


WORDS = part(b"as", b"<mate>") + part(b"text", b"swordfish")

ROWS = [
    *at(
        "POST /v1/files",
        bad("JSON", 415, "Content-Type: must be multipart/form-data.", {}),
        bad(
            "no boundary",
            400,
            "Content-Type: the form has no usable boundary.",
            b"x",
            headers={"Content-Type": "multipart/form-data"},
        ),
        bad(
            "boundary of 1,000 characters",
            400,
            "Content-Type: the form has no usable boundary.",
            b"x",
            headers={"Content-Type": f"multipart/form-data; boundary={'b' * 1000}"},
        ),
        bad(
            "no form", 400, "The body is not a well-formed multipart form.", b"hello", headers=FORM
        ),
        bad(
            "no parts",
            422,
            "file: must be the one part of the form, with a file name.",
            END,
            headers=FORM,
        ),
        bad(
            "another part first",
            422,
            "file: must be the one part of the form, with a file name.",
            part(b"text") + file() + END,
            headers=FORM,
        ),
        bad(
            "a part without a file name",
            422,
            "file: must be the one part of the form, with a file name.",
            part(b"file") + END,
            headers=FORM,
        ),
        bad(
            "a part after the file",
            422,
            "file: must be the only part of the form.",
            file() + part(b"x") + END,
            headers=FORM,
        ),
        bad(
            "two files",
            422,
            "file: must be the only part of the form.",
            file() + file() + END,
            headers=FORM,
        ),
        bad(
            "20,000 parts",
            422,
            "file: must be the only part of the form.",
            file() + part(b"x") * 20_000 + END,
            headers=FORM,
        ),
        bad(
            "a form in the form",
            422,
            "file: must be the one part of the form, with a file name.",
            b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n" + END,
            headers=FORM,
        ),
        bad(
            "broken off",
            400,
            "The body is not a well-formed multipart form.",
            file()[:-2],
            headers=FORM,
        ),
        bad(
            "broken off in a head",
            400,
            "The body is not a well-formed multipart form.",
            b"--b\r\nContent-Disp",
            headers=FORM,
        ),
        bad(
            "head of a part of 100,000 bytes",
            400,
            "The body is not a well-formed multipart form.",
            file(more=b"\r\nX-A: " + b"a" * 100_000) + END,
            headers=FORM,
        ),
        bad(
            "over the limit",
            413,
            "The body is too large: at most 10485760 bytes are taken.",
            file(b"x" * (10 << 20) + b"x") + END,
            headers=FORM,
        ),
        bad(
            "far over the limit",
            413,
            "The body is too large: at most 10485760 bytes are taken.",
            file(b"x" * (11 << 20)) + END,
            headers=FORM,
        ),
        bad(
            "gzip",
            415,
            "Content-Encoding: send the body unpacked.",
            file() + END,
            headers={**FORM, "Content-Encoding": "gzip"},
        ),
        bad(
            "a question",
            422,
            "name: not known here. Known fields: none.",
            file() + END,
            headers=FORM,
            target="/v1/files?name=x",
        ),
        bad(
            "a conversation that is gone",
            401,
            "The token is not valid (any more). Open a session with POST /v1/sessions.",
            file() + END,
            headers={**FORM, "Authorization": "Bearer <unknown_token>"},
        ),
    ),
    *at(
        "POST /sandbox/threads/{thread}/posts",
        bad(
            "no form",
            400,
            "The multipart body cannot be read.",
            b"hello",
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "no boundary",
            400,
            "The multipart body cannot be read.",
            b"x",
            headers={"Content-Type": "multipart/form-data"},
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "20,000 parts",
            413,
            "Send 15 parts at most.",
            part(b"text") * 20_000 + END,
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "a part without a name",
            422,
            "Each part needs a name.",
            b"--b\r\nX-A: b\r\n\r\nx\r\n" + END,
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "six files",
            422,
            "Send 5 files at most.",
            WORDS + file() * 6 + END,
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "an unknown part after a file",
            422,
            "There is no field 'role'. Known: as, text, note.",
            WORDS + file() + part(b"role") + END,
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "nobody's file",
            422,
            "as must not be empty.",
            part(b"text") + file() + END,
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "a note with a file",
            422,
            "Only a reply carries files: they go to the customer. Send the words first.",
            part(b"as", b"<mate>") + part(b"text", b"note: swordfish") + file() + END,
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "broken off after a file",
            400,
            "The multipart body cannot be read.",
            WORDS + file() + b"--b\r\nContent",
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
        bad(
            "a file over the limit after another",
            413,
            "A file may have 10485760 bytes at most.",
            WORDS + file() + file(b"x" * (10 << 20) + b"x") + END,
            headers=FORM,
            target="/sandbox/threads/<thread>/posts",
        ),
    ),
]
