"""How pages are declared: an address, what one needs for it, and the function that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from mover.api.body_limit import LARGEST_BODY
from mover.api.operations import Need

if TYPE_CHECKING:
    from mover.web.visit import Visit

Handler = Callable[["Visit"], Awaitable[Response]]

LARGEST_FORM_BYTES = 1 << 20
LARGEST_FILE_BYTES = LARGEST_BODY
"""Of a CSV file; a hundred thousand pairs."""


@dataclass(frozen=True)
class Way:
    """One page, or one thing that a form does.

    Attributes:
        method: GET or POST.
        path: As Starlette reads it.
        need: The permission without which it is refused; `Open` where none is needed.
        answer: Does it.
        largest_body: In bytes.
    """

    method: str
    path: str
    need: Need
    answer: Handler
    largest_body: int = LARGEST_FORM_BYTES
