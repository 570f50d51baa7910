"""What all bodies have in common: strict on the way in, plain on the way out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    StrictInt,
    WithJsonSchema,
)

from mover.api.cursors import LONGEST_CURSOR

MOST_NS = 2**63 - 1


class Body(BaseModel):
    """Base of what clients send: unknown names are refused, and nothing that was given stands in errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """Base of what clients get; made from the records of the domain's rooms."""

    model_config = ConfigDict(from_attributes=True, frozen=True, serialize_by_alias=False)


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


def since(name: str, description: str) -> Any:
    """A field of an answer that shows the record's `<name>_ns` as a `Moment`."""
    return Field(validation_alias=f"{name}_ns", description=description)


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
