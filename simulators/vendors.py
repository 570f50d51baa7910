"""The vendors there are. Each package has a `make(clock)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulators import box, dropbox, egnyte, google, microsoft
from simulators.clock import Clock
from simulators.vendor import Vendor

MAKERS: Mapping[str, Callable[[Clock], Vendor]] = {
    "box": box.make,
    "dropbox": dropbox.make,
    "egnyte": egnyte.make,
    "google": google.make,
    "microsoft": microsoft.make,
}
