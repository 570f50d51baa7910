"""All pages of the staff."""

from __future__ import annotations

from mover.web.staff.routes import exceptions, keys, organisations, requests, sign_in
from mover.web.staff.ways import StaffWay

STAFF_WAYS: tuple[StaffWay, ...] = (
    *sign_in.WAYS,
    *organisations.WAYS,
    *exceptions.WAYS,
    *requests.WAYS,
    *keys.WAYS,
)
