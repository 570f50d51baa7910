from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from mover.api.conditions import etag, expected_versions, not_modified
from mover.api.problems import HttpProblem


def _request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "query_string": b""})


def _answer(tag: str) -> Response:
    return Response(b"x", headers={"ETag": tag})


def test_an_etag_changes_with_what_is_shown_and_carries_the_version() -> None:
    assert etag(b"a", 3) != etag(b"b", 3)
    assert etag(b"a", 3).startswith('"3-')
    assert expected_versions(_request(if_match=etag(b"a", 3))) == frozenset({3})


@pytest.mark.parametrize(
    ("given", "versions"),
    [
        ("*", None),
        ('"3-0123456789abcdef", "4-0123456789abcdef"', {3, 4}),
        ('W/"3-0123456789abcdef"', set()),  # a weak one never matches
        ('"of-another-thing"', set()),
        ('""', set()),
    ],
)
def test_if_match_names_versions(given: str, versions: set[int] | None) -> None:
    found = expected_versions(_request(if_match=given))

    assert (None if found is None else set(found)) == versions


@pytest.mark.parametrize("given", ["3", "nonsense", '"3', '"3" "4"', ""])
def test_if_match_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(HttpProblem) as raised:
        expected_versions(_request(if_match=given))

    assert raised.value.status_code == 400


def test_without_if_match_it_is_demanded() -> None:
    with pytest.raises(HttpProblem) as raised:
        expected_versions(_request())

    assert raised.value.status_code == 428


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("*", True),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b"', False),
        ("a", False),
        ("", False),
    ],
)
def test_if_none_match_tells_what_the_client_has(given: str, same: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert not_modified(_request(if_none_match=given), _answer('"a"')) is same
