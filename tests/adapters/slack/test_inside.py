"""What stays with the team however it is written: notes and commands, as a person reads them."""

from typing import Any

import pytest

from bridge.domain.facts import TeammateActed, TeammateAmended, TeammateWrote, Verb
from tests.adapters.slack.scene import Scene
from tests.servers.slack import BOT_USER

Json = dict[str, Any]


def words(text: str, *styles: str) -> Json:
    """Return a run of rich text."""
    style = {"style": dict.fromkeys(styles, True)} if styles else {}
    return {"type": "text", "text": text, **style}


def section(*parts: Json) -> Json:
    """Return a paragraph of rich text."""
    return {"type": "rich_text_section", "elements": list(parts)}


def listed(*parts: Json, style: str = "bullet") -> Json:
    """Return a list of one item."""
    return {"type": "rich_text_list", "style": style, "elements": [section(*parts)]}


def quoted(*parts: Json) -> Json:
    """Return a quote."""
    return {"type": "rich_text_quote", "elements": list(parts)}


def block(*elements: Json) -> list[Json]:
    """Return the blocks of a message."""
    return [{"type": "rich_text", "elements": list(elements)}]


NOTE_TEXTS = (
    "*note*: secret",
    "_Private_: secret",
    "~note~: secret",
    "`note`: secret",
    "*N*ote: secret",
    "*_note_:* secret",
    "```note: secret```",
    "- note: secret",
    "* note: secret",
    "• note: secret",
    "    ◦ *note*: secret",
    "1. note: secret",
    "2) note: secret",
    "a. note: secret",
    "# note: secret",
    "• :lock: secret",
    "*:lock:* secret",
    "&gt; • *note*: secret",
    "first\n&gt; *private*: secret",
    "<https://a.example|note: secret>",
    "<https://a.example|note>: secret",
    "*<https://a.example|note>*: secret",
    "<javascript:x|note: secret>",
    "(note: secret)",
    "[note] : secret",
    '"note: secret"',
    "“note”: secret",
    "— note: secret",
    "<@U0BEN> note: secret",
    "<@U0BEN>note: secret",
    "<@U0BEN|ben>\nnote: secret",
    "<@U0NEW> *note*: secret",
    "@Ben note: secret",
    f"<@{BOT_USER}> note: secret",
    f"<@{BOT_USER}> !note secret",
    "<!here> note: secret",
    "<#C0OTHER|room> note: secret",
    ":warning: note: secret",
    "\N{WARNING SIGN}\ufe0f note: secret",
    "*!note* secret",
    "`!note secret`",
    "• !note secret",
    "\N{CLOSED LOCK WITH KEY} secret",
    "\N{LOCK WITH INK PEN} secret",
    ":closed_lock_with_key: secret",
    ":lock_with_ink_pen: secret",
    "(\N{LOCK} secret)",
    "[1] note: secret",
    "1.) note: secret",
    "1.note: secret",
    "1.1. note: secret",
    "note (internal): secret",
    "\u200b" * 500 + "*note*: secret",
    " " * 500 + "*note*: secret",
)

NOTE_BLOCKS = (
    block(section(words("note", "bold"), words(": secret"))),
    block(section(words("Private", "italic"), words(": secret"))),
    block(section(words("note", "code"), words(": secret"))),
    block(section(words("N", "bold"), words("ote: secret"))),
    block(listed(words("note: secret"))),
    block(listed(words("note", "bold"), words(": secret"), style="ordered")),
    block(listed({"type": "emoji", "name": "lock", "unicode": "1f512"}, words(" secret"))),
    block(section({"type": "emoji", "name": "lock"}, words(" secret"))),
    block(section({"type": "emoji", "name": "lock_with_ink_pen"}, words(" secret"))),
    block(section({"type": "link", "url": "https://a.example", "text": "note: secret"})),
    block(section({"type": "link", "url": "javascript:x", "text": "note: secret"})),
    block(section({"type": "user", "user_id": "U0BEN"}, words(" note: secret"))),
    block(section({"type": "broadcast", "range": "here"}, words(" note: secret"))),
    block(section(words("see")), quoted(words("note", "bold"), words(": secret"))),
    block({"type": "rich_text_preformatted", "elements": [words("note: secret")]}),
    block(section(words("- note: secret"))),
    block(section(words("(note: secret)"))),
)


