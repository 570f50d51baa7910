"""All vendors at one clock."""

from __future__ import annotations

from collections.abc import Iterable

from simulators.clock import Clock
from simulators.vendor import Vendor
from simulators.vendors import MAKERS


class World:
    """Vendors that are empty when the world begins.

    Args:
        names: Which; all by default.
    """

    def __init__(self, names: Iterable[str] | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.vendors: dict[str, Vendor] = {
            name: MAKERS[name](self.clock) for name in (sorted(MAKERS) if names is None else names)
        }

    def vendor_of(self, host: str) -> Vendor | None:
        """Find the vendor that answers for a host name."""
        host = host.lower()
        _, _, rest = host.partition(".")
        for vendor in self.vendors.values():
            if host in vendor.hosts or f"*.{rest}" in vendor.hosts:
                return vendor
        return None
