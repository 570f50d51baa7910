"""What all bodies have in common: strict on the way in, plain on the way out."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import Path, Query
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    model_validator,
)

from mover.api.cursors import LONGEST_CURSOR

MOST_NS = 2**63 - 1
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Body(BaseModel):
    """Base of what clients send: unknown names are refused, and nothing that was given stands in errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """Base of what clients get; made from the records of the domain's rooms.

    A field `created_at` shows a record's `created_ns`; all others have the record's own names.
    """

    model_config = ConfigDict(frozen=True)

    @classmethod
    def of(cls, record: object, **more: Any) -> Self:
        """Make it from a record, with fields that the record does not have."""
        return cls.model_validate({**_fields(cls, record, leave_out=more.keys()), **more})

    @model_validator(mode="before")
    @classmethod
    def _from_record(cls, given: Any) -> Any:
        """Take records as well, also inside of others."""
        return given if isinstance(given, dict | BaseModel) else _fields(cls, given)


def _fields(kind: type[BaseModel], record: object, *, leave_out: Collection[str] = ()) -> dict[str, Any]:
    found = {}
    for name in kind.model_fields:
        if name not in leave_out:
            source = f"{name.removesuffix('_at')}_ns" if name.endswith("_at") else name
            found[name] = getattr(record, source)
    return found


def moment(ns: int) -> datetime:
    """A time of the domain (nanoseconds since 1970 UTC) as clients see it, to the microsecond."""
    return datetime.fromtimestamp(ns // 10**9, UTC).replace(microsecond=ns % 10**9 // 1000)


def nanoseconds(when: datetime) -> int:
    """A time of a client as the domain has it."""
    return int(when.timestamp()) * 10**9 + when.microsecond * 1000


def _moment(value: Any) -> Any:
    return moment(value) if isinstance(value, int) else value


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(lambda when: when.astimezone(UTC).isoformat().replace("+00:00", "Z"), when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-01T08:30:00Z"]}),
]
"""RFC 3339, UTC."""


def _given_moment(value: Any) -> Any:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("expected a date and time with its zone, such as 2026-03-01T08:30:00Z")
    return value


MomentGiven = Annotated[
    AwareDatetime,
    BeforeValidator(_given_moment),
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2262, 1, 1, tzinfo=UTC)),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-01T08:30:00Z"]}),
]
"""A time that a client gives: RFC 3339, within what nanoseconds in 64 bits can say."""

Words = BeforeValidator(sorted)
"""Of a list that comes from a set: in a fixed order, so that the same things make the same answer."""

Whole = StrictInt
Flag = StrictBool
Id = Annotated[
    str,
    Path(
        pattern=r"^[0-9a-f]{32}$",
        description="An id, as a list or an earlier answer told it.",
        examples=["6f0c0e3b1d0f4c7a9a4f2f3b0c1d2e3f"],
    ),
]
NumberedId = Annotated[
    int,
    Path(ge=1, le=MOST_NS, description="A number, as a list or an earlier answer told it.", examples=[1042]),
]
ReferredId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", examples=["6f0c0e3b1d0f4c7a9a4f2f3b0c1d2e3f"])]
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many on a page.", examples=[50])]
Cursor = Annotated[
    str | None,
    Query(
        max_length=LONGEST_CURSOR,
        description="`next_cursor` of the page before; left out for the first page.",
    ),
]