@pytest.mark.fault("F87")
@pytest.mark.parametrize("text", NOTE_TEXTS)
async def test_a_note_stays_inside_however_it_is_written(at_desk: Scene, text: str) -> None:
    """It is kept as a note, and its author learns that it was not sent."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    assert at_desk.only(TeammateWrote).note
    assert [said for said in at_desk.whispers if "reads like a note" in said] == at_desk.whispers
    assert len(at_desk.whispers) == 1


@pytest.mark.fault("F87")
@pytest.mark.parametrize("text", ["", "secret"])
@pytest.mark.parametrize("blocks", NOTE_BLOCKS)
async def test_a_note_in_rich_text_stays_inside(
    at_desk: Scene, text: str, blocks: list[Json]
) -> None:
    """Whatever the plain text beside it says; when that says something else, its author is told."""
    await at_desk.slack.people.teammate_says(at_desk.root, text, blocks=blocks)
    assert at_desk.only(TeammateWrote).note
    assert len(at_desk.whispers) == 1 or not text


@pytest.mark.parametrize(
    "text",
    [
        *("note: x", "NOTE : x", "!note x", "private: x", ":lock: x"),
        *("note\u0488: x", "note\u3164: x", "note\u2236 x"),
    ],
)
async def test_a_note_in_the_documented_form_is_not_remarked_on(at_desk: Scene, text: str) -> None:
    """Who writes notes as the help says is not told so each time."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    assert at_desk.only(TeammateWrote).note
    assert at_desk.whispers == []


@pytest.mark.parametrize(
    "text",
    [
        "Hello *note*: x",
        "*Noted*: x",
        "*Please* note: x",
        "Your order left.\nNote: it takes three days",
        "• first\n• note: second",
        "The note: x",
        "1 note: x",
        "a note",
        "note",
        "Hello\n!important",
        "Hello!",
        "- wow!",
        "<!here> can somebody confirm?",
        "<!subteam^S0TEAM> the parcel has left",
        "<!date^1800000000^{date_short}|tomorrow> works",
        "&lt;!DOCTYPE html&gt; belongs in the first line",
        "`#!/bin/sh` is the first line",
        "```#!/bin/sh\necho hi```",
        "&lt;!-- a comment --&gt;",
        "(!) Please read this",
        "[!] careful",
        "- ! careful",
        "<@U0BEN>! Note that we are closed",
        "\N{PARTY POPPER}! Note that it ships",
        "\N{THUMBS UP SIGN}! Great",
        "10:30 works",
        "2 notes: none",
    ],
)
async def test_only_the_first_words_make_a_note_or_a_command(at_desk: Scene, text: str) -> None:
    """What stands in the middle, or in a later line that is no quote, is part of a reply."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    assert not at_desk.only(TeammateWrote).note
    assert at_desk.whispers == []


COMMAND_TEXTS = (
    "*!foo*",
    "`!resolve-x`",
    "_!foo_ bar",
    "&gt; !foo",
    "&gt; !resolve",
    "• !foo",
    "- !resolve",
    "1. !resolve",
    "*!*foo",
    '"!resolve"',
    "<@U0BEN> !resolve",
    "<https://a.example|!resolve>",
    "\u200b" * 500 + "!resolve",
    "```!foo```",
    "\N{WAVING HAND SIGN} !resolve",
    ":wave: !foo",
    f":wave: <@{BOT_USER}> resolve",
    f"&gt; <@{BOT_USER}> resolve",
    f"• <@{BOT_USER}> resolve",
    f"<@U0BEN> <@{BOT_USER}> resolve",
)

COMMAND_BLOCKS = (
    block(section(words("!foo", "bold"))),
    block(listed(words("!foo"))),
    block(listed(words("!resolve"), style="ordered")),
    block(quoted(words("!resolve"))),
    block(section({"type": "link", "url": "https://a.example", "text": "!foo"})),
    block(quoted({"type": "user", "user_id": BOT_USER}, words(" resolve"))),
)


@pytest.mark.parametrize("text", COMMAND_TEXTS)
async def test_a_command_stays_inside_however_it_is_written(at_desk: Scene, text: str) -> None:
    """Nothing is sent and nothing done, and its author learns so."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    assert at_desk.facts == []
    [told] = at_desk.whispers
    assert "not sent to the customer" in told


