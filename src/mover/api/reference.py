"""The reference as a page, made of the description: no script, nothing from elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from starlette.responses import Response

_PAGES = files("mover.api") / "pages"
# As strict as the API's own, but for the page's one style sheet.
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


@dataclass(frozen=True)
class ShownOperation:
    """One operation as the page shows it."""

    method: str
    path: str
    name: str
    paragraphs: list[str]
    parameters: list[Mapping[str, Any]]
    body: str
    answers: list[tuple[str, str, str]]


def reference_page(document: Mapping[str, Any], *, style: str) -> Response:
    """Show a description to people. `style` is the address of the style sheet."""
    operations: dict[str, list[ShownOperation]] = {}
    for tag, operation in _operations(document):
        operations.setdefault(tag, []).append(operation)
    text = _template().render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        introduction=_paragraphs(document["info"]["description"]),
        groups=[
            (tag["name"], tag["description"], operations.get(tag["name"], [])) for tag in document["tags"]
        ],
        models=[_model(name, schema) for name, schema in sorted(document["components"]["schemas"].items())],
        style=style,
    )
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


def reference_style() -> Response:
    """The page's style sheet."""
    return Response((_PAGES / "reference.css").read_bytes(), media_type="text/css")


@functools.cache
def _template() -> Any:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((_PAGES / "reference.html").read_text())


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, ShownOperation]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            shown = ShownOperation(
                method=method.upper(),
                path=path,
                name=operation["operationId"],
                paragraphs=_paragraphs(operation["description"]),
                parameters=operation.get("parameters", []),
                body=", ".join(_kind(media["schema"]) for media in content.values()),
                answers=[_answer(status, answer) for status, answer in operation["responses"].items()],
            )
            yield operation["tags"][0], shown


def _answer(status: str, answer: Mapping[str, Any]) -> tuple[str, str, str]:
    kinds = ", ".join(_kind(media["schema"]) for media in answer.get("content", {}).values())
    return status, answer["description"], kinds


def _model(
    name: str, schema: Mapping[str, Any]
) -> tuple[str, str, list[tuple[str, str, bool, str]], list[Any]]:
    required = schema.get("required", ())
    fields = [
        (field, _kind(inner), field in required, inner.get("description", ""))
        for field, inner in schema.get("properties", {}).items()
    ]
    return name, schema.get("description", ""), fields, schema.get("enum", [])


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a word or two."""
    match schema:
        case {"$ref": str() as reference}:
            return reference.rpartition("/")[2]
        case {"anyOf": [*several]}:
            return " or ".join(_kind(one) for one in several)
        case {"type": "array", "items": items}:
            return f"list of {_kind(items)}"
        case {"type": str() as kind, "format": str() as form}:
            return f"{kind} ({form})"
        case {"const": value}:
            return repr(value)
        case {"type": str() as kind}:
            return kind
        case _:
            return "anything"


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of plain text; the description's few marks are left out."""
    return [part.replace("**", "").replace("`", "") for part in text.split("\n\n") if part.strip()]
