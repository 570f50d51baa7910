"""Whom Mover owes something: who reported weaknesses (`credits.toml`), and whose work is in it (`third_party.json`)."""

from __future__ import annotations

import functools
import json
import tomllib
from importlib.resources import files

import msgspec


class Reporter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who told of a weakness.

    Attributes:
        name: As they wish to be named.
        year: In which it was mended.
        found: What it was, in a few words.
        home: Their page, if they want it shown.
    """

    name: str
    year: int
    found: str
    home: str | None = None


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The work of others that comes with Mover. `licence` is an expression of SPDX."""

    name: str
    licence: str
    home: str


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reporter: tuple[Reporter, ...]


def reporters_in(text: str) -> tuple[Reporter, ...]:
    """Read a list of reporters (TOML). Raises ValueError: it is none, or an address is not one of a page."""
    found = msgspec.convert(tomllib.loads(text), _Told).reporter
    for reporter in found:
        if reporter.home is not None and not reporter.home.startswith("https://"):
            raise ValueError(f"{reporter.name}: the address of a page begins with https://")
    return found


@functools.cache
def reporters() -> tuple[Reporter, ...]:
    """Who reported weaknesses, the newest first."""
    return reporters_in((files("mover.web") / "credits.toml").read_text(encoding="utf-8"))


@functools.cache
def parts() -> tuple[Part, ...]:
    """The work of others, by name."""
    text = (files("mover.web") / "third_party.json").read_bytes()
    return tuple(msgspec.convert(json.loads(text), tuple[Part, ...]))
