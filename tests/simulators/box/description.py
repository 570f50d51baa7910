"""Box's official description (Box Platform API 2024.0), and what real answers and clients do that it does not foresee.

Allowed: codes of errors that its guide has and its list has not; one conflict instead of a list of them (seen); sources of
events that are more than one of the kinds that it wants to be exactly one of; a revocation without `grant_type`, a
lock without `type` (Box's SDK sends none); nulls where it says that there are none (seen in most of Box's own answers); 401 without a body (seen); booleans
spelled "True" in queries (Box's SDK does); an empty body of `OPTIONS` and its final slash (rclone). Uploads' forms are
checked part by part. What it does not describe is left out: downloads from the other host, plans of upload sessions.
"""

from __future__ import annotations

import json
import os
import re
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_schema_validator import OAS30Validator
from simulators.tally import Exchange
from werkzeug.datastructures import Headers, ImmutableMultiDict

_BASE = "https://api.box.com/2.0"
_NOT_DESCRIBED = re.compile(r"/d/1/|/plan$|/authorize$")
_FORM = re.compile(r"/files/(\{file_id\}/)?content$")


def _folder() -> Path:
    given = os.environ.get("MOVER_SPECS")
    return Path(given) if given else Path(__file__).parents[4] / "shared" / "specs"


@cache
def _document() -> dict[str, Any]:
    file = _folder() / "box-openapi-2024.0.json"
    if not file.exists():
        pytest.skip(f"Box's description is not at {file}")
    document: dict[str, Any] = json.loads(file.read_text())
    document["paths"] = {path: item for path, item in document["paths"].items() if "#" not in path}
    for item in document["paths"].values():
        for operation in item.values():
            operation.pop("servers", None)  # hosts are told apart by the simulator's own tests
            operation.pop("security", None)
    document.pop("security", None)
    schemas = document["components"]["schemas"]
    del schemas["ClientError"]["properties"]["code"]["enum"]
    del schemas["ConflictError"]["allOf"][1]
    schemas["EventSourceResource"]["anyOf"] = schemas["EventSourceResource"].pop("oneOf")
    del schemas["PostOAuth2Revoke"]["required"]
    change = document["paths"]["/files/{file_id}"]["put"]["requestBody"]["content"]["application/json"]
    del change["schema"]["properties"]["lock"]["required"]
    return document


@cache
def _description() -> OpenAPI:
    return OpenAPI.from_dict(_document())


class _Request:
    """A request as the checker wants it."""

    def __init__(self, exchange: Exchange) -> None:
        self.host_url = "https://api.box.com"
        path = exchange.path.removeprefix("/api").rstrip("/")
        self.path = path if path.startswith("/2.0") else f"/2.0{path}"
        self.method = exchange.method.lower()
        self.content_type = _header(exchange.headers, "content-type").partition(";")[0]
        self.body = exchange.body or None
        query = [(name, _small(value)) for name, value in parse_qsl(exchange.query, keep_blank_values=True)]
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(query), header=Headers(exchange.headers), path={}
        )


class _Answer:
    """An answer as the checker wants it."""

    def __init__(self, exchange: Exchange) -> None:
        self.status_code = exchange.status
        self.headers = Headers(exchange.answer_headers)
        self.content_type = _header(exchange.answer_headers, "content-type").partition(";")[0]
        self.data = exchange.answer or None
        if self.content_type == "application/json" and exchange.answer:
            self.data = json.dumps(_without_nulls(json.loads(exchange.answer))).encode()


def check(exchange: Exchange) -> bool:
    """Check one exchange; False if the description says nothing of it. Raises what the checker raises."""
    if _NOT_DESCRIBED.search(urlsplit(exchange.url).path) or exchange.status == 401:
        return False
    request = _Request(exchange)
    if request.content_type == "multipart/form-data":
        _check_form(exchange)
    elif request.method != "delete" and exchange.status < 400:
        _description().validate_request(request)
    if exchange.status not in {204, 302} and exchange.answer:
        _description().validate_response(request, _Answer(exchange))
    return True


def _check_form(exchange: Exchange) -> None:
    head = f"Content-Type: {_header(exchange.headers, 'content-type')}\r\n\r\n".encode()
    parts: Any = BytesParser().parsebytes(head + exchange.body).get_payload()
    names = [part.get_param("name", header="content-disposition") for part in parts]
    assert names[0] == "attributes"
    assert len(names) == 2
    is_new = exchange.path.endswith("/files/content")
    path = "/files/content" if is_new else "/files/{file_id}/content"
    body = _document()["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    attributes = json.loads(str(parts[0].get_payload()))
    OAS30Validator(body["properties"]["attributes"]).validate(attributes)


def _header(headers: list[tuple[str, str]], name: str) -> str:
    return next((value for found, value in headers if found.lower() == name), "")


def _small(value: str) -> str:
    return value.lower() if value in {"True", "False"} else value


def _without_nulls(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _without_nulls(value) for name, value in found.items() if value is not None}
    if isinstance(found, list):
        return [_without_nulls(value) for value in found]
    return found
