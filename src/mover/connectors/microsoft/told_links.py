"""Addresses of contents that listings told: with one a small file is read in one call instead of two.

They are short-lived rights ("the URL is only available for a short period of time"), so they are kept in memory only, few
of them, for minutes, and each is used once. What they lead to is whatever the file holds by then, so only a file whose hash
the same listing told is read by one: whether it is that content is seen at its end.

Source: "driveItem resource type", instance attribute `@microsoft.graph.downloadUrl`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mover.connectors.microsoft.addressing import Address
from mover.vault.secret import Secret

LARGEST = 1024 * 1024
"""Bytes of a file that is worth it: of a larger one a call more is little, and to hash it once more is not."""

_GOOD_FOR_S = 300.0
MOST_TOLD = 4_000  # of some 1.5 KB


@dataclass(frozen=True)
class ToldLink:
    """Where the content of a file is.

    Attributes:
        url: A right to read it.
        versions: What the listing calls the version: any of these.
        size: In bytes.
        quickxor: Hash of the content, in hexadecimal.
    """

    url: Secret
    versions: frozenset[str | None]
    size: int
    quickxor: str


class ToldLinks:
    """Those of one account, the first ones that were told: files are read in the order in which they were listed.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, ToldLink]] = OrderedDict()

    @property
    def has_room(self) -> bool:
        """Whether it is worth it to ask for more of them."""
        oldest_s = self._clock() - _GOOD_FOR_S
        while self._kept and next(iter(self._kept.values()))[0] < oldest_s:
            self._kept.popitem(last=False)
        return len(self._kept) < MOST_TOLD

    def put(self, drive: str, item: str, link: ToldLink) -> None:
        """Keep one, while there is room; what was told later counts."""
        self._kept.pop((drive, item), None)
        if self.has_room:
            self._kept[drive, item] = (self._clock(), link)

    def take(self, address: Address, version: str | None) -> ToldLink | None:
        """Return the one of a file, if it is still good and of that version, and forget it."""
        if address.below:
            return None
        told_s, link = self._kept.pop((address.drive, address.item), (float("-inf"), None))
        if link is None or self._clock() - told_s >= _GOOD_FOR_S:
            return None
        return link if version in link.versions else None
