"""The official description of the Dropbox API as JSON, and whether an exchange is as it says.

It is no OpenAPI: a route has a style (RPC, upload, download), and types are structs and unions as Stone writes them into
JSON. A union's tag of a struct holds the struct's fields beside the tag, any other value stands under the tag's name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from simulators.tally import Exchange

_FILE = "dropbox-api.json"
_BESIDE = Path(__file__).parents[3].parent / "shared" / "specs"
_OF_STATUS = {
    401: "auth.AuthError",
    403: "auth.AccessError",
    422: "common.PathRootError",
    429: "auth.RateLimitError",
}
_SIMPLE: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def description_file() -> Path | None:
    """Where the description lies; None where it is absent."""
    folders = [Path(os.environ["MOVER_SPECS"])] if "MOVER_SPECS" in os.environ else []
    folders += [_BESIDE, Path(__file__).parents[3].parents[1] / "shared" / "specs"]
    return next((folder / _FILE for folder in folders if (folder / _FILE).is_file()), None)


class Description:
    """The description, with what it says of each exchange."""

    def __init__(self, file: Path) -> None:
        found = json.loads(file.read_text())
        self._types: dict[str, dict[str, Any]] = found["types"]
        self._routes = {route["path"]: route for route in found["routes"]}

    def complaints(self, exchange: Exchange) -> list[str]:
        """Return what is not as described; a call that is no route at all is a complaint too."""
        route = self._routes.get(exchange.path)
        if route is None:
            return [f"{exchange.path}: no such route"]
        return [f"{exchange.path} {exchange.status}: {each}" for each in self._of_route(route, exchange)]

    def _of_route(self, route: dict[str, Any], exchange: Exchange) -> Iterator[str]:
        attrs = route["attrs"]
        headers = {name.lower(): value for name, value in exchange.headers}
        answered = {name.lower(): value for name, value in exchange.answer_headers}
        if exchange.method != "POST" or exchange.host.partition(":")[0] != f"{attrs['host']}.dropboxapi.com":
            yield f"{exchange.method} at {exchange.host}"
        told = exchange.body.decode() if attrs["style"] == "rpc" else headers.get("dropbox-api-arg", "")
        if not told.isascii() and attrs["style"] != "rpc":
            yield "the argument's header is not ASCII"
        if exchange.status != 400:
            yield from self.check(json.loads(told or "null"), route["arg"], "argument")
        if exchange.status < 300:
            is_download = attrs["style"] == "download"
            result = answered["dropbox-api-result"] if is_download else exchange.answer.decode()
            yield from self.check(json.loads(result), route["result"], "result")
        elif exchange.status == 409:
            yield from self._of_error(json.loads(exchange.answer), route["error"])
        elif exchange.status in _OF_STATUS and exchange.answer.startswith(b"{"):
            kind = {"$ref": f"#/types/{_OF_STATUS[exchange.status]}"}
            yield from self._of_error(json.loads(exchange.answer), kind)

    def _of_error(self, answer: dict[str, Any], kind: dict[str, Any]) -> Iterator[str]:
        if not isinstance(answer.get("error_summary"), str):
            yield "no error_summary"
        error = answer.get("error")
        if isinstance(error, dict) and ".tag" in error:
            tag = error[".tag"]
            if not answer["error_summary"].startswith(tag):
                yield f"error_summary does not begin with {tag}"
        yield from self.check(error, kind, "error")

    def check(self, value: Any, kind: Mapping[str, Any], where: str) -> Iterator[str]:
        """Yield what of a value is not as its type says."""
        if value is None:
            if not kind.get("nullable") and kind.get("type") != "null":
                yield f"{where}: null"
        elif "$ref" in kind:
            yield from self._check_named(value, kind["$ref"].removeprefix("#/types/"), where)
        elif kind["type"] == "array":
            yield from self._check_list(value, kind, where)
        elif kind["type"] == "null":
            yield f"{where}: {value!r} instead of nothing"
        elif kind["type"] in _SIMPLE:
            yield from self._check_simple(value, kind, where)
        elif kind["type"] == "object" and not isinstance(value, dict):
            yield f"{where}: {value!r} is no object"

    def _check_list(self, value: Any, kind: Mapping[str, Any], where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{where}: no list"
            return
        if len(value) > kind.get("maxItems", len(value)):
            yield f"{where}: {len(value)} items"
        for number, item in enumerate(value):
            yield from self.check(item, kind["items"], f"{where}[{number}]")

    @staticmethod
    def _check_simple(value: Any, kind: Mapping[str, Any], where: str) -> Iterator[str]:
        expected = _SIMPLE[kind["type"]]
        if not isinstance(value, expected) or (isinstance(value, bool) and kind["type"] != "boolean"):
            yield f"{where}: {value!r} is no {kind['type']}"
            return
        if isinstance(value, str):
            if not kind.get("minLength", 0) <= len(value) <= kind.get("maxLength", len(value)):
                yield f"{where}: {value!r} has a length of {len(value)}"
            if "pattern" in kind and not re.fullmatch(kind["pattern"], value, re.DOTALL):
                yield f"{where}: {value!r} does not match {kind['pattern']}"
            if "format" in kind:
                try:
                    datetime.strptime(value, kind["format"])  # noqa: DTZ007 - only its form counts
                except ValueError:
                    yield f"{where}: {value!r} is not of the form {kind['format']}"
        elif not kind.get("minimum", value) <= value <= kind.get("maximum", value):
            yield f"{where}: {value} is out of range"

    def _check_named(self, value: Any, name: str, where: str) -> Iterator[str]:
        kind = self._types[name]
        if kind["kind"] == "union":
            yield from self._check_union(value, name, where)
        elif subtypes := self._subtypes(name):
            tag = value.get(".tag") if isinstance(value, dict) else None
            if tag not in subtypes:
                yield f"{where}: {tag!r} is no kind of {name}"
                return
            rest = {key: each for key, each in value.items() if key != ".tag"}
            yield from self._check_struct(rest, subtypes[tag], where)
        else:
            yield from self._check_struct(value, name, where)

    def _subtypes(self, name: str) -> dict[str, str]:
        found = self._types[name].get("enumerated_subtypes") or {}
        return {tag: kind["$ref"].removeprefix("#/types/") for tag, kind in found.items()}

    def _fields(self, name: str) -> dict[str, Any]:
        kind = self._types[name]
        above = self._fields(kind["parent"]) if kind.get("parent") else {}
        return above | kind.get("fields", {})

    def _tags(self, name: str) -> dict[str, Any]:
        kind = self._types[name]
        above = self._tags(kind["parent"]) if kind.get("parent") else {}
        return above | kind.get("tags", {})

    def _check_struct(self, value: Any, name: str, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no {name}"
            return
        fields = self._fields(name)
        for missing in (key for key, kind in fields.items() if kind.get("required") and key not in value):
            yield f"{where}: {missing} is missing"
        for key, each in value.items():
            if key not in fields:
                yield f"{where}: {name} has no {key}"
            else:
                yield from self.check(each, fields[key], f"{where}.{key}")

    def _check_union(self, value: Any, name: str, where: str) -> Iterator[str]:
        tag = value if isinstance(value, str) else value.get(".tag") if isinstance(value, dict) else None
        tags = self._tags(name)
        if tag not in tags:
            yield f"{where}: {tag!r} is no tag of {name}"
            return
        rest = {} if isinstance(value, str) else {key: each for key, each in value.items() if key != ".tag"}
        kind = tags[tag]
        inner = kind.get("$ref", "").removeprefix("#/types/")
        if inner and self._types[inner]["kind"] == "struct" and not self._subtypes(inner):
            if rest or not kind.get("nullable"):
                yield from self._check_struct(rest, inner, f"{where}/{tag}")
            return
        if rest.keys() - {tag}:
            yield f"{where}/{tag}: {sorted(rest.keys() - {tag})} beside it"
        if tag in rest or kind.get("type") != "null":
            if tag not in rest and kind.get("nullable"):
                return
            yield from self.check(rest.get(tag), kind, f"{where}/{tag}")
