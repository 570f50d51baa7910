"""All vendors at one clock."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Iterator, MutableMapping

from simulators.clock import Clock
from simulators.vendor import Vendor
from simulators.vendors import MAKERS


class Vendors(MutableMapping[str, Vendor]):
    """Vendors by name. Each is made when somebody first asks for it: hundreds of routes, of which a test needs few."""

    def __init__(self, names: Iterable[str], clock: Clock) -> None:
        self._clock = clock
        self._made: dict[str, Vendor | None] = dict.fromkeys(names)
        self._making = threading.Lock()  # a test and the front's thread may both be the first

    def __getitem__(self, name: str) -> Vendor:
        with self._making:
            made = self._made[name]
            if made is None:
                made = self._made[name] = MAKERS[name](self._clock)
            return made

    def __setitem__(self, name: str, vendor: Vendor) -> None:
        self._made[name] = vendor

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def hosts(self, name: str) -> tuple[str, ...]:
        """Names that a vendor answers for; it is not made for that."""
        made = self._made[name]
        return _hosts(name) if made is None else made.hosts


class World:
    """Vendors that are empty when the world begins.

    Args:
        names: Which; all by default.
    """

    def __init__(self, names: Iterable[str] | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.vendors = Vendors(sorted(MAKERS) if names is None else names, self.clock)

    def vendor_of(self, host: str) -> Vendor | None:
        """Find the vendor that answers for a host name."""
        host = host.lower()
        _, _, rest = host.partition(".")
        for name in self.vendors:
            hosts = self.vendors.hosts(name)
            if host in hosts or f"*.{rest}" in hosts:
                return self.vendors[name]
        return None


@functools.cache
def _hosts(name: str) -> tuple[str, ...]:
    """Which are the same in every world."""
    return MAKERS[name](Clock()).hosts
