"""News from the sandbox desk: how it is kept until the bridge has taken it, and the fact it is.

A fact's key is made of the news' own number, so that news told twice is taken once.
"""

from dataclasses import dataclass

from adapters.sandbox.refs import NAME, Spot
from adapters.sandbox.render import file_json
from adapters.sandbox.rows import Json, KeptThread
from bridge.domain.facts import Fact, TeammateActed, TeammateAmended, TeammateWrote, Verb
from bridge.domain.ids import FileId, HandoffId, PostRef
from bridge.domain.messages import Attachment, Author


@dataclass(frozen=True, slots=True)
class Teammate:
    """Somebody who works at this desk: how the customer sees them, and how the page lists them."""

    id: str
    name: str
    label: str


TEAMMATES = (
    Teammate("support", "Support", "You (support)"),
    Teammate("workshop", "Workshop", "A colleague (workshop)"),
)


def wrote(who: Teammate, text: str, files: tuple[Attachment, ...], *, note: bool) -> Json:
    """Return the news that somebody wrote."""
    described = [file_json(file) for file in files]
    return {"what": "wrote", "who": _who(who), "text": text, "note": note, "files": described}


def amended(who: Teammate, text: str | None, *, note: bool) -> Json:
    """Return the news that somebody edited a post, or deleted it (None)."""
    return {"what": "amended", "who": _who(who), "text": text, "note": note}


def acted(who: Teammate, verb: Verb, target: Teammate | None, handoff_id: str | None) -> Json:
    """Return the news that somebody used a verb."""
    aim = _who(target) if target else None
    return {
        "what": "acted",
        "who": _who(who),
        "verb": verb.value,
        "target": aim,
        "handoff_id": handoff_id,
    }


def fact_of(thread: KeptThread, news: Json) -> Fact:
    """Return the fact that kept news is; `serial` and `at` were added when it was kept."""
    return _FACTS[news["what"]](thread, news, f"{NAME}:{news['what']}:{news['serial']}")


def _wrote(thread: KeptThread, news: Json, key: str) -> Fact:
    return TeammateWrote(
        key=key,
        at=news["at"],
        thread=Spot(thread.room, thread.id).thread_ref,
        post=_post(thread, news),
        author=_author(news["who"]),
        text=news["text"],
        attachments=tuple(_file(file) for file in news["files"]),
        note=news["note"],
        sent_at=news["at"],
    )


def _amended(thread: KeptThread, news: Json, key: str) -> Fact:
    return TeammateAmended(
        key=key,
        at=news["at"],
        thread=Spot(thread.room, thread.id).thread_ref,
        post=_post(thread, news),
        text=news["text"],
        note=news["note"],
    )


def _acted(thread: KeptThread, news: Json, key: str) -> Fact:
    return TeammateActed(
        key=key,
        at=news["at"],
        verb=Verb(news["verb"]),
        author=_author(news["who"]),
        thread=Spot(thread.room, thread.id).thread_ref,
        handoff_id=HandoffId(news["handoff_id"]) if news["handoff_id"] else None,
        target=_author(news["target"]) if news["target"] else None,
    )


_FACTS = {"wrote": _wrote, "amended": _amended, "acted": _acted}


def _who(mate: Teammate) -> Json:
    return {"id": mate.id, "name": mate.name}


def _author(who: Json) -> Author:
    return Author(who["name"], ref=f"{NAME}:{who['id']}")


def _post(thread: KeptThread, news: Json) -> PostRef:
    return Spot(thread.room, thread.id, news["post"]).post_ref


def _file(file: Json) -> Attachment:
    return Attachment(FileId(file["id"]), file["name"], file["media_type"], file["size"])