@pytest.mark.parametrize("text", ["", "words"])
@pytest.mark.parametrize("blocks", COMMAND_BLOCKS)
async def test_a_command_in_rich_text_stays_inside(
    at_desk: Scene, text: str, blocks: list[Json]
) -> None:
    """Whatever the plain text beside it says."""
    await at_desk.slack.people.teammate_says(at_desk.root, text, blocks=blocks)
    assert at_desk.facts == []
    assert len(at_desk.whispers) == 1


@pytest.mark.parametrize(
    ("text", "verb", "target"),
    [
        ("*!resolve*", Verb.RESOLVE, None),
        ("`!claim`", Verb.CLAIM, None),
        ("_!assign_ <@U0BEN>", Verb.ASSIGN, "Ben"),
        ("*!assign me*", Verb.ASSIGN, "Ann"),
        (f"*<@{BOT_USER}>* resolve", Verb.RESOLVE, None),
        (f"<@{BOT_USER}> *resolve*", Verb.RESOLVE, None),
        (f"*<@{BOT_USER}> assign <@U0BEN>*", Verb.ASSIGN, "Ben"),
    ],
)
async def test_a_verb_in_bold_is_the_verb(
    at_desk: Scene, text: str, verb: Verb, target: str | None
) -> None:
    """Bold, italic and code change nothing about a command."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    fact = at_desk.only(TeammateActed)
    assert (fact.verb, fact.target and fact.target.name) == (verb, target)


async def test_a_verb_in_rich_text_alone_is_the_verb(at_desk: Scene) -> None:
    """Without a plain text beside it."""
    verb = block(section(words("!resolve", "bold")))
    await at_desk.slack.people.teammate_says(at_desk.root, "", blocks=verb)
    assert at_desk.only(TeammateActed).verb is Verb.RESOLVE


@pytest.mark.fault("F87")
@pytest.mark.parametrize("text", ["*note*: he is wrong", "• note: he is wrong", "(private: x)"])
async def test_an_edit_into_any_note_withdraws(at_desk: Scene, text: str) -> None:
    """The customer stops seeing the reply, and its author learns so."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "he is wrong")).ts
    await people.teammate_edits(ts, text)
    assert isinstance(at_desk.facts[-1], TeammateAmended)
    assert at_desk.facts[-1].note
    assert "reads like a note" in at_desk.whispers[-1]


@pytest.mark.fault("F87")
async def test_an_edit_into_a_note_in_rich_text_withdraws(at_desk: Scene) -> None:
    """The blocks alone tell."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "he is wrong")).ts
    await people.teammate_edits(ts, "he is wrong", blocks=NOTE_BLOCKS[0])
    assert at_desk.facts[-1].note  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text", [f"<@{BOT_USER}> resolve", "!resolve", "*!foo*", f"&gt; <@{BOT_USER}> resolve"]
)
async def test_an_edit_into_a_command_withdraws_and_acts_on_nothing(
    at_desk: Scene, text: str
) -> None:
    """The command is neither shown to the customer nor carried out, and its author learns so."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "hello")).ts
    await people.teammate_edits(ts, text)
    assert [type(fact) for fact in at_desk.facts] == [TeammateWrote, TeammateAmended]
    assert at_desk.facts[-1].note  # type: ignore[union-attr]
    [told] = at_desk.whispers
    assert "taken back" in told


@pytest.mark.parametrize("text", ["!resolve", f"<@{BOT_USER}> resolve"])
async def test_a_command_mended_by_an_edit_is_not_carried_out(at_desk: Scene, text: str) -> None:
    """Its author learns that it has to be sent as a new message."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "!resolv")).ts
    await people.teammate_edits(ts, text)
    assert at_desk.facts == []
    assert "new message" in at_desk.whispers[-1]


@pytest.mark.fault("F87")
async def test_a_note_in_doubt_is_not_published_by_an_edit(at_desk: Scene) -> None:
    """Its author is told a second time, with what to do."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "(note: secret)")).ts
    await people.teammate_edits(ts, "secret")
    assert len(at_desk.facts) == 1
    assert "stays a note" in at_desk.whispers[-1]
