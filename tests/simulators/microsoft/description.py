"""Holds recorded exchanges against Microsoft's own description of Graph (storage part of v1.0), where that is at hand.

The description knows items by id alone and actions by long names; addresses by path and short names are spelled so first.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse
from simulators.tally import Exchange

FILE = "msgraph-storage-v1.0.json"
_HOST = "graph.microsoft.com"
_SERVER = f"https://{_HOST}/v1.0"
_IN_DRIVE = re.compile(r"(/drives/[^/]+)/(?:root|items/[^/:]+)(?::/[^:]+:?)?(/.*)?")
_LONG = frozenset({"createUploadSession", "invite", "createLink"})
_NOT_DESCRIBED = re.compile(r"/(users(/[^/]+)?|me|\$batch|me/drive/.+|sites/[^/]+:/.*)")


@cache
def description() -> OpenAPI:
    """Load it, or skip the test."""
    folder = Path(os.environ.get("MOVER_SPECS", Path(__file__).parents[4] / "shared" / "specs"))
    if not (folder / FILE).is_file():
        pytest.skip(f"no description of Microsoft Graph at {folder} (MOVER_SPECS names the folder)")
    return OpenAPI.from_dict(json.loads((folder / FILE).read_text()))


def check(exchanges: Iterable[Exchange]) -> int:
    """Hold exchanges against the description; returns how many it describes. AssertionError tells of the first wrong one."""
    described = 0
    for exchange in exchanges:
        path = spelled(exchange)
        if path is None:
            continue
        described += 1
        headers = {name: value for name, value in exchange.headers if name != "authorization"}
        request = MockRequest(
            f"https://{_HOST}",
            exchange.method.lower(),
            f"/v1.0{path}",
            headers=headers,
            data=exchange.body or None,
            content_type=headers.get("content-type", "application/json").partition(";")[0],
        )
        answered = dict(exchange.answer_headers)
        response = MockResponse(
            exchange.answer,
            status_code=exchange.status,
            headers=answered,
            content_type=answered.get("content-type", "application/json").partition(";")[0],
        )
        try:
            if exchange.status != 204 and exchange.status // 100 != 3:
                description().validate_response(request, response)
            if exchange.method == "POST":
                description().validate_request(request)
        except OpenAPIError as error:
            cause = error.__cause__ or error
            details = [f"{one.json_path}: {one.message}" for one in getattr(cause, "schema_errors", ())]
            raise AssertionError(f"{exchange.method} {path} {exchange.status}: {cause!r} {details}") from None
    return described


def spelled(exchange: Exchange) -> str | None:
    """Return the path as the description spells it; None for what it does not describe."""
    if not exchange.host.startswith(_HOST) or not exchange.path.startswith("/v1.0/"):
        return None
    path = re.sub("/+", "/", unquote(exchange.path).removeprefix("/v1.0").rstrip(":"))  # the SDK writes two
    if _NOT_DESCRIBED.fullmatch(path):
        return None
    path = path.replace("getAllSites", "microsoft.graph.getAllSites()").replace("()()", "()")
    found = _IN_DRIVE.fullmatch(path)
    if found is None:
        return path
    if exchange.method == "PUT" and not (found[2] or "").endswith("content"):
        return None  # the explicit commit of an upload is in the documentation alone
    action = found[2] or ""
    word, _, rest = action.removeprefix("/").partition("/")
    word = word.removeprefix("microsoft.graph.").partition("(")[0]
    if word == "delta":
        action = "/microsoft.graph.delta()"
    elif word in _LONG:
        action = f"/microsoft.graph.{word}" + (f"/{rest}" if rest else "")
    elif action.endswith("content"):
        return None  # bytes, or a redirection
    return f"{found[1]}/items/item{action}"
