"""Holds every answer a test sees against /openapi.json: its status, its type and its shape."""

import re
from collections.abc import Iterable
from typing import Any

import aiohttp
from aiohttp import web
from jsonschema import Draft202012Validator

from adapters.web.openapi import describe

OWN = ("/healthz", "/readyz", "/metrics", "/openapi.json")
"""The server's own paths."""

EVERYWHERE = {404, 405}
"""What the server itself answers where there is no such address or method."""


class Contract:
    """The description of a server, as something answers are checked by."""

    def __init__(self, routes: Iterable[web.RouteDef]) -> None:
        own = [("GET", path) for path in OWN]
        self.description = describe([*((route.method, route.path) for route in routes), *own])
        self._patterns = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
            for path, operations in self.description["paths"].items()
        ]

    def check(self, method: str, path: str, answer: aiohttp.ClientResponse, value: object) -> None:
        """Fail unless the description knows such an answer to such a call."""
        assert answer.status < 500 or answer.status == 503, value
        operation = self._operation(method, path.partition("?")[0])
        if operation is None:
            assert answer.status in EVERYWHERE or answer.status < 300, (path, answer.status)
            return
        response = operation["responses"].get(str(answer.status))
        assert response is not None, f"{method} {path} may not answer {answer.status}: {value}"
        for media_type, content in response.get("content", {}).items():
            assert media_type in ("*/*", answer.content_type)
            if "json" in media_type and "schema" in content:
                self.validate(content["schema"], value)

    def validate(self, schema: dict[str, Any], value: object) -> None:
        """Fail unless a value has the shape of a schema."""
        whole = {"components": self.description["components"], **schema}
        Draft202012Validator(whole).validate(value)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        for pattern, operations in self._patterns:
            if pattern.fullmatch(path):
                found: dict[str, Any] | None = operations.get(method.lower())
                return found
        return None
