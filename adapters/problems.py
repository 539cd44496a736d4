"""Refusals over HTTP, as RFC 9457 problem documents.

A `Problem` is raised wherever a request turns out to be one that cannot be taken; it says which
field is wrong and what would mend it. Nothing of the inside is ever in it.
"""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from adapters.plain import as_bytes
from bridge.domain.errors import StoreUnavailable
from bridge.ports.store import Unstorable

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is refused with `status`; `extra` are further members of the document."""

    def __init__(self, status: int, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra = extra
        self.headers: dict[str, str] = {}

    def with_headers(self, headers: Mapping[str, str]) -> "Problem":
        """Return the problem, to be answered with these headers too."""
        self.headers.update(headers)
        return self

    def response(self) -> web.Response:
        """Return the problem as an HTTP answer."""
        return web.Response(
            status=self.status,
            body=document(self.status, self.detail, self.extra),
            headers={**self.headers, "Content-Type": MEDIA_TYPE},
        )


def has_begun(request: web.BaseRequest) -> bool:
    """Whether part of an answer is on its way already, so that no other can be given."""
    return request.writer.output_size > 0


def document(status: int, detail: str, extra: Mapping[str, object] | None = None) -> bytes:
    """Return the problem document; its title is what the status means."""
    title = HTTPStatus(status).phrase
    return as_bytes({"title": title, "status": status, "detail": detail, **(extra or {})})


def try_again_in(seconds: float) -> dict[str, str]:
    """Return the header that asks for patience, in whole seconds (RFC 9110, 10.2.3)."""
    return {"Retry-After": str(max(1, round(seconds + 0.49)))}


def problem_of(error: Problem | StoreUnavailable | Unstorable) -> Problem:
    """Return how a request is answered that ended in one of the errors we expect."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Unstorable):
        return Problem(422, "This holds values that cannot be stored. Nothing was taken.")
    detail = "This cannot be stored at the moment. Nothing was taken; send it again."
    return Problem(503, detail).with_headers(try_again_in(2))


EXPECTED = (Problem, StoreUnavailable, Unstorable)
"""What `problem_of` knows an answer to."""
