"""Which sites' pages may talk to the customer API (Fetch standard, section 3.2).

An Origin is compared letter by letter; `null` is nobody's. A request without one comes from no
foreign page: browsers send it with every POST and every request across sites, and as no cookie
carries any right here, a request without the bearer token can do nothing in somebody's name.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web
from yarl import URL

from adapters.problems import Problem

PREFLIGHT = {
    "Access-Control-Allow-Headers": "authorization, content-type, last-event-id",
    "Access-Control-Max-Age": "7200",
}
EXPOSED = "Retry-After, Content-Disposition"


_NONE: Mapping[str, str] = {}


def origin_of(url: str) -> str:
    """Return the origin of an address, as browsers write it."""
    parts = URL(url)
    port = "" if parts.is_default_port() else f":{parts.port}"
    return f"{parts.scheme}://{parts.host_subcomponent}{port}"


class Origins:
    """The sites whose pages may ask."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._headers = {
            origin: {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Expose-Headers": EXPOSED,
                "Vary": "Origin",
            }
            for origin in allowed
        }

    def check(self, request: web.BaseRequest) -> Mapping[str, str]:
        """Return the headers that let the asking page read the answer; raises 403 for others."""
        headers = self.known(request)
        if not headers and "Origin" in request.headers:
            raise Problem(403, "Origin: this site is not among HANDOFF_ALLOWED_ORIGINS.")
        return headers

    def known(self, request: web.BaseRequest) -> Mapping[str, str]:
        """Return the headers that let the asking page read the answer, none for others."""
        return self._headers.get(request.headers.get("Origin", ""), _NONE)

    def preflight(self, methods: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return the handler that tells a page in advance what it may send."""

        async def answer(request: web.Request) -> web.Response:
            allow = {"Allow": f"{methods}, OPTIONS"}
            if not (allowed := self.check(request)):
                return web.Response(status=204, headers=allow)
            more = {**PREFLIGHT, "Access-Control-Allow-Methods": methods}
            return web.Response(status=204, headers={**allowed, **more, **allow})

        return answer
