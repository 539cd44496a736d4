"""What is sent to a chat completions server, in the dialect that it understands.

Servers that call themselves compatible differ in a few fields. The first refusal that names such
a field changes the dialect, once and for all later requests; pure functions, no calls here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Tool:
    """A function offered to the model."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: `role` is system, user or assistant; `name` who else spoke as the assistant."""

    role: str
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `form`, when given, is the tool-shaped schema that the whole answer must fit."""

    model: str
    turns: tuple[Turn, ...]
    tokens: int
    tools: tuple[Tool, ...] = ()
    form: Tool | None = None
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server understands.

    `form` is how an answer is given a shape: by `schema` (structured output), `tool` (a forced
    call), or `words` (asked for in the prompt).
    """

    tokens_field: str = "max_tokens"
    has_tools: bool = True
    has_names: bool = True
    form: str = "schema"


def adapted(dialect: Dialect, complaint: str) -> Dialect | None:
    """Return the dialect after a refusal of the request with this text; None: nothing to change.

    The texts are those of OpenAI (max_completion_tokens), Ollama ("does not support tools") and
    servers with strict validation, which name the field.
    """
    said = complaint.lower()
    if "max_completion_tokens" in said and dialect.tokens_field == "max_tokens":
        return replace(dialect, tokens_field="max_completion_tokens")
    if "max_completion_tokens" in said and dialect.tokens_field == "max_completion_tokens":
        return None
    if ("response_format" in said or "json_schema" in said) and dialect.form == "schema":
        return replace(dialect, form="tool" if dialect.has_tools else "words")
    if "tool" in said and dialect.has_tools:
        form = "words" if dialect.form == "tool" else dialect.form
        return replace(dialect, has_tools=False, form=form)
    if "name" in said and "messages" in said and dialect.has_names:
        return replace(dialect, has_names=False)
    return None


def body_for(request: Request, dialect: Dialect) -> bytes:
    """Return the JSON of a request."""
    body: dict[str, object] = {
        "model": request.model,
        "messages": [_message(turn, dialect) for turn in _asked(request, dialect)],
        dialect.tokens_field: request.tokens,
        "stream": request.streams,
    }
    if request.tools and dialect.has_tools:
        body["tools"] = [_function(tool) for tool in request.tools]
    if request.form is not None:
        body |= _formed(request.form, dialect)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _asked(request: Request, dialect: Dialect) -> tuple[Turn, ...]:
    """Return the turns; where the server cannot be held to a shape, the first one asks for it."""
    if request.form is None or dialect.form != "words":
        return request.turns
    first, *others = request.turns
    schema = json.dumps(request.form.parameters, ensure_ascii=False)
    asking = f"{first.text}\n\nAnswer with one JSON object of this schema only: {schema}"
    return (replace(first, text=asking), *others)


def _message(turn: Turn, dialect: Dialect) -> dict[str, str]:
    """Return one message; without names, a teammate's words say whose they are."""
    if not turn.name:
        return {"role": turn.role, "content": turn.text}
    if dialect.has_names:
        return {"role": turn.role, "name": turn.name, "content": turn.text}
    return {"role": turn.role, "content": f"[{turn.name}, a colleague] {turn.text}"}


def _function(tool: Tool) -> dict[str, object]:
    """Return a tool as the API spells it."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }


def _formed(form: Tool, dialect: Dialect) -> dict[str, object]:
    """Return the fields that ask for an answer of a certain shape."""
    if dialect.form == "schema":
        schema = {"name": form.name, "strict": True, "schema": form.parameters}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    if dialect.form == "tool":
        choice = {"type": "function", "function": {"name": form.name}}
        return {"tools": [_function(form)], "tool_choice": choice}
    return {}
