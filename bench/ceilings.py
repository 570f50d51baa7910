"""How many files a second a vendor's throttle lets through in the long run, for the calls that a client makes."""

from __future__ import annotations

from collections.abc import Mapping

from simulators.dropbox.service import Dropbox
from simulators.egnyte.vendor import Egnyte
from simulators.vendor import Vendor

from simulators.box import Box
from simulators.google import Google
from simulators.microsoft import Microsoft

_MINUTE_S = 60.0
_BOX_UPLOADS = ("POST /api/2.0/files/", "PUT /api/2.0/files/")


def ceiling(vendor: Vendor, calls: Mapping[str, int], files: int, *, refused: int) -> float | None:
    """Return the files a second that the limits of `bench.cloud_accounts.limit` bear once what they let burst is used up.

    Every call of the run counts, those that are made once for all files, too. None where nothing is limited, where all
    files cost no call, and at OneDrive after refusals: it counts units, not calls, and refused ones are not told apart.
    """
    a_second: list[tuple[float | None, float]] = []
    total = sum(calls.values())
    match vendor:
        case Google() as google:
            limit = google.pace.calls_a_minute
            a_second.append((limit and limit / _MINUTE_S, total))
        case Box() as box:
            general, uploads = box.limits.general, box.limits.uploads
            sent = sum(count for call, count in calls.items() if _is_upload(call))
            a_second.append((general and general / _MINUTE_S, total))
            a_second.append((uploads and uploads / _MINUTE_S, sent))
        case Dropbox() as dropbox:
            a_second.append((dropbox.limits.calls_per_s, total))
        case Microsoft() as microsoft:
            units = microsoft.throttle.limit
            a_second.append(
                (units and units / microsoft.throttle.window_s, 0 if refused else microsoft.throttle.used)
            )
        case Egnyte() as egnyte:
            a_second.append((egnyte.gate.limits.per_second, total))
        case _:
            return None
    found = [limit * files / cost for limit, cost in a_second if limit is not None and cost]
    return min(found, default=None)


def _is_upload(call: str) -> bool:
    return call.startswith(_BOX_UPLOADS) and not call.endswith("/commit")
