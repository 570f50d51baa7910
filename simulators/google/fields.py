"""Partial answers: `fields=nextPageToken,files(id,owners/emailAddress)` ("Return specific fields" of the Drive guides)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from simulators.google.errors import Refusal

Mask = dict[str, "Mask"]
_TOKEN = re.compile(r"\s*([A-Za-z0-9_*]+|[(),/])")


def parsed(text: str, known: frozenset[str] = frozenset()) -> Mask:
    """Read a mask. Raises Refusal where a name is not `known` (names at any depth; empty: all are)."""
    tokens = _tokens(text)
    mask, at = _list(tokens, 0)
    if at != len(tokens):
        raise _invalid(text)
    if known:
        _check(mask, known)
    return mask


def applied(mask: Mask, value: Any) -> Any:
    """Leave of an answer what the mask selects."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [applied(mask, each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {name: applied(mask[name], each) for name, each in value.items() if name in mask}


def wants(mask: Mask, *path: str) -> bool:
    """Tell whether a mask selects something at a path of names."""
    for name in path:
        if "*" in mask:
            return True
        if name not in mask:
            return False
        mask = mask[name]
        if not mask:
            return True
    return True


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _invalid(text)
        tokens.append(found[1])
        at = found.end()
    return tokens


def _list(tokens: list[str], at: int) -> tuple[Mask, int]:
    mask: Mask = {}
    while True:
        at = _path(tokens, at, mask)
        if at >= len(tokens) or tokens[at] != ",":
            return mask, at
        at += 1


def _path(tokens: list[str], at: int, mask: Mask) -> int:
    while True:
        if at >= len(tokens) or tokens[at] in "(),/":
            raise _invalid(" ".join(tokens))
        mask = mask.setdefault(tokens[at], {})
        at += 1
        if at >= len(tokens) or tokens[at] not in "/(":
            return at
        if tokens[at] == "(":
            inner, at = _list(tokens, at + 1)
            if at >= len(tokens) or tokens[at] != ")":
                raise _invalid(" ".join(tokens))
            mask.update(inner)
            return at + 1
        at += 1


def _check(mask: Mask, known: frozenset[str]) -> None:
    for name, inner in mask.items():
        if name != "*" and name not in known:
            raise _invalid(name)
        _check(inner, known)


def _invalid(text: str) -> Refusal:
    return Refusal(400, "invalidParameter", f"Invalid field selection {text}", location="fields")
