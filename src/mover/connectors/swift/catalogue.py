"""Finding the storage in the catalogue that Keystone hands out with a token."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

import msgspec

from mover.connectors.swift.config import Interface
from mover.connectors.times import read_rfc3339
from mover.errors import InvalidConfiguration

_STORAGE = "object-store"
_MOST_SHOWN = 10


class Endpoint(msgspec.Struct, frozen=True):
    """One address of a service: version 3 has a line for each interface, version 2 one for each region."""

    region: str | None = None
    region_id: str | None = None
    interface: str | None = None
    url: str | None = None
    public_url: str | None = msgspec.field(default=None, name="publicURL")
    internal_url: str | None = msgspec.field(default=None, name="internalURL")

    def at(self, interface: Interface) -> str | None:
        """The address for an interface."""
        if self.url is not None:
            return self.url if (self.interface or "").removesuffix("URL") == interface.value else None
        return self.public_url if interface is Interface.PUBLIC else self.internal_url

    @property
    def place(self) -> str:
        """The region; empty where there are none."""
        return self.region or self.region_id or ""


class Service(msgspec.Struct, frozen=True):
    """One service of the catalogue."""

    type: str = ""
    name: str | None = None
    endpoints: list[Endpoint] = []


def storage_in(
    services: Iterable[Service], *, region: str | None, default_region: str, interface: Interface
) -> tuple[str, str | None]:
    """Return the storage's address and its region.

    Args:
        services: The catalogue.
        region: As the person wishes.
        default_region: The user's own, where the service names it.
        interface: As the person wishes.

    Raises:
        InvalidConfiguration: There is none, or several and nothing says which.
    """
    found: dict[str, str] = {}
    for service in services:
        if service.type == _STORAGE:
            for endpoint in service.endpoints:
                if url := endpoint.at(interface):
                    found.setdefault(endpoint.place, url)
    if not found:
        raise InvalidConfiguration(
            f"signed in, but the account's catalogue has no object storage with a {interface.value} address; "
            "is the project missing?"
        )
    for wanted in (region, default_region):
        if not wanted:
            continue
        for place, url in found.items():
            if place.casefold() == wanted.casefold():
                return url, place
        if wanted == region:
            raise InvalidConfiguration(f"there is no region {region!r}; there are: {_listed(found)}")
    if len(found) > 1:
        raise InvalidConfiguration(f"several regions have a storage; choose one by region=: {_listed(found)}")
    ((place, url),) = found.items()
    return url, place or None


def read_time(text: str | None) -> float | None:
    """Read when a token ends, as seconds since 1970; None for what is no time."""
    found = read_rfc3339(text, zone=UTC)
    return None if found is None else found / 1e9


def _listed(regions: Iterable[str]) -> str:
    return ", ".join(sorted(regions)[:_MOST_SHOWN])
