"""JSON by type: what is written can be read, also by a program that is older or newer."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.conversation import Customer
from bridge.domain.delivery import (
    Answer,
    CallWebhook,
    Leg,
    Payload,
    PostMessage,
    Receipt,
    Undecoded,
)
from bridge.domain.ids import PostRef, ThreadRef
from bridge.ports.store import Unreadable
from storage.coding import decode, decode_list, encode
from storage.outgoing import KINDS, delivery_of, delivery_row
from tests.storage.things import PAYLOADS, conversation, delivery


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Old:
    name: str


@dataclass(frozen=True, slots=True)
class New:
    name: str
    colour: Colour = Colour.RED
    sizes: tuple[int, ...] = (1,)
    inner: Old | None = None
    more: dict[str, Old] = field(default_factory=dict)


WHOLE = New("é", Colour.RED, (1, 2), Old("in"), {"x": Old("deep")})


def test_a_value_comes_back_with_its_types() -> None:
    """Enums, tuples, nested values and None are what they were."""
    assert decode(New, encode(WHOLE)) == WHOLE
    assert isinstance(decode(New, encode(WHOLE)).colour, Colour)
    assert decode_list(New, encode((WHOLE, New("")))) == (WHOLE, New(""))


def test_a_field_added_later_takes_its_default() -> None:
    """Rows of an older program stay readable."""
    assert decode(New, encode(Old("a"))) == New("a")


def test_a_field_of_a_newer_program_is_passed_over() -> None:
    """After a roll-back the older program reads what the newer one wrote."""
    assert decode(Old, encode(New("a"))) == Old("a")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "New: the stored text lacks name"),
        ("[]", "New: an object was expected"),
        ("{", "New: the stored text is not JSON"),
        ('{"name":"a","colour":"blue"}', "'blue' is not a valid Colour"),
        ('{"name":"a","sizes":5}', "New: 'int' object is not iterable"),
        ('{"name":"a","inner":{}}', "Old: the stored text lacks name"),
    ],
)
def test_what_cannot_be_read_says_what_is_wrong(text: str, told: str) -> None:
    """The error names the type and the field."""
    with pytest.raises(Unreadable, match=told):
        decode(New, text)


@given(st.builds(Customer, st.none() | st.text(), attributes=st.dictionaries(st.text(), st.text())))
def test_any_text_survives(customer: Customer) -> None:
    """Whatever a customer is called, JSON gives it back."""
    assert decode(Customer, encode(customer)) == customer


NAN = float("nan")


@pytest.mark.parametrize(
    "value",
    [
        Receipt(answer=Answer(confidence=NAN)),
        CallWebhook("handoff.requested", {"score": NAN}),
        CallWebhook("handoff.requested", {"deep": [{"score": float("inf")}]}),
        {PostRef("slack:C1:1"): (NAN, None)},
    ],
)
def test_what_is_no_number_is_refused(value: object) -> None:
    """Stored as null it would come back as something that nobody said."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(value)


@pytest.mark.parametrize("text", ["half a pair \ud83d", "\x00", "\x7f", "\u2028", 'a "b" \\'])
def test_texts_are_written_as_the_standard_library_writes_them(text: str) -> None:
    """Half a surrogate pair too: the database then says which value it cannot take."""
    assert encode(Old(text)) == json.dumps(
        {"name": text}, ensure_ascii=False, separators=(",", ":")
    )


def test_a_number_of_any_length_comes_back() -> None:
    """A library that stops at 64 bits does not decide what can be stored."""
    value = Receipt(marked=(2**70, 2**53 + 1))
    assert decode(Receipt, encode(value)) == value


@dataclass(frozen=True)
class Open:
    name: str
    _more: str = ""

    @cached_property
    def shout(self) -> str:
        return self.name.upper()


def test_a_value_is_written_by_its_fields_and_all_of_them() -> None:
    """Whatever else it carries; a library may think otherwise about names with an underscore."""
    value = Open("a", "b")
    assert value.shout == "A"
    assert encode(value) == '{"name":"a","_more":"b"}'


def test_every_payload_has_a_stored_name() -> None:
    """A new payload cannot be forgotten, and a stored name never changes."""
    assert set(KINDS.values()) == set(get_args(Payload)) - {Undecoded}
    assert set(KINDS) == {
        "open_thread",
        "post_transcript",
        "post_message",
        "post_notice",
        "refresh_card",
        "mark_replies",
        "ask",
        "call_webhook",
        "tell_message",
    }
    assert {type(payload) for payload in PAYLOADS} == set(KINDS.values())


def test_an_unknown_payload_names_itself() -> None:
    """A delivery of another version says which kind it is, on the leg it was meant for."""
    row = list(delivery_row(delivery(conversation(), 1)))
    row[7] = "sing_song"
    payload = delivery_of(row).payload
    assert payload == Undecoded(Leg.DESK, "this version knows no payload called 'sing_song'")


def test_a_damaged_payload_names_its_field() -> None:
    """Damage is told apart from a version."""
    row = list(delivery_row(delivery(conversation(), 1)))
    row[8] = '{"message_id":"m"}'
    payload = delivery_of(row).payload
    why = "PostMessage: the stored text lacks author, role, seq, text"
    assert payload == Undecoded(Leg.DESK, why)


def test_one_field_is_enough_for_a_value() -> None:
    """A value of a single field is an object like any other."""
    receipt = Receipt(thread=ThreadRef("slack:C1:1"), posts=(PostRef("slack:C1:2"),), marked=(3, 2))
    assert decode(Old, encode(Old("x"))) == Old("x")
    assert decode(Receipt, encode(receipt)) == receipt
    assert isinstance(PAYLOADS[2], PostMessage)
