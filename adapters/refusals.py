"""How a request ends that goes wrong: as a problem document, or with its connection.

What a client does is answered or forgotten; only what is our own failure is logged with its trace.
"""

import logging
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from adapters.problems import EXPECTED, Problem, has_begun, problem_of

log = logging.getLogger(__name__)

Readable = Callable[[web.BaseRequest], Mapping[str, str]]
"""Given a request, returns the headers that let the page that asks read the answer."""

DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not know this method; Allow names those it knows.",
    413: "The body is too large.",
}


def check_coding(request: web.Request) -> None:
    """Refuse a body that is packed on its way (RFC 9112, 6.1): it would be taken as it is."""
    if hdrs.TRANSFER_ENCODING not in request.headers:
        return
    codings = request.headers.getall(hdrs.TRANSFER_ENCODING)
    if ",".join(codings).strip().lower() != "chunked":
        raise Problem(400, "Transfer-Encoding: nothing but chunked is known here.")


def refusal(request: web.Request, error: Exception, readable: Readable) -> web.StreamResponse:
    """Return the answer to an exception; raises on what is no refusal but an end.

    `readable` is asked about requests that no route takes.
    """
    if _is_gone(request) and _is_its_end(request, error):
        raise ConnectionResetError("the client is gone") from error
    if has_begun(request):
        log.warning("answer_broken_off", exc_info=error, extra={"route": route_of(request)})
        raise ConnectionResetError from error
    if isinstance(error, EXPECTED):
        return problem_of(error).response()
    if isinstance(error, web.HTTPException):
        response = _as_problem(error)
        if request.match_info.http_exception is not None:
            response.headers.update(readable(request))
        return response
    if isinstance(error, web.RequestPayloadError):
        return Problem(400, "The body is not well-formed HTTP.").response()
    log.error("request_failed", exc_info=error, extra={"route": route_of(request)})
    return Problem(500, "Something went wrong on our side.").response()


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _is_its_end(request: web.Request, error: Exception) -> bool:
    """Whether an error says no more than that the connection ended: it may bear any name there."""
    return isinstance(error, ConnectionError) or error is request.content.exception()


def _as_problem(refusal: web.HTTPException) -> web.StreamResponse:
    """Return a refusal as a problem document; redirections are raised on."""
    if refusal.status < web.HTTPBadRequest.status_code:
        raise refusal
    said = refusal.text or ""
    is_own_text = said and not said.startswith(f"{refusal.status}: ")
    detail = said if is_own_text else DETAILS.get(refusal.status, refusal.reason)
    kept = {k: v for k, v in refusal.headers.items() if not k.lower().startswith("content-")}
    return Problem(refusal.status, detail).with_headers(kept).response()


def route_of(request: web.Request) -> str:
    """Return the path of the route that a request goes to, names in place of values."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
