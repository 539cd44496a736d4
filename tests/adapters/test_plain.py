"""Fast JSON says what the standard library says."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.plain import as_bytes, from_bytes


@dataclass
class Kept:
    """What is not meant to leave the house."""

    words: str


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_was_written_is_read(value: object) -> None:
    """Any plain value comes back."""
    assert from_bytes(as_bytes(value)) == value
    assert json.loads(as_bytes(value)) == value


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    """What no UTF-8 can hold spoils neither the answer nor the text around it."""
    assert as_bytes({"text": "a\ud83db"}) == b'{"text":"a?b"}'


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (rb'{"text": "a\ud83db"}', {"text": "a\ud83db"}),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b'{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_what_the_fast_way_refuses_or_bends_is_read(raw: bytes, value: object) -> None:
    """JSON of the odd kind is read as the standard library reads it, or as near as a double."""
    found = from_bytes(raw)
    assert found == value or (isinstance(found, float) and math.isclose(found, float(str(value))))


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"[1e999]", b"\xef\xbb\xbf{}", b"{\x00}", b"'a'"],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        from_bytes(raw)
    with pytest.raises((ValueError, RecursionError)):
        from_bytes(b"[" * 200_000)


def test_what_json_cannot_hold_is_an_error() -> None:
    """A value that is not plain is a mistake of ours."""
    for value in (object(), Kept("words"), datetime(2026, 1, 31, tzinfo=UTC)):
        with pytest.raises(TypeError):
            as_bytes({"a": value})
