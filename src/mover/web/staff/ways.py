"""How pages of the staff are declared: who may come, and what is kept of their looks before the page is made."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from mover.staff.looks import Look
from mover.web.ways import LARGEST_FORM_BYTES

if TYPE_CHECKING:
    from mover.web.staff.visit import StaffVisit

StaffHandler = Callable[["StaffVisit"], Awaitable[Response]]


class Reach(enum.Enum):
    """Who may come."""

    ANYBODY = "anybody"
    BEGUN = "begun"  # the password was shown; whatever step comes next
    STAFF = "staff"  # a second factor was shown, and the password is their own


@dataclass(frozen=True)
class StaffWay:
    """One page, or one thing that a form does.

    Attributes:
        method: GET or POST.
        path: As Starlette reads it; with `organisation_id` in it exactly if `look` is of one.
        reach: Who may come.
        look: What it shows.
        answer: Does it.
        what: For the audit log, where the look is kept: `organisation`, `pair in full`, `cancel`.
        largest_body: In bytes.
    """

    method: str
    path: str
    reach: Reach
    look: Look
    answer: StaffHandler
    what: str = ""
    largest_body: int = LARGEST_FORM_BYTES
