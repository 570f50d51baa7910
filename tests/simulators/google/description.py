"""Checks exchanges against Google's own description of Drive, where it is here."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from simulators.tally import Exchange

_NAME = "google-drive-v3.json"
_SUCCESS = range(200, 300)


@functools.cache
def description() -> Mapping[str, Any] | None:
    """Return the description; None where it is not here (it is no part of the project)."""
    folders = [
        Path(os.environ.get("MOVER_SPECS", "")),
        *(parent / "shared" / "specs" for parent in Path(__file__).resolve().parents),
    ]
    for folder in folders:
        if (folder / _NAME).is_file():
            found: Mapping[str, Any] = json.loads((folder / _NAME).read_bytes())
            return found
    return None


def check(found: Mapping[str, Any], exchanges: Sequence[Exchange]) -> int:
    """Check that each call of Drive is one that there is, with parameters that it has, and that answers are of its kind.

    Returns how many were checked: downloads, uploads under way, other APIs and batches are passed over.
    """
    checked = 0
    for exchange in exchanges:
        if (
            exchange.host != "www.googleapis.com"
            or "/batch/" in exchange.path
            or "upload_id=" in exchange.query
        ):
            continue
        operation = _operation(found, exchange)
        known = {each["name"] for each in operation["parameters"]} | set(found["components"]["parameters"])
        asked = parse_qs(exchange.query, keep_blank_values=True)
        assert set(asked) <= known, (exchange.url, set(asked) - known)
        is_json = exchange.answer.startswith(b"{") and asked.get("alt", ["json"]) == ["json"]
        if exchange.status in _SUCCESS and is_json and not exchange.path.endswith("/export"):
            _valid(found, operation["responses"], exchange)
        elif exchange.status >= 400:
            error = json.loads(exchange.answer)["error"]
            assert error["code"] == exchange.status
        checked += 1
    return checked


def _operation(found: Mapping[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    parts = exchange.path.split("/")
    matching = []
    for path, operations in found["paths"].items():
        pattern = path.split("/")
        if len(pattern) == len(parts) and all(
            one == other or one.startswith("{") for one, other in zip(pattern, parts, strict=True)
        ):
            matching.append((sum(part.startswith("{") for part in pattern), operations))
    for _, operations in sorted(matching, key=lambda pair: pair[0]):
        if exchange.method.lower() in operations:
            operation: Mapping[str, Any] = operations[exchange.method.lower()]
            return operation
    raise AssertionError(f"Google has no call {exchange.method} {exchange.path}")


def _valid(found: Mapping[str, Any], responses: Mapping[str, Any], exchange: Exchange) -> None:
    schema = responses["default"]["content"]["application/json"]["schema"]
    value = json.loads(exchange.answer)
    validator = Draft202012Validator({**schema, "components": found["components"]})
    error = next(validator.iter_errors(value), None)
    assert error is None, (exchange.url, error and error.message)
    _no_strangers(found, schema, value, exchange.url)


def _no_strangers(found: Mapping[str, Any], schema: Mapping[str, Any], value: Any, url: str) -> None:
    """Refuse names that the description does not have: a JSON schema lets them pass."""
    while "$ref" in schema:
        schema = found["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for each in value:
            _no_strangers(found, schema.get("items", {}), each, url)
    elif isinstance(value, dict) and "properties" in schema:
        for name, each in value.items():
            assert name in schema["properties"], f"{url}: the answer has {name!r}, which Google's has not"
            _no_strangers(found, schema["properties"][name], each, url)
